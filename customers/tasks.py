"""Long work of the customers app: dry runs, imports, undoing them."""

from typing import Any

from django.urls import reverse
from django.utils import timezone

from config.work import jobs
from config.work.heartbeat import Heartbeat
from config.work.models import Job
from customers.choices import BatchState
from customers.models import ImportBatch
from customers.services.imports import batches
from customers.services.imports.undo import undo_import


@jobs.kind(batches.CHECK)
def check_import(job: Job) -> dict[str, Any]:
    """Dry run of an uploaded file."""
    batch = _batch(job)
    with Heartbeat(job) as heart:
        outcome = batches.run_check(batch=batch, now=timezone.now(), progress=heart.report)
    jobs.advance(job, done=outcome.rows)
    return {"url": _page(batch), "rows": outcome.rows, "rejected": outcome.rejected}


@jobs.kind(batches.APPLY)
def apply_import(job: Job) -> dict[str, Any]:
    """Import of an uploaded file after its dry run; nothing to do when a worker died after the commit."""
    batch = _batch(job)
    if batch.state == BatchState.APPLIED:
        return {"url": _page(batch), "rows": batch.rows, "rejected": batch.rejected}
    with Heartbeat(job) as heart:
        outcome = batches.run_apply(
            batch=batch,
            may_skip_bad=bool(job.args.get("may_skip_bad")),
            now=timezone.now(),
            progress=heart.report,
        )
    jobs.advance(job, done=outcome.rows)
    return {"url": _page(batch), "rows": outcome.rows, "rejected": outcome.rejected}


@jobs.kind(batches.UNDO)
def undo(job: Job) -> dict[str, Any]:
    """Taking an import back; nothing to do when a worker died after the commit."""
    batch = _batch(job)
    if batch.state == BatchState.UNDONE:
        return {"url": _page(batch), "rows": batch.rows, "conflicts": []}
    with Heartbeat(job):
        undone = undo_import(batch=batch, by=job.created_by, now=timezone.now())
    jobs.advance(job, done=undone.rows, note=f"{len(undone.conflicts)} kept" if undone.conflicts else None)
    return {"url": _page(batch), "rows": undone.rows, "conflicts": undone.conflicts[: batches.MOST_STORED]}


def _batch(job: Job) -> ImportBatch:
    return ImportBatch.objects.select_related("created_by", "job").get(pk=job.args["batch"])


def _page(batch: ImportBatch) -> str:
    return reverse("customers:import_batch", args=[batch.pk])
