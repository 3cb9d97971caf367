"""Which months are closed, which may be closed, and what late facts did to those that are."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from metrics.formulas.definition import Definition
from metrics.formulas.periods import add_months, month_of, month_period, months_between
from metrics.models import ClosedMonth, Restatement
from metrics.queries.closed_months import Reported, restated_keys
from metrics.queries.receipts import ledger_edges

LONGEST = 60  # months shown
# Metrics that are the same number as a part of the bridge, which stands for both.
TWINS = {
    "mrr": "closing",
    "new_mrr": "new",
    "reactivation_mrr": "reactivation",
    "expansion_mrr": "expansion",
    "contraction_mrr": "contraction",
    "churn_mrr": "churn",
    "fx_mrr": "fx",
    "paying_customers": "close_logos",
}


@dataclass(frozen=True, slots=True)
class MonthLine:
    """A month of the list: closed (with how many numbers are others today), or open until `due_on`."""

    month: date
    closed: ClosedMonth | None
    restated: int
    is_over: bool
    is_next: bool
    due_on: date | None


@dataclass(frozen=True, slots=True)
class Run:
    """One comparison of a closed month with its facts: when, why, which facts, and the numbers it changed."""

    found_at: datetime
    cause: str
    facts: Sequence[Mapping[str, Any]]
    steps: Sequence[Restatement]


def month_list(*, today: date, definition: Definition) -> list[MonthLine]:
    """Months from the first closed one (before any: from the first of the ledger) to the running one, newest first."""
    running = month_of(today)
    closed = {row.month: row for row in ClosedMonth.objects.select_related("closed_by")}
    edges = None if closed else ledger_edges()
    begin = min(closed) if closed else month_of(edges[0]) if edges else running
    months = months_between(max(begin, add_months(running, 1 - LONGEST)), running)
    changed = restated_keys(list(closed))
    last = max(closed, default=None)
    lines = []
    for month in reversed(months):
        row = closed.get(month)
        over = month < running
        lines.append(
            MonthLine(
                month=month,
                closed=row,
                restated=_differing(changed.get(month, ())),
                is_over=over,
                is_next=over and last is not None and month == add_months(last, 1),
                due_on=_due_on(month, last, definition),
            )
        )
    return lines


def _differing(rows: Iterable[Mapping[str, Any]]) -> int:
    """How many numbers are others today, each counted once."""
    keys = {row["key"] for row in rows if row["as_reported"] != row["restated"]}
    return sum(TWINS.get(key) not in keys for key in keys)


def _due_on(month: date, last: date | None, definition: Definition) -> date | None:
    """The day an open month is closed without anybody asking."""
    if last is None or month <= last:
        return None
    return month_period(month).end + timedelta(days=definition.period_close_days)


def runs_of(numbers: Mapping[str, Reported]) -> list[Run]:
    """The comparisons that changed numbers of a closed month, newest first."""
    steps = [step for number in numbers.values() for step in number.steps]
    found: dict[tuple[datetime, str], list[Restatement]] = {}
    for step in steps:
        found.setdefault((step.found_at, step.cause), []).append(step)
    return [
        Run(found_at, taken[0].get_cause_display(), taken[0].facts, taken)
        for (found_at, _), taken in sorted(found.items(), reverse=True)
    ]


def names_of(customers: Any, runs: Sequence[Run]) -> dict[int, str]:
    """{id: name} of the customers among the facts that are in `customers`, the reader's scope."""
    ids = {fact["customer"] for run in runs for fact in run.facts if fact["customer"]}
    return dict(customers.filter(pk__in=ids).values_list("pk", "name")) if ids else {}
