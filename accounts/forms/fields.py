"""Fields used by more than one form."""

from functools import cache
from zoneinfo import available_timezones

from babel.numbers import get_currency_name, list_currencies
from django import forms
from django.core.exceptions import ValidationError

AREAS = ("Africa", "America", "Antarctica", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")
MAIN = (
    "EUR",
    "USD",
    "GBP",
    "CHF",
    "SEK",
    "NOK",
    "DKK",
    "PLN",
    "CZK",
    "CAD",
    "AUD",
    "NZD",
    "JPY",
    "INR",
    "BRL",
    "SGD",
)


@cache
def zone_groups() -> list[tuple[str, list[tuple[str, str]]]]:
    """Time zones by area, for a select with groups."""
    names = sorted(available_timezones())
    groups = [("General", [("UTC", "UTC")])]
    for area in AREAS:
        own = [
            (name, name.split("/", 1)[1].replace("_", " ")) for name in names if name.startswith(f"{area}/")
        ]
        groups.append((area, own))
    return groups


class TimeZoneField(forms.ChoiceField):
    """An IANA zone chosen from groups; `empty` names the choice of none."""

    def __init__(self, *, empty: str = "", **options: object) -> None:
        super().__init__(choices=lambda: ([("", empty)] if empty else []) + list(zone_groups()), **options)

    def valid_value(self, value: object) -> bool:
        """Accept any zone the system knows, also one outside the groups."""
        return str(value) in available_timezones() or super().valid_value(value)


@cache
def main_currencies() -> list[tuple[str, str]]:
    """Common currencies with their names, for suggestions."""
    return [(code, str(get_currency_name(code, locale="en"))) for code in MAIN]


class CurrencyField(forms.CharField):
    """Three letters of ISO 4217, in any case."""

    def __init__(self, **options: object) -> None:
        super().__init__(min_length=3, max_length=3, **options)

    def clean(self, value: object) -> str:
        """The code in capitals; refuses what is no currency."""
        code = str(super().clean(value)).upper()
        if code not in list_currencies():
            text = f"“{code}” is not a currency code. Use three letters of ISO 4217, for example EUR."
            raise ValidationError(text, code="no_currency")
        return code
