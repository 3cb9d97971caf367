"""Own measures as admins describe them: a custom field, a usage event, or points for actions."""

from decimal import Decimal, InvalidOperation
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from customers.models import CustomField
from metrics.choices import MeasureKind
from metrics.formulas.health_numbers import WEIGHT_UNIT
from metrics.services.own_measures import LONGEST_WINDOW, UNITS

BETTER = (("up", "more is better"), ("down", "less is better"))
COLUMNS = 4  # of a line of actions
LARGEST = 10**12  # far above what the service takes; keeps a number short enough to handle


class MeasureForm(forms.Form):
    """What every own measure has. `kind` says which of the forms this is."""

    kind = ""

    title = forms.CharField(
        max_length=80, help_text="A title that is taken gives the measure its next version."
    )
    about = forms.CharField(required=False, max_length=200, label="What it says")
    better = forms.ChoiceField(choices=BETTER, label="Direction")

    def said(self) -> dict[str, Any]:
        """Arguments of the service."""
        names = ("title", "about", "better")
        return {"kind": self.kind, "spec": self.spec(), **{name: self.cleaned_data[name] for name in names}}

    def spec(self) -> dict[str, Any]:
        """What the measure reads."""
        raise NotImplementedError


class FieldMeasureForm(MeasureForm):
    """A custom field of customers."""

    kind = MeasureKind.FIELD

    field = forms.ChoiceField(
        label="Custom field", help_text="Numbers, days, choices and yes or no can be read."
    )
    field_order = ("title", "field", "about", "better")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = CustomField.objects.filter(
            is_archived=False, kind__in=[str(kind) for kind in UNITS]
        ).order_by("label")
        self.fields["field"].choices = [(one.key, one.label) for one in known]  # type: ignore[attr-defined] - third-party-type

    def spec(self) -> dict[str, Any]:
        """The field by its key."""
        return {"field": self.cleaned_data["field"]}


class WindowForm(MeasureForm):
    """A measure that looks at the last days."""

    window_days = forms.IntegerField(
        label="Days",
        min_value=1,
        max_value=LONGEST_WINDOW,
        initial=30,
        help_text="Whole days up to yesterday.",
    )

    def said(self) -> dict[str, Any]:
        """Likewise, with the window."""
        return super().said() | {"window_days": self.cleaned_data["window_days"]}


class EventMeasureForm(WindowForm):
    """How often a usage event came."""

    kind = MeasureKind.EVENT

    event = forms.CharField(required=False, max_length=200, help_text="As the source sends it; empty: any.")
    feature = forms.CharField(required=False, max_length=200, help_text="Empty: any.")
    first_uses = forms.BooleanField(
        required=False, label="Count features used for the first time, not events"
    )
    field_order = ("title", "event", "feature", "first_uses", "window_days", "about", "better")

    def spec(self) -> dict[str, Any]:
        """Event and feature."""
        return {name: self.cleaned_data[name] for name in ("event", "feature", "first_uses")}


class ActionsMeasureForm(WindowForm):
    """Points for actions, one per line: event, feature, impact, most that counts."""

    kind = MeasureKind.ACTIONS

    actions = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text="One per line: event, feature, impact, most that counts. Example: bug_report, , -5, 4",
    )
    field_order = ("title", "actions", "window_days", "about", "better")

    def clean_actions(self) -> list[dict[str, Any]]:
        """The lines as actions; a line that cannot be read is named."""
        lines = str(self.cleaned_data["actions"]).splitlines()
        return [_action(number, line) for number, line in enumerate(lines, 1) if line.strip()]

    def spec(self) -> dict[str, Any]:
        """The actions in order."""
        return {"actions": self.cleaned_data["actions"]}


FORMS: dict[str, type[MeasureForm]] = {
    form.kind: form for form in (FieldMeasureForm, EventMeasureForm, ActionsMeasureForm)
}


def _action(number: int, line: str) -> dict[str, Any]:
    cells = [cell.strip() for cell in line.split(",")]
    event, feature, impact, most = [*cells, *[""] * COLUMNS][:COLUMNS]
    weight = _ten_thousandths(impact)
    if weight is None or len(cells) > COLUMNS or (most and not most.isdecimal()):
        raise ValidationError(
            f"Line {number} cannot be read. Write event, feature, impact with at most 4 decimals, and a whole number"
            " or nothing."
        )
    return {"event": event, "feature": feature, "impact": weight, "max_count": int(most) if most else None}


def _ten_thousandths(text: str) -> int | None:
    """An impact in 10^-4; None for what is no number of at most 4 decimals."""
    try:
        weight = Decimal(text) * WEIGHT_UNIT
    except InvalidOperation:
        return None
    return int(weight) if weight.is_finite() and abs(weight) < LARGEST and weight == int(weight) else None
