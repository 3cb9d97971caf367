"""After a version went live: everybody is scored again by jobs, and what came is compared with what was promised."""

import hashlib
import json
import time
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from accounts.models import User
from config.web.errors import DomainError
from config.work import jobs
from config.work.models import Job, JobState
from customers.queries.access import everybody
from metrics.choices import VersionState
from metrics.models import HealthScore, ScorecardVersion
from metrics.rollups import readings
from metrics.services import promises
from metrics.services.scores import RESCORE_BATCH, rescore

JOB_KIND = "metrics.rescore"
SLICE_KIND = "metrics.rescore_slice"
BUDGET_S = 150  # seconds of one run; the rest goes back to the queue, below the worker's time limit
PATIENCE_S = 20  # seconds a run waits for slices that other workers hold, before it goes back to the queue
WAIT_S = 0.2  # seconds until it looks again
SLICE_WAIT = timedelta(seconds=2)  # until a run that went back looks again
LOOK_BACK = timedelta(days=2)  # how long ago a version may have ended whose scores are still looked for
REST = timedelta(minutes=10)  # between two runs that the same cards in force ask for


def start_rescore(*, version: ScorecardVersion | None, by: User | None) -> Job:
    """Let a worker score everybody by the cards in force, in the caller's transaction. `version` has just gone live."""
    live = _live_ids()
    args = {"live": live, "version": version.pk if version else None}
    title = (
        f"Scores under {version.scorecard} {version.label}" if version else "Scores under the cards in force"
    )
    return jobs.start(kind=JOB_KIND, args=args, title=title[:200], by=by, dedupe_key=_key(live))


def start_if_left(*, now: datetime) -> bool:
    """Start a run when customers are still scored by a version that went out of force lately."""
    live = _live_ids()
    recent = Q(created_at__gt=now - REST) | Q(finished_at=None)
    if Job.objects.filter(recent, kind=JOB_KIND, dedupe_key=_key(live)).exists() or not _left(now):
        return False
    start_rescore(version=None, by=None)
    return True


def _left(now: datetime) -> bool:
    ended = ScorecardVersion.objects.filter(state=VersionState.SUPERSEDED, live_to__gt=now - LOOK_BACK)
    theirs = HealthScore.objects.filter(to_at=None, customer__archived_at=None)
    by_card, by_rules = theirs.filter(version=OuterRef("pk")), theirs.filter(rules=OuterRef("pk"))
    return bool(ended.filter(Exists(by_card) | Exists(by_rules)).exists())


def run_rescore_job(job: Job) -> dict[str, Any] | None:
    """Body of the job: slices as jobs of their own, so that every free worker takes some; at the end the promise is judged.

    A run that takes too long, or whose last slices others still hold, goes back to the queue and goes on from there.
    """
    slices, started = Job.objects.filter(kind=SLICE_KIND, args__run=job.pk), time.monotonic()
    if not slices.exists():
        _plan_slices(job)
    last_took = started
    while slices.exclude(state__in=[JobState.DONE, JobState.DEAD]).exists():
        pk = slices.filter(state=JobState.QUEUED, due_at__lte=Now()).values_list("pk", flat=True).first()
        if pk is not None:
            jobs.run(pk)
            last_took = time.monotonic()
        else:
            time.sleep(WAIT_S)
        jobs.advance(job, done=_customers_done(slices))
        if time.monotonic() > min(started + BUDGET_S, last_took + PATIENCE_S):
            jobs.hand_back(job, wait=SLICE_WAIT)
            return None
    if dead := slices.filter(state=JobState.DEAD).first():
        raise DomainError(f"A slice failed: {dead.last_error}", hint="Run the slice again on the Jobs page.")
    jobs.advance(job, done=_customers_done(slices))
    changed = sum(result["changed"] for result in slices.values_list("result", flat=True))
    return {"changed": changed, **_report_of(job.args["version"])}


@transaction.atomic
def _plan_slices(job: Job) -> None:
    ids = readings.customer_ids()
    jobs.advance(job, done=0, total=len(ids))
    for start in range(0, len(ids), RESCORE_BATCH):
        part = ids[start : start + RESCORE_BATCH]
        jobs.start(
            kind=SLICE_KIND,
            args={"run": job.pk, "first": part[0], "last": part[-1]},
            title=f"Score customers {start + 1} to {start + len(part)}",
            total=len(part),
            dedupe_key=f"{SLICE_KIND} {job.pk} {part[0]}",
        )


def run_slice_job(job: Job, *, as_of: date, now: datetime) -> dict[str, int]:
    """One slice: its customers by the cards in force at this time, in one transaction."""
    mine = everybody().active().filter(pk__range=(job.args["first"], job.args["last"]))
    ids = list(mine.order_by("pk").values_list("pk", flat=True))
    with transaction.atomic():
        changed = rescore(as_of=as_of, now=now, customer_ids=ids)
        jobs.advance(job, done=len(ids))
    return {"changed": changed}


def _customers_done(slices: QuerySet[Job]) -> int:
    return sum(slices.filter(state=JobState.DONE).values_list("progress_done", flat=True))


def _report_of(pk: int | None) -> dict[str, Any]:
    version = ScorecardVersion.objects.select_related("scorecard").filter(pk=pk).first() if pk else None
    if version is None:
        return {}
    return {"version": version.pk, "promise": promises.kept(version)}


def _live_ids() -> list[int]:
    live = ScorecardVersion.objects.filter(state=VersionState.LIVE)
    return sorted(live.values_list("pk", flat=True))


def _key(live: Sequence[int]) -> str:
    return f"rescore:{hashlib.sha256(json.dumps(list(live)).encode()).hexdigest()[:40]}"


def job_of(version: ScorecardVersion) -> Job | None:
    """The run that followed when a version went live."""
    return Job.objects.filter(kind=JOB_KIND, args__version=version.pk).order_by("pk").first()
