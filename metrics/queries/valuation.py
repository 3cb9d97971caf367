"""Amounts in the reporting currency, at the stored factor of a day."""

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal

from metrics.models import CurrencyFactor

ONE = Decimal(1)
Factors = Mapping[tuple[str, date], Decimal]


def factors_of(wanted: Iterable[tuple[str, date]], *, reporting: str) -> dict[tuple[str, date], Decimal]:
    """{(currency, day): factor} of the pairs that have one; the reporting currency itself is 1."""
    pairs = set(wanted)
    found = {pair: ONE for pair in pairs if pair[0] == reporting}
    missing = pairs - found.keys()
    if missing:
        rows = CurrencyFactor.objects.filter(
            currency__in={currency for currency, _ in missing},
            day__gte=min(day for _, day in missing),
            day__lte=max(day for _, day in missing),
        ).values_list("currency", "day", "factor")
        found |= {(currency, day): factor for currency, day, factor in rows if (currency, day) in missing}
    return found
