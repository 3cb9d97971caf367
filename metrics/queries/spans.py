"""The parts of every revenue rate for any span of days and any customers.

Whole months of the company come from the stored rollup; everything else is read from line segments and movements by one
query. Over a month of all customers the two give the same numbers.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Count, Q

from metrics.formulas.definition import Definition
from metrics.formulas.money import ZERO, total
from metrics.formulas.periods import Period, month_of, months_ago
from metrics.models import CompanyMonth, CustomerStart
from metrics.queries import definitions
from metrics.queries.usage_windows import Ids, within
from metrics.sql import spans as sql
from metrics.sql.spans import Reading, SpanDays

YEAR = 12  # months


@dataclass(frozen=True, slots=True)
class Span:
    """Sums of one span: opening + five kinds + transfers + fx = closing; contraction and churn are negative.

    `base_*` are positive flows of customers paying at opening; `opening_at_close` and `then_12m` are earlier MRR at
    the closing day's factors. Transfers exist in a segment's view only; `transfer_out` is negative.
    """

    period: Period
    close_on: date
    opening: Decimal = ZERO
    new: Decimal = ZERO
    reactivation: Decimal = ZERO
    expansion: Decimal = ZERO
    contraction: Decimal = ZERO
    churn: Decimal = ZERO
    transfer_in: Decimal = ZERO
    transfer_out: Decimal = ZERO
    fx: Decimal = ZERO
    closing: Decimal = ZERO
    new_n: int = 0
    reactivation_n: int = 0
    expansion_n: int = 0
    contraction_n: int = 0
    churn_n: int = 0
    base_expansion: Decimal = ZERO
    base_contraction: Decimal = ZERO
    base_churn: Decimal = ZERO
    opening_at_close: Decimal = ZERO
    kept: Decimal = ZERO
    now_of_base: Decimal = ZERO
    then_12m: Decimal = ZERO
    kept_12m: Decimal = ZERO
    now_12m: Decimal = ZERO
    open_logos: int = 0
    close_logos: int = 0
    lost_logos: int = 0
    logos_12m: int = 0
    kept_logos_12m: int = 0
    ever_paid: int = 0
    joined_logos: int | None = None
    joined_lost_logos: int | None = None


MOVED = (*sql.KINDS, "transfer_in", "transfer_out")
PARTS = [item.name for item in fields(Span) if item.name not in {"period", "close_on"}]
_STORED = [
    name for name in PARTS if name not in {"transfer_in", "transfer_out", "joined_logos", "joined_lost_logos"}
]


def spans_for(
    periods: Sequence[Period], *, as_of: date, customers: Ids = None, definition: Definition | None = None
) -> list[Span]:
    """One span per period, closing at the latest on `as_of`, read as the definition in force (or the given one) says."""
    reading = reading_of(definition or definitions.current())
    close_days = [min(period.last_day, as_of) for period in periods]
    if customers is None and reading == sql.PLAIN and _are_stored(periods, as_of):
        return _stored_months(periods, close_days)
    return read_spans(periods, close_days=close_days, customers=customers, reading=reading)


def month_spans(months: Sequence[Period], *, close_days: Sequence[date], customers: Ids = None) -> list[Span]:
    """Whole calendar months; a month without rows is a span of zeros."""
    if customers is None:
        return _stored_months(months, close_days)
    return read_spans(months, close_days=close_days, customers=customers)


def read_spans(
    periods: Sequence[Period],
    *,
    close_days: Sequence[date],
    customers: Ids = None,
    reading: Reading = sql.PLAIN,
) -> list[Span]:
    """Spans of any length that close on the given days (the period's last day, or earlier where it still runs)."""
    found = sql.totals(span_days(periods, close_days), ids=ids_of(customers), reading=reading)
    ever = _ever_paid(close_days, customers)
    return [
        span_of(period, close_on, {**found.get(no, {}), "ever_paid": ever[close_on]})
        for no, (period, close_on) in enumerate(zip(periods, close_days, strict=True))
    ]


def span_of(period: Period, close_on: date, parts: dict[str, Any]) -> Span:
    """A span from its parts; fx is what movements and transfers leave unexplained (M-1)."""
    span = Span(period, close_on, **{name: parts[name] for name in PARTS if name in parts and name != "fx"})
    return replace_fx(span)


def replace_fx(span: Span) -> Span:
    """The span with its fx worked out as the residual."""
    moved = total(getattr(span, name) for name in MOVED)
    return replace(span, fx=total([span.closing, span.opening.copy_negate(), moved.copy_negate()]))


def span_days(periods: Iterable[Period], close_days: Iterable[date]) -> list[SpanDays]:
    """What the reading query asks for, with the day twelve months before each close."""
    return [
        SpanDays(period.opening_day, period.start, close_on, months_ago(close_on, YEAR))
        for period, close_on in zip(periods, close_days, strict=True)
    ]


def reading_of(definition: Definition) -> Reading:
    """How a definition reads spans."""
    return Reading(
        month_grain=definition.movement_grain == "month",
        suppress=definition.same_period_new_churn == "suppress",
        with_free=definition.count_zero_mrr_active,
    )


def ids_of(customers: Ids) -> list[int] | None:
    """Customer ids as a list; None stays None (all)."""
    if customers is None:
        return None
    if hasattr(customers, "values_list"):
        return list(customers.values_list("pk", flat=True))
    return list(customers)


def _are_stored(periods: Sequence[Period], as_of: date) -> bool:
    fill = CompanyMonth.objects.order_by("-month").values_list("close_on", flat=True).first()
    if not all(_is_month(period) for period in periods):
        return False
    return fill is None or fill <= as_of or all(period.last_day <= as_of for period in periods)


def _is_month(period: Period) -> bool:
    return period.start.day == 1 and month_of(period.last_day) == period.start


def _stored_months(months: Sequence[Period], close_days: Sequence[date]) -> list[Span]:
    rows = CompanyMonth.objects.filter(month__in=[period.start for period in months])
    stored = {row["month"]: row for row in rows.values("month", *_STORED)}
    return [
        Span(
            period,
            close_on,
            **{name: value for name, value in stored.get(period.start, {}).items() if name != "month"},
        )
        for period, close_on in zip(months, close_days, strict=True)
    ]


def _ever_paid(days: Iterable[date], customers: Ids) -> dict[date, int]:
    """Customers that had paid by the end of each day."""
    days = sorted(set(days))
    starts = within(CustomerStart.objects.order_by(), customers)
    found = starts.aggregate(
        **{
            f"n{no}": Count("customer_id", distinct=True, filter=Q(first_paid_on__lte=day))
            for no, day in enumerate(days)
        }
    )
    return {day: found[f"n{no}"] for no, day in enumerate(days)}
