"""Exchange rates as they are quoted: both legs of a currency against one base, day by day (X-1)."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal

from django.db.models import QuerySet

from customers.models import FxRate

ONE = Decimal(1)
Quote = tuple[date, Decimal, Decimal]  # day of the rate, native units and reporting units per one of the base


def quotes_of(
    currency: str, *, reporting: str, first: date, until: date, known_at: datetime | None = None
) -> list[Quote]:
    """Rates of both legs up to a day, in order: given per reporting unit, or through the base of the table.

    The reporting currency itself is 1 from `first` on; a currency without rates has no quote.
    """
    if currency == reporting:
        return [(first, ONE, ONE)]
    rates = FxRate.objects.filter(day__lte=until)
    rates = rates.current() if known_at is None else rates.known_at(known_at)
    direct = rates.filter(base__in=["", reporting], currency=currency).order_by("day", "base")
    found = dict(direct.values_list("day", "rate"))
    if found:
        return [(day, rate, ONE) for day, rate in found.items()]
    for base in rates.exclude(base="").order_by("base").values_list("base", flat=True).distinct():
        legs = [_leg(rates, base, name) for name in (currency, reporting)]
        if all(legs):
            return _both(*legs)
    return []


def _leg(rates: QuerySet[FxRate], base: str, currency: str) -> dict[date, Decimal]:
    if currency == base:
        return {date.min: ONE}
    return dict(rates.filter(base=base, currency=currency).order_by("day").values_list("day", "rate"))


def _both(native: Mapping[date, Decimal], reporting: Mapping[date, Decimal]) -> list[Quote]:
    """Both legs on every day one of them changes, each at its latest rate; from the day on both are known."""
    quotes: list[Quote] = []
    held: list[Decimal | None] = [None, None]
    for day in sorted(native.keys() | reporting.keys()):
        held = [native.get(day, held[0]), reporting.get(day, held[1])]
        if held[0] is not None and held[1] is not None:
            quotes.append((day, held[0], held[1]))
    return quotes
