"""Long and background work as rows: start, claim under a lease, advance, finish, fail.

A task body is `run(job)`; it calls `advance` at each slice commit and returns the result. Attempts are counted
before work starts, so a process killed by the system counts too.
"""

import logging
import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, InterfaceError, OperationalError, transaction
from django.db.models import F
from django.db.models.functions import Now

from config.web.errors import DomainError
from config.work.faults import fault
from config.work.models import Job, JobState
from config.work.nudge import nudge

log = logging.getLogger(__name__)

MAX_ATTEMPTS = 8  # tries after passing faults (connection, deadlock)
MAX_UNEXPECTED = 2  # tries after any other error
BACKOFF_BASE_S, BACKOFF_CAP_S = 10, 900
RETRYABLE = (OperationalError, InterfaceError, ConnectionError, TimeoutError)

Runner = Callable[[Job], dict[str, Any] | None]
KINDS: dict[str, Runner] = {}


class JobLostError(Exception):
    """Somebody else owns the job now; stop at once and change nothing more."""


def kind(name: str) -> Callable[[Runner], Runner]:
    """Register the body of the job kind `name` (also the name of its Celery task)."""

    def register(runner: Runner) -> Runner:
        KINDS[name] = runner
        return runner

    return register


def start(
    *,
    kind: str,
    args: dict[str, Any],
    title: str = "",
    by: Any = None,
    dedupe_key: str = "",
    total: int | None = None,
) -> Job:
    """Insert the job in the caller's transaction and ring after commit; an active twin is returned instead."""
    try:
        with transaction.atomic():
            job = Job.objects.create(
                kind=kind, args=args, title=title, created_by=by, dedupe_key=dedupe_key, progress_total=total
            )
    except IntegrityError:
        return Job.objects.get(dedupe_key=dedupe_key, state__in=[JobState.QUEUED, JobState.RUNNING])
    nudge("work.run_job", job_id=job.pk)
    return job


def claim(job_id: int) -> Job | None:
    """Take one due job under a fresh lease; None when it is not due, not there, or somebody else has it."""
    with transaction.atomic():
        job = (
            Job.objects.select_for_update(skip_locked=True)
            .filter(pk=job_id, state=JobState.QUEUED, due_at__lte=Now())
            .first()
        )
        if job is None:
            return None
        job.state, job.lease_token, job.attempts = JobState.RUNNING, secrets.token_hex(16), job.attempts + 1
        Job.objects.filter(pk=job.pk).update(
            state=job.state,
            lease_token=job.lease_token,
            attempts=job.attempts,
            lease_until=Now() + timedelta(seconds=settings.JOB_LEASE_S),
        )
    return job


def advance(job: Job, *, done: int | None = None, total: int | None = None, note: str | None = None) -> None:
    """Renew the lease and store progress, in the slice's own transaction; raises JobLostError when it is not ours."""
    changes: dict[str, Any] = {"lease_until": Now() + timedelta(seconds=settings.JOB_LEASE_S)}
    changes |= {
        k: v for k, v in (("progress_done", done), ("progress_total", total), ("note", note)) if v is not None
    }
    if not Job.objects.filter(pk=job.pk, lease_token=job.lease_token, state=JobState.RUNNING).update(
        **changes
    ):
        raise JobLostError(job.pk)


def run(job_id: int) -> Job | None:
    """Claim and run one job to its end; errors become the job's state, never the worker's."""
    job = claim(job_id)
    if job is None:
        return None
    try:
        fault("job.after_claim")
        result = KINDS[job.kind](job) or {}
        fault("job.after_commit")
    except JobLostError:
        log.warning("job %s was taken over", job.pk)
    except DomainError as error:
        _end(job, state=JobState.DEAD, last_error=str(error))
    except RETRYABLE as error:
        _retry(job, error, limit=MAX_ATTEMPTS)
    except Exception as error:
        log.exception("job %s (%s) failed", job.pk, job.kind)
        _retry(job, error, limit=MAX_UNEXPECTED)
    else:
        _end(job, state=JobState.DONE, result=result, result_url=str(result.get("url", "")))
    return job


def _end(job: Job, **changes: Any) -> None:
    Job.objects.filter(pk=job.pk, lease_token=job.lease_token).update(
        **changes, lease_until=None, lease_token="", finished_at=Now()
    )


def _retry(job: Job, error: Exception, *, limit: int) -> None:
    text = f"{type(error).__name__}: {error}"[:2000]
    if job.attempts >= limit:
        _end(job, state=JobState.DEAD, last_error=text)
        return
    cap = min(BACKOFF_CAP_S, BACKOFF_BASE_S * 2 ** (job.attempts - 1))
    wait = timedelta(seconds=secrets.randbelow(cap * 1000) / 1000)  # full jitter
    Job.objects.filter(pk=job.pk, lease_token=job.lease_token).update(
        state=JobState.QUEUED, due_at=Now() + wait, last_error=text, lease_until=None, lease_token=""
    )


def hand_back(job: Job, *, wait: timedelta = timedelta(0)) -> None:
    """Give the rest of the work back to the queue: due after `wait`, progress kept, this run counted as no failure."""
    Job.objects.filter(pk=job.pk, lease_token=job.lease_token).update(
        state=JobState.QUEUED,
        due_at=Now() + wait,
        lease_until=None,
        lease_token="",
        attempts=F("attempts") - 1,
    )
    nudge("work.run_job", job_id=job.pk)


def reap() -> int:
    """Put jobs whose lease ran out back into the queue; after three lost leases they are dead."""
    lost = Job.objects.filter(state=JobState.RUNNING, lease_until__lt=Now())
    dead = lost.filter(attempts__gte=3).update(
        state=JobState.DEAD,
        last_error="The worker died three times on this job.",
        lease_token="",
        finished_at=Now(),
    )
    back = lost.filter(attempts__lt=3).update(
        state=JobState.QUEUED, due_at=Now(), lease_token="", lease_until=None
    )
    return dead + back


def run_again(job: Job) -> None:
    """An admin's second chance for a dead job."""
    Job.objects.filter(pk=job.pk, state=JobState.DEAD).update(
        state=JobState.QUEUED, due_at=Now(), attempts=0, last_error="", finished_at=None
    )
    nudge("work.run_job", job_id=job.pk)


def due_ids(limit: int = 500) -> list[int]:
    """Ids of queued jobs that may run now, oldest first."""
    due = Job.objects.filter(state=JobState.QUEUED, due_at__lte=Now()).order_by("due_at", "pk")
    return list(due.values_list("pk", flat=True)[:limit])
