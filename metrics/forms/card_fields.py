"""Fields of the card editor: plain numbers in the units people type, kept as the integers of a body."""

import re
from decimal import Decimal
from typing import Any

from django import forms

from metrics.formulas.health_numbers import MICRO, WEIGHT_UNIT
from metrics.formulas.health_rules import segment_of

PLAIN_NUMBER = re.compile(r"[-\N{MINUS SIGN}]?[0-9]+(\.[0-9]+)?")
MOST_READING = (
    1_000_000_000  # no measure comes near it, and 10^-6 of it fits the columns scores are computed in
)
MOST_WEIGHT = 1_000_000  # a weight above it is a slip of the keyboard; only the relation of weights counts
SHARE_UNIT = MICRO // 100  # shares are typed in per cent
PLACES = {MICRO: 6, WEIGHT_UNIT: 4, SHARE_UNIT: 4, WEIGHT_UNIT // 100: 2}  # decimals that can be kept exactly


class NumberField(forms.DecimalField):
    """Digits, one point and a sign; no exponent, no NaN, no digits of other scripts. Cleans to an integer of 1 / unit."""

    def __init__(self, *, unit: int, label: str, low: int | None = None, high: int, **kwargs: Any) -> None:
        self.unit = unit
        places = PLACES[unit]
        super().__init__(
            min_value=-high if low is None else low,
            max_value=high,
            decimal_places=places,
            max_digits=len(str(high)) + places,
            label=label,
            widget=_number_widget(label),
            **kwargs,
        )

    def to_python(self, value: Any) -> Decimal | None:
        """The number, or an error that says how to write it."""
        text = str("" if value is None else value).strip()
        if text and not PLAIN_NUMBER.fullmatch(text):
            raise forms.ValidationError("Write a plain number, such as 35 or 12.5.")
        return super().to_python(text.replace("\N{MINUS SIGN}", "-"))

    def clean(self, value: Any) -> int | None:  # type: ignore[override] - third-party-type
        """The stored integer; None for an empty optional field."""
        number = super().clean(value)
        return None if number is None else int(number * self.unit)


class DaysField(forms.IntegerField):
    """Whole days or months; empty for none."""

    def __init__(self, *, label: str, low: int = 0, high: int = 3_650, **kwargs: Any) -> None:
        super().__init__(min_value=low, max_value=high, label=label, widget=_number_widget(label), **kwargs)

    def to_python(self, value: Any) -> int | None:
        """The number; digits of other scripts are refused."""
        text = str("" if value is None else value).strip()
        if text and not re.fullmatch(r"-?[0-9]{1,9}", text):
            raise forms.ValidationError("Write a whole number, such as 30.")
        return super().to_python(text)


class SegmentField(forms.CharField):
    """A segment: field=value, several joined by " & "; cleans to its one spelling."""

    def __init__(self, *, label: str, **kwargs: Any) -> None:
        widget = forms.TextInput(attrs={"class": "in", "aria-label": label, "placeholder": "tier=gold"})
        super().__init__(required=False, max_length=200, label=label, widget=widget, **kwargs)

    def clean(self, value: Any) -> str:
        """The labels joined again."""
        text = super().clean(value)
        parts = segment_of(text)
        if any(
            not all(side.strip() for side in part.partition("=")[::2]) or "=" not in part for part in parts
        ):
            raise forms.ValidationError("Write a segment as field=value, such as tier=gold.")
        return " & ".join(parts)


def points_field(label: str, **kwargs: Any) -> NumberField:
    """Points of 0 to 100."""
    return NumberField(unit=MICRO, low=0, high=100, label=label, **kwargs)


def weight_field(label: str) -> NumberField:
    """A weight from 0 on."""
    return NumberField(unit=WEIGHT_UNIT, low=0, high=MOST_WEIGHT, label=label)


def reading_unit(unit: str) -> int:
    """What one typed unit of a reading is in a body: shares are typed in per cent."""
    return SHARE_UNIT if unit == "share" else MICRO


def typed(value: int | None, unit: int) -> Decimal | None:
    """A stored integer as people type it: 35, 12.5."""
    return None if value is None else exact(Decimal(value) / unit)


def exact(value: Decimal) -> Decimal:
    """Without zeros at the end and without an exponent."""
    return value.quantize(Decimal(1)) if value == value.to_integral_value() else value.normalize()


def choice(label: str, choices: list[tuple[str, str]], *, required: bool = True) -> forms.ChoiceField:
    """A select with its label for speech."""
    widget = forms.Select(attrs={"class": "in", "aria-label": label})
    return forms.ChoiceField(choices=choices, required=required, label=label, widget=widget)


def words(label: str, *, longest: int = 80, required: bool = True) -> forms.CharField:
    """A short text with its label for speech."""
    widget = forms.TextInput(attrs={"class": "in", "aria-label": label})
    return forms.CharField(max_length=longest, required=required, label=label, widget=widget)


def _number_widget(label: str) -> forms.TextInput:
    return forms.TextInput(
        attrs={"class": "in n", "aria-label": label, "inputmode": "decimal", "autocomplete": "off"}
    )
