"""Currency factors: reporting units per native unit, made once per currency and day in Python (X-1 to X-5)."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal

from django.db import transaction
from django.db.models import Max, Min, Q, QuerySet

from customers.models import FxRate, LineVersion
from metrics.formulas.money import factor
from metrics.formulas.periods import period_of
from metrics.models import CurrencyFactor
from metrics.queries.quotes import quotes_of
from metrics.rollups.line_segments import LOCKED
from metrics.sql.engine import Frame
from metrics.sql.knowledge import ledger_versions

BATCH = 5_000  # rows per statement
DAY = timedelta(days=1)


def ensure_factors(frame: Frame) -> dict[str, date | None]:
    """Fill what the frame's customers need up to its day.

    Returns the currencies whose first factor is later than their first line, with that day (None: no rate at all).
    """
    needed = _needed(_lines(frame), frame)
    held = {
        currency: (first, last)
        for currency, first, last in CurrencyFactor.objects.order_by()
        .values_list("currency")
        .annotate(first=Min("day"), last=Max("day"))
    }
    for currency, first in needed.items():
        begins, ends = held.get(currency, (date.max, date.min))
        if ends < frame.as_of or (begins > first and _may_be_earlier(frame, currency, begins)):
            _fill(frame, currency, min(first, begins))
    return _late(needed)


def _may_be_earlier(frame: Frame, currency: str, day: date) -> bool:
    """Whether a rate is known from before the day the stored factors begin."""
    if currency == frame.definition.reporting_currency:
        return True
    either = Q(currency=currency) | Q(base=currency)  # the base of a table has no rate of its own
    return FxRate.objects.current().filter(either, day__lt=day).exists()


def fill_factors(frame: Frame) -> int:
    """Make all factors again, after rates or the definition have changed. Returns the rows that differed."""
    needed = _needed(_lines(frame), frame)
    gone, _ = CurrencyFactor.objects.exclude(currency__in=needed).delete()
    return gone + sum(_fill(frame, currency, first) for currency, first in needed.items())


def _lines(frame: Frame) -> QuerySet[LineVersion]:
    lines = ledger_versions(frame)
    return lines if frame.customer_ids is None else lines.filter(customer_id__in=frame.customer_ids)


def _needed(lines: QuerySet[LineVersion], frame: Frame) -> dict[str, date]:
    """Currencies of these lines with the first day each needs a value; the reporting currency for locked values.

    A line that begins later counts too: whether its currency has a rate at all is told by the frame's own day.
    """
    firsts = lines.order_by().values_list("currency").annotate(first=Min("from_on"))
    needed = {currency: min(first, frame.as_of) for currency, first in firsts}
    if needed and frame.definition.fx_policy in LOCKED:
        needed[frame.definition.reporting_currency] = min(needed.values())
    return dict(sorted(needed.items()))  # two workers write in one order, or they lock each other out


def _late(needed: Mapping[str, date]) -> dict[str, date | None]:
    first = dict(
        CurrencyFactor.objects.filter(currency__in=needed)
        .order_by()
        .values_list("currency")
        .annotate(first=Min("day"))
    )
    return {
        currency: first.get(currency)
        for currency, day in needed.items()
        if currency not in first or first[currency] > day
    }


@transaction.atomic
def _fill(frame: Frame, currency: str, first: date) -> int:
    made = list(_series(frame, currency, first))
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


def _series(frame: Frame, currency: str, first: date) -> Iterator[CurrencyFactor]:
    """A factor for each day, from the latest rate of that day or before; days before the first rate have none.

    Under the policy `constant` every day of a fiscal year takes the factor of the year's first day that has one.
    """
    definition = frame.definition
    start = first
    if definition.fx_policy == "constant":
        start = period_of(first, "year", fiscal_start=definition.fiscal_year_start_month).start
    year: tuple[date, Decimal, date] | None = None
    for day, value, rate_day in _daily(frame, currency, start):
        kept = (day, value, rate_day)
        if definition.fx_policy == "constant":
            begins = period_of(day, "year", fiscal_start=definition.fiscal_year_start_month).start
            kept = (begins, value, rate_day) if year is None or year[0] != begins else year
            year = kept
        if day >= first:
            yield CurrencyFactor(currency=currency, day=day, factor=kept[1], rate_day=kept[2])


def _daily(frame: Frame, currency: str, first: date) -> Iterator[tuple[date, Decimal, date]]:
    """(day, factor, day of the rate) up to the frame's day."""
    quotes = quotes_of(
        currency,
        reporting=frame.definition.reporting_currency,
        first=first,
        until=frame.as_of,
        known_at=frame.known_at,
    )
    ends = [*(day for day, _, _ in quotes[1:]), frame.as_of + DAY]
    for (rate_day, native, reporting), end in zip(quotes, ends, strict=bool(quotes)):
        value = factor(native_per_base=native, reporting_per_base=reporting)
        day = max(rate_day, first)
        while day < end:
            yield day, value, rate_day
            day += DAY
