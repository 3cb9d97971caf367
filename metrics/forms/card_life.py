"""Forms of a scorecard's life: new, import, send to review, approve, send back, roll back, and the card rules."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django import forms

from metrics.choices import CardKind
from metrics.formulas.health_facts import Finding
from metrics.formulas.health_rules import segment_of
from metrics.services.lint import name_of
from metrics.services.scorecards import LEAST_NOTE

LONGEST_NOTE = 500
LARGEST_UPLOAD = 500_000  # bytes of a scorecard file
EMPTY_ROWS = 3  # rows for new rules below those that exist
MOST_RULES = 100
LONGEST_SEGMENT = 300


def note_field(
    label: str, help_text: str = "", *, least: int = LEAST_NOTE, needed: bool = True
) -> forms.CharField:
    """A text of a few lines that stays with the version."""
    return forms.CharField(
        label=label,
        min_length=least if needed else None,
        max_length=LONGEST_NOTE,
        required=needed,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=help_text,
    )


class NewCardForm(forms.Form):
    """A new scorecard: its name, and how it adds up. Counting actions is offered first."""

    title = forms.CharField(label="Name", max_length=80)
    kind = forms.ChoiceField(
        label="How it adds up",
        widget=forms.RadioSelect,
        initial=CardKind.ACTIONS,
        choices=[
            (CardKind.ACTIONS, "Actions: points for each thing that happens, such as invites or bug reports"),
            (CardKind.WEIGHTED, "Weighted: measures of 0 to 100 points with weights"),
        ],
    )


class CopyCardForm(forms.Form):
    """The name of a copy."""

    title = forms.CharField(label="Name of the copy", max_length=80)


class ImportCardForm(forms.Form):
    """One exported file."""

    file = forms.FileField(
        label="Scorecard file",
        help_text="A .yaml file that was exported here. It becomes a draft; nothing comes into force.",
        widget=forms.FileInput(attrs={"accept": ".yaml,.yml"}),
    )

    def clean_file(self) -> str:
        """The text of the file."""
        given = self.cleaned_data["file"]
        if given.size > LARGEST_UPLOAD:
            raise forms.ValidationError("The file is too large for a scorecard.")
        try:
            return str(given.read().decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            raise forms.ValidationError("The file is no text. Choose a .yaml file.") from error


class SendForm(forms.Form):
    """What a draft is sent to review with: the save that was previewed, note, day, and a note on each warning."""

    version = forms.IntegerField(min_value=1, widget=forms.HiddenInput)
    note = note_field("What changes and why", "Everybody reads it in the list of versions.")
    effective_on = forms.DateField(
        label="In force from",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text="From 00:00 of that day, or at once after the approval.",
    )

    def __init__(
        self, *args: Any, warnings: Sequence[Finding], notes: Mapping[str, str], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.warnings = {f"note-{name_of(one)}": one for one in warnings}
        for name, finding in self.warnings.items():
            self.fields[name] = forms.CharField(
                label=f"{finding.code}: {finding.text}",
                help_text=finding.hint,
                max_length=LONGEST_NOTE,
                error_messages={"required": "Say why this is accepted, or change the draft."},
                initial=notes.get(name_of(finding), ""),
                widget=forms.TextInput(attrs={"placeholder": "Why this is meant"}),
            )

    def notes(self) -> dict[str, str]:
        """{finding: note} as they were typed, also of a form with an error elsewhere."""
        return {name.removeprefix("note-"): self.cleaned_data.get(name, "") for name in self.warnings}


class ApproveForm(forms.Form):
    """The reason of somebody who approves alone."""

    alone_reason = note_field("Why nobody else approves", needed=False)


class SendBackForm(forms.Form):
    """What has to change."""

    note = note_field("What has to change", least=1)


class RollBackForm(forms.Form):
    """Why an earlier version comes back."""

    reason = note_field("Why it comes back", "It is in force at once.")


class RulesForm(forms.Form):
    """Card rules as rows: place, segment, card. A row without a segment is left out."""

    version = forms.IntegerField(min_value=1, widget=forms.HiddenInput)
    default = forms.ChoiceField(label="Everybody else")

    def __init__(
        self, *args: Any, body: Mapping[str, Any], cards: Iterable[tuple[str, str]], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.choices = list(cards)
        self.rows = min(len(body["rules"]) + EMPTY_ROWS, MOST_RULES + EMPTY_ROWS)
        if self.is_bound:
            self.rows = sum(1 for place in range(MOST_RULES + EMPTY_ROWS) if f"segment-{place}" in self.data)
        self._choice("default", body["default"])
        for place in range(self.rows):
            rule = body["rules"][place] if place < len(body["rules"]) else None
            self._add_row(place, rule)

    def _choice(self, name: str, chosen: str) -> None:
        field = self.fields[name]
        known = {key for key, _ in self.choices}
        gone = [] if chosen in known or not chosen else [(chosen, f"{chosen} (not in force)")]
        field.choices = [*self.choices, *gone]
        field.initial = chosen

    def _add_row(self, place: int, rule: Mapping[str, Any] | None) -> None:
        self.fields[f"place-{place}"] = forms.IntegerField(
            label=f"Place of rule {place + 1}",
            initial=place + 1,
            min_value=0,
            max_value=9_999,
            required=False,
            widget=forms.NumberInput(attrs={"class": "in n", "aria-label": f"Place of rule {place + 1}"}),
        )
        self.fields[f"segment-{place}"] = forms.CharField(
            initial=" & ".join(rule["when"]) if rule else "",
            max_length=LONGEST_SEGMENT,
            required=False,
            widget=forms.TextInput(
                attrs={
                    "class": "in",
                    "list": "segments",
                    "placeholder": "tier=gold & region=EU",
                    "aria-label": f"Segment of rule {place + 1}",
                }
            ),
        )
        self.fields[f"card-{place}"] = forms.ChoiceField(
            required=False,
            widget=forms.Select(attrs={"class": "in", "aria-label": f"Scorecard of rule {place + 1}"}),
        )
        self._choice(f"card-{place}", rule["card"] if rule else "")

    def table(self) -> list[dict[str, Any]]:
        """The rows with their fields."""
        return [
            {name: self[f"{name}-{place}"] for name in ("place", "segment", "card")}
            for place in range(self.rows)
        ]

    def clean(self) -> dict[str, Any]:
        """Every segment is written as labels; a row with one needs a card."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        for place in range(self.rows):
            labels = segment_of(cleaned.get(f"segment-{place}") or "")
            if any("=" not in label.strip("=") for label in labels):
                self.add_error(f"segment-{place}", "Write field=value, several joined by &.")
        return cleaned

    def body(self) -> dict[str, Any]:
        """The body as it is stored, rules in the order of their places."""
        rows = []
        for place in range(self.rows):
            labels = segment_of(self.cleaned_data.get(f"segment-{place}") or "")
            if labels:
                order = self.cleaned_data.get(f"place-{place}")
                card = self.cleaned_data.get(f"card-{place}") or self.cleaned_data["default"]
                rows.append(
                    (order if order is not None else place + 1, place, {"when": list(labels), "card": card})
                )
        return {
            "kind": CardKind.RULES.value,
            "rules": [rule for _, _, rule in sorted(rows, key=lambda row: row[:2])],
            "default": self.cleaned_data["default"],
        }
