"""Closed months: what was reported, what the same numbers are today, and which facts made the difference (T-5 to T-7)."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from metrics.formulas.money import ZERO, total
from metrics.models import ClosedMonth, FrozenValue, Restatement


@dataclass(frozen=True, slots=True)
class Reported:
    """A number of a closed month in three columns; None is not computable, with the reason as reported."""

    key: str
    as_reported: Decimal | None
    restated: Decimal | None
    reason: str
    maturing: bool
    steps: Sequence[Restatement]

    @property
    def difference(self) -> Decimal:
        """Restated less as reported, exact; a number that is not computable counts as 0."""
        return total([self.restated or ZERO, (self.as_reported or ZERO).copy_negate()])


def last_closed() -> date | None:
    """The newest closed month."""
    return ClosedMonth.objects.order_by("-month").values_list("month", flat=True).first()


def closed_among(months: Sequence[date]) -> dict[date, ClosedMonth]:
    """Those of the months that are closed."""
    return {row.month: row for row in ClosedMonth.objects.filter(month__in=months)}


def reported(month: date) -> dict[str, Reported]:
    """{key: as reported, restated, steps} of one closed month; empty when it is open."""
    return reported_months([month]).get(month, {})


def reported_months(
    months: Sequence[date], *, keys: Sequence[str] | None = None
) -> dict[date, dict[str, Reported]]:
    """The same for many months, in three queries."""
    values = FrozenValue.objects.filter(month_id__in=months)
    steps = Restatement.objects.filter(month_id__in=months).order_by("pk")
    if keys is not None:
        values, steps = values.filter(key__in=keys), steps.filter(key__in=keys)
    by_number: dict[tuple[date, str], list[Restatement]] = defaultdict(list)
    for step in steps:
        by_number[step.month_id, step.key].append(step)
    found: dict[date, dict[str, Reported]] = defaultdict(dict)
    for row in values.order_by("month_id", "key"):
        taken = by_number[row.month_id, row.key]
        restated = taken[-1].after if taken else row.value
        found[row.month_id][row.key] = Reported(row.key, row.value, restated, row.reason, row.maturing, taken)
    return dict(found)


def restated_keys(months: Sequence[date]) -> dict[date, list[dict[str, Any]]]:
    """{month: rows of what differs today from what was reported}, largest money first."""
    rows = Restatement.objects.filter(month_id__in=months).order_by("month_id", "key", "-pk")
    found: dict[date, list[dict[str, Any]]] = defaultdict(list)
    for row in rows.distinct("month_id", "key"):
        found[row.month_id].append({"key": row.key, "as_reported": row.as_reported, "restated": row.after})
    return dict(found)
