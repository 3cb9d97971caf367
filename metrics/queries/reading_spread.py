"""Where today's readings of a measure lie, for drawing a curve over them, and how much of the MRR has one."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Count, F, Func, IntegerField, Max, Min, Q, Sum, Value

from metrics.formulas.health_measures import MeasureVersion
from metrics.models import CurrentReading

BINS = 20  # columns behind a curve


@dataclass(frozen=True, slots=True)
class Spread:
    """Customers per column between `low` and `high` (10^-6), those outside in the end columns; `known` have a reading."""

    low: int
    high: int
    counts: tuple[int, ...]
    known: int


class WidthBucket(Func):
    """Number of the equal stretch of [low, high) a value lies in: 0 below, count + 1 at or above the end."""

    function = "width_bucket"
    output_field = IntegerField()


def span_of(slot: int) -> tuple[int, int] | None:
    """The smallest and the largest reading of today in 10^-6; None without any."""
    rows = CurrentReading.objects.filter(**{f"reasons__{slot}": 0})
    found = rows.aggregate(low=Min(F(f"values__{slot}")), high=Max(F(f"values__{slot}")))
    return None if found["low"] is None else (found["low"], found["high"])


def spread_of(slot: int, low: int, high: int) -> Spread:
    """Today's readings of a slot over a stretch. One query, whatever the number of customers."""
    if low >= high:
        high = low + 1
    bucket = WidthBucket(F(f"values__{slot}"), Value(low), Value(high), Value(BINS))
    rows = CurrentReading.objects.filter(**{f"reasons__{slot}": 0}).annotate(bucket=bucket)
    counts = [0] * BINS
    for place, customers in rows.order_by().values_list("bucket").annotate(Count("pk")):
        counts[min(BINS - 1, max(0, place - 1))] += customers
    return Spread(low, high, tuple(counts), sum(counts))


def covered_mrr(measures: Iterable[MeasureVersion]) -> dict[tuple[str, int], Decimal]:
    """{(key, version): share of MRR whose customers have a reading}; share of customers when nobody pays. One query."""
    wanted = list({one.slot: one for one in measures}.values())
    rows = CurrentReading.objects.filter(customer__archived_at=None)
    sums = {
        f"mrr_{one.slot}": Sum("customer__summary__mrr", filter=Q(**{f"reasons__{one.slot}": 0}))
        for one in wanted
    }
    counts = {f"known_{one.slot}": Count("pk", filter=Q(**{f"reasons__{one.slot}": 0})) for one in wanted}
    found = rows.aggregate(mrr=Sum("customer__summary__mrr"), customers=Count("pk"), **sums, **counts)
    whole, names = (found["mrr"], "mrr_") if found["mrr"] else (found["customers"], "known_")
    return {
        (one.key, one.version): Decimal(found[f"{names}{one.slot}"] or 0) / whole if whole else Decimal(0)
        for one in wanted
    }
