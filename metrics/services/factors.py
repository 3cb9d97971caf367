"""Currency factors: reporting units per native unit, made once per currency and day in Python (X-2, X-3)."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal

from django.db import transaction
from django.db.models import Count, Max, Min

from accounts.queries import organisation
from customers.models import FxRate
from metrics.formulas.money import factor
from metrics.models import CurrencyFactor, LineSegment

ONE = Decimal(1)
BATCH = 5_000  # rows per statement
Rate = tuple[date, Decimal]


def ensure_factors(*, as_of: date) -> int:
    """Fill what is missing up to `as_of`; a currency that is complete is left alone. Returns the rows written."""
    held = {
        row["currency"]: row
        for row in CurrencyFactor.objects.values("currency").annotate(
            first=Min("day"), last=Max("day"), days=Count("id")
        )
    }
    missing = [
        (currency, first)
        for currency, first in _needed(as_of)
        if not _is_complete(held.get(currency), first, as_of)
    ]
    return sum(_fill(currency, first, as_of) for currency, first in missing)


def fill_factors(*, as_of: date) -> int:
    """Make all factors again, after rates or the reporting currency have changed. Returns the rows that differed."""
    return sum(_fill(currency, first, as_of) for currency, first in _needed(as_of))


def _needed(as_of: date) -> list[tuple[str, date]]:
    """Currencies of all lines with the first day each needs a value."""
    lines = LineSegment.objects.filter(from_on__lte=as_of).order_by()
    return list(lines.values_list("currency").annotate(first=Min("from_on")))


def _is_complete(held: dict[str, date | int] | None, first: date, as_of: date) -> bool:
    if held is None or held["first"] > first or held["last"] < as_of:
        return False
    return held["days"] == (held["last"] - held["first"]).days + 1


@transaction.atomic
def _fill(currency: str, first: date, as_of: date) -> int:
    made = list(_series(currency, first, as_of))
    stored = {row.day: row for row in CurrencyFactor.objects.filter(currency=currency)}
    wanted = {row.day for row in made}
    gone = [row.pk for day, row in stored.items() if day not in wanted]
    CurrencyFactor.objects.filter(pk__in=gone).delete()
    differing = [row for row in made if not _same(row, stored.get(row.day))]
    CurrencyFactor.objects.bulk_create(
        differing,
        update_conflicts=True,
        unique_fields=["currency", "day"],
        update_fields=["factor", "rate_day"],
        batch_size=BATCH,
    )
    return len(differing) + len(gone)


def _same(made: CurrencyFactor, stored: CurrencyFactor | None) -> bool:
    return stored is not None and (made.factor, made.rate_day) == (stored.factor, stored.rate_day)


def _series(currency: str, first: date, as_of: date) -> Iterator[CurrencyFactor]:
    """A factor for each day, from the latest rate of that day or before; days before the first rate have none."""
    reporting = organisation.current().currency
    rates: Sequence[Rate] = [(first, ONE)]
    if currency != reporting:
        found = FxRate.objects.current().filter(currency=currency, day__lte=as_of)
        rates = list(found.order_by("day").values_list("day", "rate"))
    for (rate_day, rate), until in zip(rates, [*(day for day, _ in rates[1:]), None], strict=False):
        value = factor(native_per_base=rate, reporting_per_base=ONE)
        day, end = max(rate_day, first), until or as_of + timedelta(days=1)
        while day < end:
            yield CurrencyFactor(currency=currency, day=day, factor=value, rate_day=rate_day)
            day += timedelta(days=1)
