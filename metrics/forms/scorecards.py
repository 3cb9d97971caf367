"""Weights of a draft, and the words it is published with."""

import re
from decimal import Decimal
from typing import Any

from django import forms

from metrics.formulas.health_cards import WeightedCard
from metrics.formulas.health_measures import measure_of
from metrics.formulas.health_numbers import WEIGHT_UNIT
from metrics.services.scorecards import LEAST_NOTE

GROUP, MEASURE = "group-", "measure-"
PLAIN_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?")
MOST = 1_000_000  # a weight above it is a slip of the keyboard; only the relation of weights counts


class WeightField(forms.DecimalField):
    """Digits and one point; no exponent, no sign, no NaN, no digits of other scripts."""

    def to_python(self, value: Any) -> Decimal | None:
        """The number, or an error that says how to write it."""
        text = str(value or "").strip()
        if text and not PLAIN_NUMBER.fullmatch(text):
            raise forms.ValidationError("Write a plain number from 0 on, such as 35 or 12.5.")
        return super().to_python(text)


class WeightsForm(forms.Form):
    """One field per group and per measure of a card; weights are any numbers from 0 on with at most 4 decimals."""

    version = forms.IntegerField(min_value=1, widget=forms.HiddenInput)

    def __init__(self, *args: Any, card: WeightedCard, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.card = card
        for group in card.groups:
            self._add(f"{GROUP}{group.key}", f"Weight of {group.title}", group.weight)
            for measure in group.measures:
                title = measure_of(measure.key, measure.version).title
                self._add(f"{MEASURE}{measure.key}", f"Weight of {title} in {group.title}", measure.weight)

    def _add(self, name: str, label: str, weight: int) -> None:
        field = WeightField(
            label=label,
            min_value=0,
            max_value=MOST,
            decimal_places=4,
            max_digits=11,
            initial=plain_weight(weight),
        )
        field.widget.attrs |= {"class": "in n", "aria-label": label, "step": "any", "inputmode": "decimal"}
        self.fields[name] = field

    def weights(self, prefix: str) -> dict[str, int]:
        """Cleaned weights in 10^-4 by the key of their group or measure."""
        return {
            name.removeprefix(prefix): int(value * WEIGHT_UNIT)
            for name, value in self.cleaned_data.items()
            if name.startswith(prefix)
        }


class PublishForm(forms.Form):
    """The change note, and the save that was previewed."""

    version = forms.IntegerField(min_value=1, widget=forms.HiddenInput)
    note = forms.CharField(
        label="What changed and why",
        min_length=LEAST_NOTE,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Everybody reads it in the list of versions.",
    )


def plain_weight(weight: int) -> Decimal:
    """A weight as people type it: 35, 12.5."""
    return Decimal(weight).scaleb(-4).normalize() + 0
