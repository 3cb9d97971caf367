"""An import by the page: the stored file, its mapping, the dry run and the import itself, each as a job."""

import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from config.web.errors import DomainError
from config.work import jobs
from config.work.models import Job
from customers.choices import BatchState
from customers.connectors.csv_reader import Limits
from customers.connectors.dialects import dialect_of
from customers.connectors.preview import Preview, look_at
from customers.connectors.table import Columns
from customers.models import ImportBatch
from customers.services.imports.context import Progress
from customers.services.imports.run import Outcome, Request, refuse_unknown_kind, run_import

FOLDER = "imports"
CHECK, APPLY, UNDO = "customers.check_import", "customers.apply_import", "customers.undo_import"
MOST_STORED = 2000  # problems kept on a batch; more are only counted


class NotReadyError(DomainError):
    """The batch is not in a state that allows this step."""

    code = "batch_not_ready"


def upload(
    *,
    kind: str,
    source: str,
    file_name: str,
    chunks: Iterable[bytes],
    options: Mapping[str, str],
    by: Any,
) -> ImportBatch:
    """Store a file and look at it. A file that cannot be read is a FileRefusedError and leaves nothing behind."""
    refuse_unknown_kind(kind)
    path = _store(chunks)
    try:
        preview = look_at(path, dialect=dialect_of(options), limits=limits())
    except DomainError:
        path.unlink()
        raise
    fields, constants, remembered = remembered_mapping(kind=kind, source=source)
    return ImportBatch.objects.create(
        kind=kind,
        source=source,
        file_name=Path(file_name).name[:200],
        stored_as=path.name,
        mapping={"fields": fields, "constants": constants, "preview": preview.as_dict()},
        options=remembered | {name: value for name, value in options.items() if value},
        rows=preview.rows,
        created_by=by,
    )


def remembered_mapping(
    *, kind: str, source: str
) -> tuple[dict[str, str | None] | None, dict[str, str], dict[str, str]]:
    """Fields, constants and options of the last file of this kind and source that was mapped."""
    used = ImportBatch.objects.filter(kind=kind, source=source).exclude(state=BatchState.UPLOADED)
    last = used.order_by("-pk").first()
    if last is None:
        return None, {}, {}
    return last.mapping.get("fields"), last.mapping.get("constants") or {}, _of_the_file(last)


def _of_the_file(batch: ImportBatch) -> dict[str, str]:
    """How the file is written; whether its facts are history is said anew for every file."""
    return {name: value for name, value in batch.options.items() if name != "history"}


@transaction.atomic
def check(
    *,
    batch: ImportBatch,
    fields: Mapping[str, str | None],
    constants: Mapping[str, str],
    options: Mapping[str, str],
    by: Any,
) -> Job:
    """Keep the mapping and start the dry run; a batch that has been imported cannot be mapped again."""
    if batch.state in {BatchState.APPLIED, BatchState.UNDONE} or is_running(batch):
        raise NotReadyError(
            "This file is being imported or has been.", hint="Upload it again to import it anew."
        )
    batch.mapping = {**batch.mapping, "fields": dict(fields), "constants": dict(constants)}
    kept = {"history": True} if batch.is_history else {}
    batch.options, batch.state, batch.errors = {**options, **kept}, BatchState.CHECKING, []
    batch.job = _start(CHECK, batch, f"Dry run of {batch.file_name}", by)
    batch.save()
    return batch.job


@transaction.atomic
def commit(*, batch: ImportBatch, may_skip_bad: bool, by: Any) -> Job:
    """Start the import of a file whose dry run has ended."""
    stopped = batch.state == BatchState.APPLYING and not is_running(batch)
    if batch.state != BatchState.CHECKED and not stopped:
        raise NotReadyError("This file is not ready to be imported.", hint="Run the dry run first.")
    if batch.rejected and not may_skip_bad:
        raise NotReadyError(
            f"{batch.rejected} rows cannot be imported.",
            hint="Correct the file and upload it again, or agree to leave these rows out.",
        )
    batch.state = BatchState.APPLYING
    batch.job = _start(APPLY, batch, f"Import of {batch.file_name}", by, may_skip_bad=may_skip_bad)
    batch.save()
    return batch.job


@transaction.atomic
def undo(*, batch: ImportBatch, by: Any) -> Job:
    """Start taking an import back."""
    if batch.state != BatchState.APPLIED or is_running(batch):
        raise NotReadyError("This file has not been imported.", hint="There is nothing to take back.")
    batch.job = _start(UNDO, batch, f"Taking back {batch.file_name}", by)
    batch.save(update_fields=["job"])
    return batch.job


def run_check(*, batch: ImportBatch, now: datetime, progress: Progress) -> Outcome:
    """The dry run itself: count, name the problems, write nothing but the result on the batch."""
    outcome = run_import(
        request=request_of(batch, is_dry_run=True),
        by=batch.created_by,
        now=now,
        batch=batch,
        progress=progress,
    )
    unusable = outcome.is_refused and (not outcome.rejected or any(not item.row for item in outcome.problems))
    _keep(batch, outcome, BatchState.REFUSED if unusable else BatchState.CHECKED)
    return outcome


def run_apply(*, batch: ImportBatch, may_skip_bad: bool, now: datetime, progress: Progress) -> Outcome:
    """The import itself; it writes the batch together with the facts. Applying twice changes nothing."""
    if batch.state == BatchState.APPLIED:
        raise NotReadyError("This file has been imported already.", hint="Look at the batch.")
    outcome = run_import(
        request=request_of(batch, may_skip_bad=may_skip_bad),
        by=batch.created_by,
        now=now,
        batch=batch,
        progress=progress,
    )
    if outcome.is_refused:
        _keep(ImportBatch.objects.get(pk=batch.pk), outcome, BatchState.REFUSED)
    return outcome


def request_of(batch: ImportBatch, *, is_dry_run: bool = False, may_skip_bad: bool = False) -> Request:
    """A stored batch as a request."""
    return Request(
        kind=batch.kind,
        path=path_of(batch),
        file_name=batch.file_name,
        columns=Columns(fields=batch.mapping.get("fields"), constants=batch.mapping.get("constants") or {}),
        options=_of_the_file(batch),
        source=batch.source,
        is_dry_run=is_dry_run,
        may_skip_bad=may_skip_bad,
        is_history=batch.is_history,
    )


def path_of(batch: ImportBatch) -> Path:
    """Where the file of a batch lies; the name is ours, never the user's."""
    return settings.MEDIA_ROOT / FOLDER / batch.stored_as


def limits() -> Limits:
    """How much of a file is read at most."""
    return Limits(size=settings.IMPORT_MAX_BYTES, rows=settings.IMPORT_MAX_ROWS)


def preview_of(batch: ImportBatch) -> Preview:
    """What the file looked like when it was uploaded."""
    return Preview(**batch.mapping["preview"])


def is_running(batch: ImportBatch) -> bool:
    """Whether a job is at work on this batch now."""
    return batch.job is not None and not batch.job.is_over


def _start(kind: str, batch: ImportBatch, title: str, by: Any, **args: Any) -> Job:
    return jobs.start(
        kind=kind,
        args={"batch": batch.pk, **args},
        title=title[:200],
        by=by,
        dedupe_key=f"import:{batch.pk}",
        total=batch.rows or None,
    )


def _keep(batch: ImportBatch, outcome: Outcome, state: str) -> None:
    batch.state, batch.rows = state, outcome.rows or batch.rows
    batch.created, batch.updated = outcome.counts.created, outcome.counts.updated
    batch.unchanged, batch.rejected = outcome.counts.unchanged, outcome.rejected
    batch.errors = [problem.as_dict() for problem in outcome.problems[:MOST_STORED]]
    batch.save()


def _store(chunks: Iterable[bytes]) -> Path:
    """Write an upload to disk under a name of our own, at most as large as a file may be."""
    folder = settings.MEDIA_ROOT / FOLDER
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path, size = folder / secrets.token_hex(16), 0
    with path.open("xb") as out:
        for chunk in chunks:
            size += len(chunk)
            if size > settings.IMPORT_MAX_BYTES:
                break
            out.write(chunk)
    path.chmod(settings.FILE_UPLOAD_PERMISSIONS)
    if size > settings.IMPORT_MAX_BYTES:
        path.unlink()
        raise DomainError(
            f"The file is larger than {settings.IMPORT_MAX_BYTES // 1_048_576} MB.",
            hint="Split it, or compress it with gzip.",
            field="file",
        )
    return path
