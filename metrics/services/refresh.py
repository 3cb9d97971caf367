"""Bring what is computed up to date with the facts: for stale customers, and for the months of the company."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction

from config.work.pg import try_lock
from customers.models import StaleMark
from customers.services import summaries
from customers.services.locks import lock_summaries_unless_taken
from metrics.models import DirtyMonth
from metrics.queries import definitions
from metrics.queries.freshness import last_fill
from metrics.rollups import (
    checksum,
    company_months,
    customer_starts,
    daily_usage,
    line_segments,
    month_changes,
    movements,
)
from metrics.services.factors import ensure_factors, fill_factors
from metrics.services.fills import Basis, note_fill
from metrics.services.line_prices import fill_prices
from metrics.services.revenue_summaries import publish_revenue
from metrics.services.scores import score_customers
from metrics.services.statistics import analyze_facts
from metrics.sql.engine import Frame, room_to_work
from surveys.services.summaries import publish_answers

REFRESH_BATCH = 500  # customers of one transaction; about 2 s of SQL, short enough to lose in a crash
BUDGET_S = 20  # seconds one ticker pass may take before the next one goes on
COMPANY_LOCK = (71, 1)  # advisory lock: one fill of the company's months at a time
USAGE, RATE = ("usage", "undo"), "rate"  # causes of stale marks that ask for more than revenue


@dataclass(frozen=True, slots=True)
class Stale:
    """Marks taken by one transaction."""

    mark_ids: list[int]
    customer_ids: list[int]
    usage_from: date | None
    rates_changed: bool


@transaction.atomic
def refresh_customers(
    *, customer_ids: Sequence[int], as_of: date, now: datetime, usage_from: date | None = None
) -> None:
    """Rebuild everything computed about these customers up to the local day `as_of`.

    Revenue is rebuilt whole; usage from the month of `usage_from` on, or not at all. Doing it again changes nothing.
    """
    frame = Frame(sorted(customer_ids), as_of, definitions.current())
    room_to_work()
    rebuild_revenue(frame)
    if usage_from is not None:
        daily_usage.fill(frame, from_day=usage_from)
    score_customers(customer_ids=frame.customer_ids, as_of=as_of, now=now)
    publish_revenue(customer_ids=list(customer_ids), as_of=as_of)
    publish_answers(customer_ids=customer_ids)


def rebuild_revenue(frame: Frame) -> None:
    """Line segments, movements and starts of these customers, and what they add to the company's months.

    The one road to every revenue number: live, for another definition, and as known at an earlier moment.
    """
    month_changes.collect(frame)
    late = ensure_factors(frame)
    fill_prices(frame)
    line_segments.fill(frame, rates_since=late)
    movements.fill(frame)
    customer_starts.fill(frame)
    if month_changes.append(frame):
        DirtyMonth.objects.create(month=frame.as_of.replace(day=1))


def refresh_stale(*, as_of: date, now: datetime, limit: int = REFRESH_BATCH) -> int:
    """One transaction: lock up to `limit` stale customers nobody else holds, refresh them, delete exactly their marks.

    Never behind the day of the last fill: a pass that began before midnight may meet customers of the new day.
    Returns the number of customers refreshed; 0 when nothing is stale or all of it is being refreshed elsewhere.
    """
    with transaction.atomic():
        last = last_fill()
        as_of = as_of if last is None else max(as_of, last.as_of)
        stale = _take(limit)
        if not stale.customer_ids:
            return 0
        if stale.rates_changed:  # months are valued anew even where no movement differs
            fill_factors(Frame(None, as_of, definitions.current()))
            DirtyMonth.objects.create(month=as_of.replace(day=1))
        refresh_customers(customer_ids=stale.customer_ids, as_of=as_of, now=now, usage_from=stale.usage_from)
        StaleMark.objects.filter(pk__in=stale.mark_ids).delete()
        return len(stale.customer_ids)


def refresh_all_stale(
    *,
    as_of: date,
    now: datetime,
    budget_s: float | None = None,
    report: Callable[[int], None] | None = None,
) -> int:
    """Refresh until nothing is stale, or for `budget_s` seconds; `report` hears how many customers are done."""
    started, done = time.monotonic(), 0
    analyze_facts(customers=StaleMark.objects.values("customer_id").distinct().count())
    while refreshed := refresh_stale(as_of=as_of, now=now):
        done += refreshed
        if report is not None:
            report(done)
        if budget_s is not None and time.monotonic() - started > budget_s:
            break
    return done


def _take(limit: int) -> Stale:
    waiting = StaleMark.objects.order_by("customer_id").values_list("customer_id", flat=True).distinct()
    wanted = list(waiting[: limit * 2])  # some may be taken by another worker
    summaries.ensure(wanted)
    locked = lock_summaries_unless_taken(wanted)[:limit]
    marks = list(StaleMark.objects.filter(customer_id__in=locked).values_list("pk", "from_day", "cause"))
    days = [day for _, day, cause in marks if cause in USAGE]
    return Stale(
        mark_ids=[pk for pk, _, _ in marks],
        customer_ids=locked if marks else [],
        usage_from=min(days, default=None),
        rates_changed=any(cause == RATE for _, _, cause in marks),
    )


@transaction.atomic
def fill_company(*, as_of: date, now: datetime, new_day: bool = False, basis: Basis | None = None) -> int:
    """Fill the company's months and cohorts from the change rows; returns the months written.

    The company stays at the day and on the basis of its last fill until `new_day` says that all customers have been
    rolled on to `as_of` and `basis`. Readers see the old rows or the new ones, never a mix.
    """
    if not try_lock(*COMPANY_LOCK):
        return 0
    dirty = list(DirtyMonth.objects.values_list("pk", flat=True))
    last = last_fill()
    if last is not None and not new_day:
        as_of, basis = last.as_of, Basis(last.currency, last.time_zone, last.definition)
    if last is not None and not new_day and not dirty:
        return 0
    written = company_months.fill(Frame(None, as_of, definitions.current()))
    note_fill(as_of=as_of, now=now, checksum=checksum.of_tables(checksum.COMPANY), basis=basis)
    DirtyMonth.objects.filter(pk__in=dirty).delete()
    return written
