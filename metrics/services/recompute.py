"""Recompute everybody in slices: in the foreground, as a job, or because a new local day has begun."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from config.web.errors import DomainError
from config.work import jobs
from config.work.models import Job, JobState
from config.work.pg import analyze
from customers.models import StaleMark
from customers.queries.access import everybody
from customers.services import summaries
from customers.services.locks import lock_summaries_unless_taken
from metrics.models import BridgeChange, CohortChange, CompanyMonth, CustomerStart, LineSegment, Movement
from metrics.queries import definitions
from metrics.queries.freshness import is_other_basis, last_fill, nothing_waits
from metrics.services.factors import fill_factors
from metrics.services.fills import Basis, basis_in_force
from metrics.services.refresh import fill_company, refresh_all_stale, refresh_customers
from metrics.services.statistics import analyze_facts
from metrics.sql.engine import Frame

SLICE = 1_000  # customers of one transaction: a few seconds of SQL and scoring
JOB_KIND = "metrics.recompute_all"
SLICE_KIND = "metrics.recompute_slice"
SLICE_WAIT = timedelta(seconds=2)  # until the run looks again whether other workers have finished
JOB_BUDGET_S = (
    180  # seconds of one run of the job; the rest goes back to the queue, below the worker's time limit
)
EARLIEST = date(1990, 1, 1)  # before any usage event
PATIENCE_S = 120  # seconds a command waits for what a worker has begun
WAIT_S = 0.2  # seconds until customers that a refresh holds are tried again

Report = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Recomputed:
    """What a recompute covered."""

    customers: int
    months: int
    days: int


def recompute_all(
    *, as_of: date, now: datetime, usage_from: date | None = None, report: Report | None = None
) -> Recomputed:
    """Recompute every customer up to `as_of`, slice by slice, then the company's months.

    `usage_from` is the first local day whose usage is counted again; None leaves usage alone.
    """
    ids, basis = customer_ids(), basis_in_force()
    analyze_facts(customers=len(ids))
    fill_factors(Frame(None, as_of, definitions.current()))
    for start in range(0, len(ids), SLICE):
        part = ids[start : start + SLICE]
        recompute_slice(customer_ids=part, as_of=as_of, now=now, usage_from=usage_from)
        if report is not None:
            report(start + len(part), len(ids))
    return finish(customers=len(ids), as_of=as_of, now=now, basis=basis)


def finish(*, customers: int, as_of: date, now: datetime, basis: Basis) -> Recomputed:
    """After the last slice: planner statistics, the company's months, and what was covered.

    `basis` was in force before the first slice: what was published since asks for another recompute.
    """
    analyze(LineSegment, Movement, CustomerStart, BridgeChange, CohortChange)
    months, deadline = 0, time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        months = fill_company(as_of=as_of, now=now, new_day=True, basis=basis)
        fill = last_fill()
        if fill is not None and fill.filled_at == now:
            break
        time.sleep(WAIT_S)  # a ticker holds the lock of the fill
    first = CompanyMonth.objects.order_by("month").values_list("month", flat=True).first()
    return Recomputed(customers=customers, months=months, days=(as_of - first).days + 1 if first else 0)


def recompute_slice(
    *, customer_ids: Sequence[int], as_of: date, now: datetime, usage_from: date | None
) -> None:
    """Refresh these customers and take away the marks they had; customers held by a refresh are tried again."""
    summaries.ensure(customer_ids)
    waiting = list(customer_ids)
    while waiting:
        with transaction.atomic():
            locked = lock_summaries_unless_taken(waiting)
            if locked:
                marks = list(StaleMark.objects.filter(customer_id__in=locked).values_list("pk", flat=True))
                refresh_customers(customer_ids=locked, as_of=as_of, now=now, usage_from=usage_from)
                StaleMark.objects.filter(pk__in=marks).delete()
        done = set(locked)
        waiting = [pk for pk in waiting if pk not in done]
        if waiting:
            time.sleep(WAIT_S)


def customer_ids() -> list[int]:
    """All customers in key order."""
    return list(everybody().order_by("pk").values_list("pk", flat=True))


def run_recompute_job(job: Job, *, as_of: date, now: datetime) -> dict[str, int] | None:
    """The body of the job: plan slices as jobs of their own, so that every free worker takes some; fill at the end.

    Handed back while other workers still hold slices; a run that was broken off goes on where it was, up to the day
    and on the basis its slices were planned for: a new day or definition is a recompute of its own.
    """
    ids, started = customer_ids(), time.monotonic()
    slices = Job.objects.filter(kind=SLICE_KIND, args__run=job.pk)
    if not slices.exists():
        basis = basis_in_force()
        analyze_facts(customers=len(ids))
        fill_factors(Frame(None, as_of, definitions.current()))
        _plan_slices(job, ids, as_of=as_of, now=now, basis=basis)
    while pk := slices.filter(state=JobState.QUEUED, due_at__lte=Now()).values_list("pk", flat=True).first():
        jobs.run(pk)
        jobs.advance(job, done=_customers_done(slices), total=len(ids))
        if time.monotonic() - started > JOB_BUDGET_S:
            break
    if dead := slices.filter(state=JobState.DEAD).first():
        raise DomainError(f"A slice failed: {dead.last_error}", hint="Run the slice again on the Jobs page.")
    if slices.exclude(state=JobState.DONE).exists():
        jobs.hand_back(job, wait=SLICE_WAIT)
        return None
    planned = slices.values_list("args", flat=True).first()
    basis = Basis(**planned["basis"]) if planned else basis_in_force()
    as_of = date.fromisoformat(planned["as_of"]) if planned else as_of
    covered = finish(customers=len(ids), as_of=as_of, now=now, basis=basis)
    return {"customers": covered.customers, "months": covered.months, "days": covered.days}


@transaction.atomic
def _plan_slices(job: Job, ids: Sequence[int], *, as_of: date, now: datetime, basis: Basis) -> None:
    for start in range(0, len(ids), SLICE):
        part = ids[start : start + SLICE]
        jobs.start(
            kind=SLICE_KIND,
            args={
                "run": job.pk,
                "first": part[0],
                "last": part[-1],
                "as_of": as_of.isoformat(),
                "now": now.isoformat(),
                "basis": asdict(basis),
                "usage_from": job.args.get("usage_from", ""),
            },
            title=f"Recompute customers {start + 1} to {start + len(part)}",
            total=len(part),
            dedupe_key=f"{SLICE_KIND} {job.pk} {part[0]}",
        )


def _customers_done(slices: QuerySet[Job]) -> int:
    return sum(slices.filter(state=JobState.DONE).values_list("progress_total", flat=True))


def run_slice_job(job: Job) -> dict[str, int]:
    """One slice of a recompute: customers by their ids, in one transaction."""
    args = job.args
    ids = list(
        everybody()
        .filter(pk__range=(args["first"], args["last"]))
        .order_by("pk")
        .values_list("pk", flat=True)
    )
    with transaction.atomic():
        recompute_slice(
            customer_ids=ids,
            as_of=date.fromisoformat(args["as_of"]),
            now=datetime.fromisoformat(args["now"]),
            usage_from=date.fromisoformat(args["usage_from"]) if args["usage_from"] else None,
        )
        jobs.advance(job, done=len(ids))
    return {"customers": len(ids)}


def start_recompute(*, as_of: date, by: object = None, usage_from: date | None = None) -> Job:
    """Queue a recompute of everybody; one that is running already is returned instead."""
    return jobs.start(
        kind=JOB_KIND,
        args={"as_of": as_of.isoformat(), "usage_from": usage_from.isoformat() if usage_from else ""},
        title="Recompute all customers",
        by=by,
        dedupe_key=JOB_KIND,
    )


def start_new_day(*, as_of: date) -> Job | None:
    """Queue the recompute that rolls all customers on to a new local day, or to another currency or zone."""
    fill = last_fill()
    if fill is None or (fill.as_of >= as_of and not is_other_basis()):
        return None
    return start_recompute(as_of=as_of)


def bring_up_to_date(*, as_of: date, now: datetime, report: Report | None = None) -> Recomputed:
    """For commands: everybody when the day or the currency is new, else only who is stale."""
    fill = last_fill()
    if fill is None or fill.as_of != as_of or is_other_basis():
        return recompute_all(as_of=as_of, now=now, usage_from=EARLIEST, report=report)
    waiting = StaleMark.objects.values("customer_id").distinct().count()
    tell = None if report is None else lambda done: report(done, waiting)
    done, months, deadline = 0, 0, time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        done += refresh_all_stale(as_of=as_of, now=now, report=tell)
        months += fill_company(as_of=as_of, now=now)
        if nothing_waits(as_of=as_of):
            break
        time.sleep(WAIT_S)  # a worker is refreshing the rest
    return Recomputed(customers=done, months=months, days=0)
