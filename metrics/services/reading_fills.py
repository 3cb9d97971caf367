"""Reading everybody because measures were added, by a job with progress. Readings only: no card uses them yet."""

from datetime import date, datetime
from typing import Any

from django.db import transaction

from config.work import jobs
from config.work.models import Job
from metrics.models import OwnMeasure
from metrics.rollups import readings

JOB_KIND = "metrics.fill_readings"
SLICE = 1_000  # customers of one transaction; about a second of SQL


def start_fill(*, measure: OwnMeasure, as_of: date, by: Any) -> Job:
    """Let a worker read the new measure of every customer."""
    return jobs.start(
        kind=JOB_KIND,
        args={"measure": measure.pk, "as_of": as_of.isoformat()},
        title=f"Reading “{measure.title}”",
        by=by,
        dedupe_key=f"fill_readings:{measure.pk}",
    )


def fill_of(measure: OwnMeasure) -> Job | None:
    """The job that reads this measure."""
    return Job.objects.filter(kind=JOB_KIND, args__measure=measure.pk).order_by("-pk").first()


def run_fill_job(job: Job, *, as_of: date, now: datetime) -> dict[str, Any]:
    """Body of the job: all customers in slices; doing it again changes nothing."""
    ids, changed = readings.customer_ids(), 0
    for start in range(0, len(ids), SLICE):
        part = ids[start : start + SLICE]
        with transaction.atomic():
            changed += readings.fill(customer_ids=part, as_of=as_of, now=now)
            jobs.advance(job, done=start + len(part), total=len(ids))
    return {"customers": len(ids), "changed": changed}
