"""Amounts in the reporting currency, at the factor of a day."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal

from metrics.formulas.money import factor
from metrics.models import CurrencyFactor
from metrics.queries.quotes import ONE, quotes_of

Factors = Mapping[tuple[str, date], Decimal]


def factors_of(
    wanted: Iterable[tuple[str, date]], *, reporting: str, known_at: datetime | None = None
) -> dict[tuple[str, date], Decimal]:
    """{(currency, day): factor} of the pairs that have one; the reporting currency itself is 1.

    Factors are stored from the first day a line has a currency; costs and orders may have others, which are read from
    the rates: the latest one of that day or before.
    """
    pairs = set(wanted)
    found = {pair: ONE for pair in pairs if pair[0] == reporting}
    missing = pairs - found.keys()
    if missing:
        rows = CurrencyFactor.objects.filter(
            currency__in={currency for currency, _ in missing},
            day__gte=min(day for _, day in missing),
            day__lte=max(day for _, day in missing),
        ).values_list("currency", "day", "factor")
        found |= {(currency, day): value for currency, day, value in rows if (currency, day) in missing}
        found |= _from_rates(missing - found.keys(), reporting=reporting, known_at=known_at)
    return found


def _from_rates(
    pairs: Iterable[tuple[str, date]], *, reporting: str, known_at: datetime | None
) -> dict[tuple[str, date], Decimal]:
    days: dict[str, list[date]] = {}
    for currency, day in pairs:
        days.setdefault(currency, []).append(day)
    found: dict[tuple[str, date], Decimal] = {}
    for currency, listed in days.items():
        quotes = quotes_of(
            currency, reporting=reporting, first=min(listed), until=max(listed), known_at=known_at
        )
        quoted = [day for day, _, _ in quotes]
        for day in listed:
            place = bisect_right(quoted, day)
            if place:
                _, native, base = quotes[place - 1]
                found[currency, day] = factor(native_per_base=native, reporting_per_base=base)
    return found
