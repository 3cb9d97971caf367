"""An exchange rate of one day as people type it."""

from datetime import date
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from customers.connectors.cells import currencies
from customers.services.rates import LARGEST, DayRate
from metrics.forms.costs import EARLIEST, LATEST, day_input


def code(value: Any) -> str:
    """Three capital letters of ISO 4217."""
    text = str(value or "").strip().upper()
    if text and text not in currencies():
        raise ValidationError("This is no currency of ISO 4217.")
    return text


class RateForm(forms.Form):
    """Units of a currency for one unit of a base; another rate for a known day and base corrects it."""

    day = forms.DateField(label="Day", widget=day_input())
    currency = forms.CharField(max_length=3, help_text="A code such as USD.")
    rate = forms.DecimalField(max_digits=24, decimal_places=12)
    base = forms.CharField(
        max_length=3, help_text="The rate is units of the currency for one unit of the base."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["rate"].widget.attrs |= {"step": "any", "inputmode": "decimal"}

    def clean_day(self) -> date:
        """A day that calendars of business hold."""
        day: date = self.cleaned_data["day"]
        if not EARLIEST <= day < LATEST:
            raise ValidationError("Give a day between 1990 and 2199.")
        return day

    def clean_rate(self) -> Decimal:
        """Above zero."""
        rate: Decimal = self.cleaned_data["rate"]
        if not 0 < rate < LARGEST:
            raise ValidationError("A rate lies above zero.")
        return rate

    def clean_currency(self) -> str:
        """A currency that exists."""
        return code(self.cleaned_data["currency"])

    def clean_base(self) -> str:
        """Likewise."""
        return code(self.cleaned_data["base"])

    def clean(self) -> dict[str, Any]:
        """A currency has no rate in itself."""
        found: dict[str, Any] = super().clean() or {}
        if found.get("base") and found.get("base") == found.get("currency"):
            self.add_error("base", "Currency and base are the same.")
        return found

    def said(self) -> DayRate:
        """The rate as the service takes it."""
        found = self.cleaned_data
        return DayRate(found["day"], found["currency"], found["rate"], found["base"])
