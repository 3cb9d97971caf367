"""A cost entry as people type it: first and last day, both included, and what it was spent for."""

from datetime import date, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from customers.choices import COST_CATEGORIES, CostKind
from customers.models import CostEntry
from customers.services.costs import CostFields

DAY = timedelta(days=1)
EARLIEST, LATEST = date(1990, 1, 1), date(2200, 1, 1)
UNSAID = "not said"


def day_input() -> forms.DateInput:
    """A date control."""
    return forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class CostForm(forms.Form):
    """One entry; `what` is kind and category in one, as in “acquisition/sales”."""

    first_on = forms.DateField(label="First day", widget=day_input())
    last_on = forms.DateField(
        label="Last day", widget=day_input(), help_text="Included. The cost is spread evenly over the days."
    )
    what = forms.ChoiceField(label="What for")
    amount = forms.DecimalField(min_value=0, max_digits=20, decimal_places=8)
    currency = forms.CharField(min_length=3, max_length=3, help_text="A code such as EUR.")
    segment = forms.CharField(
        required=False, max_length=100, help_text="Empty: unallocated, never spread over segments."
    )
    channel = forms.CharField(required=False, max_length=60)

    def __init__(self, *args: Any, cost: CostEntry | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["what"].choices = _whats(cost)  # type: ignore[attr-defined] - third-party-type
        self.fields["amount"].widget.attrs |= {"step": "any", "inputmode": "decimal"}

    def clean_first_on(self) -> date:
        """A day that calendars of business hold."""
        return _near(self.cleaned_data["first_on"])

    def clean_last_on(self) -> date:
        """Likewise."""
        return _near(self.cleaned_data["last_on"])

    def clean_currency(self) -> str:
        """Capital letters."""
        return str(self.cleaned_data["currency"]).upper()

    def clean(self) -> dict[str, Any]:
        """The last day is not before the first."""
        found: dict[str, Any] = super().clean() or {}
        first, last = found.get("first_on"), found.get("last_on")
        if first and last and last < first:
            self.add_error("last_on", "The last day lies before the first.")
        return found

    def said(self) -> CostFields:
        """What the entry says, as the service takes it."""
        found = self.cleaned_data
        kind, _, category = found["what"].partition("/")
        return {
            "from_on": found["first_on"],
            "to_on": found["last_on"] + DAY,
            "kind": kind,
            "category": category,
            "amount": found["amount"],
            "currency": found["currency"],
            "segment": found["segment"],
            "channel": found["channel"],
        }


FIELDS = {"from_on": "first_on", "to_on": "last_on", "kind": "what", "category": "what"}  # service -> form


def initial_of(cost: CostEntry) -> dict[str, Any]:
    """An entry as the form shows it."""
    return {
        "first_on": cost.from_on,
        "last_on": cost.to_on - DAY,
        "what": f"{cost.kind}/{cost.category}",
        "amount": cost.amount.normalize() if cost.amount else 0,
        "currency": cost.currency,
        "segment": cost.segment,
        "channel": cost.channel,
    }


def _whats(cost: CostEntry | None) -> list[tuple[str, list[tuple[str, str]]]]:
    """Categories under their kinds; an entry's own category is offered even where it is none of the list."""
    found = []
    for kind in CostKind:
        words = list(COST_CATEGORIES[kind])
        if cost is not None and cost.kind == kind and cost.category and cost.category not in words:
            words.append(cost.category)
        options = [(f"{kind}/{word}", word) for word in words]
        found.append((str(kind.label), [*options, (f"{kind}/", f"{kind.label}, {UNSAID}")]))
    return found


def _near(day: date) -> date:
    if not EARLIEST <= day < LATEST:
        raise ValidationError("Give a day between 1990 and 2199.")
    return day
