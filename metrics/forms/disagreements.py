"""How a disagreement between views ends."""

from collections.abc import Sequence
from typing import Any

from django import forms

from metrics.choices import Closing

WAYS = [
    (Closing.EVIDENCE, "New evidence: a fact settles it"),
    (Closing.OVERRIDE, "An override says so until its end"),
    (Closing.CARD_CHANGE, "The scorecard is to change: a draft exists"),
    (Closing.BOTH_RIGHT, "Both are right: rests for 90 days"),
]
Options = Sequence[tuple[str, str]]


class CloseForm(forms.Form):
    """The way, and what it rests on."""

    closing = forms.ChoiceField(label="How it ends", choices=WAYS, widget=forms.RadioSelect)
    fact = forms.ChoiceField(label="The fact", required=False, help_text="For new evidence.")
    draft = forms.ChoiceField(label="The draft", required=False, help_text="For a change of the scorecard.")
    note = forms.CharField(
        required=False,
        max_length=2_000,
        help_text="For “both right”: why, in at least 10 characters.",
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def __init__(self, *args: Any, facts: Options, drafts: Options, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        none = "None recorded since" if not facts else "Choose a fact"
        self.fields["fact"].choices = [("", none), *facts]
        self.fields["draft"].choices = [("", "Choose a draft" if drafts else "No draft exists"), *drafts]

    @property
    def link(self) -> str:
        """What the chosen way rests on."""
        field = {Closing.EVIDENCE: "fact", Closing.CARD_CHANGE: "draft"}.get(self.cleaned_data["closing"], "")
        return str(self.cleaned_data.get(field, ""))
