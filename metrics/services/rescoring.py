"""After a version went live: everybody is scored again by a job, and what came is compared with what was promised."""

import hashlib
import json
import time
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from accounts.models import User
from config.work import jobs
from config.work.models import Job
from metrics.choices import VersionState
from metrics.models import HealthScore, ScorecardVersion
from metrics.rollups import readings
from metrics.services import promises
from metrics.services.scores import RESCORE_BATCH, rescore

JOB_KIND = "metrics.rescore"
BUDGET_S = 150  # seconds of one run; the rest goes back to the queue, below the worker's time limit
LOOK_BACK = timedelta(days=2)  # how long ago a version may have ended whose scores are still looked for
REST = timedelta(minutes=10)  # between two runs that the same cards in force ask for


def start_rescore(*, version: ScorecardVersion | None, by: User | None) -> Job:
    """Let a worker score everybody by the cards in force, in the caller's transaction. `version` has just gone live."""
    live = _live_ids()
    args = {"live": live, "version": version.pk if version else None, "done": 0, "changed": 0}
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


def run_rescore_job(job: Job, *, as_of: date, now: datetime) -> dict[str, Any] | None:
    """Body of the job: slices with progress, each by the cards in force at that time; at the end the promise is judged.

    A run that takes too long goes back to the queue and goes on from where it was.
    """
    until = time.monotonic() + BUDGET_S
    ids = readings.customer_ids()
    while job.args["done"] < len(ids):
        done = job.args["done"]
        part = ids[done : done + RESCORE_BATCH]
        job.args["changed"] += rescore(as_of=as_of, now=now, customer_ids=part)
        job.args["done"] = done + len(part)
        with transaction.atomic():
            jobs.advance(job, done=job.args["done"], total=len(ids))
            Job.objects.filter(pk=job.pk).update(args=job.args)
        if job.args["done"] < len(ids) and time.monotonic() > until:
            jobs.hand_back(job)
            return None
    return {"changed": job.args["changed"], **_report_of(job.args["version"])}


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
