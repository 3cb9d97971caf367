"""What a contact sends. Shape only; whether it may be recorded is for the service."""

from typing import Any

from django import forms

from surveys.formulas.scales import SCALES
from surveys.services.responses import MAX_COMMENT

KEPT_CONTROLS = "\n\t"


class AnswerForm(forms.Form):
    """Score on the scale of its kind, an optional comment, and two boxes."""

    score = forms.IntegerField(error_messages={"required": "", "invalid": ""})
    comment = forms.CharField(required=False, strip=True)
    contact_me = forms.BooleanField(required=False)
    remove_comment = forms.BooleanField(required=False)
    form = forms.CharField(required=False)

    def __init__(self, data: Any, *, kind: str) -> None:
        super().__init__(_without_controls(data))
        self._scale = SCALES[kind]

    def clean_score(self) -> int:
        score: int = self.cleaned_data["score"]
        if not self._scale.holds(score):
            raise forms.ValidationError("off the scale")
        return score

    def clean_comment(self) -> str:
        comment: str = self.cleaned_data["comment"].replace("\r\n", "\n")
        if len(comment) > MAX_COMMENT:
            raise forms.ValidationError(f"{len(comment)} characters are more than {MAX_COMMENT}.")
        return comment


def _without_controls(data: Any) -> dict[str, str]:
    """The posted text without control characters (S-95); line ends and tabs stay."""
    return {
        name: "".join(c for c in str(value).replace("\r\n", "\n") if c >= " " or c in KEPT_CONTROLS)
        for name, value in data.items()
    }
