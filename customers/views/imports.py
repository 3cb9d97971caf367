"""Imports: the list of batches, one batch through its steps, and the files that come out of it."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.choices import Role
from config.web.access import declare
from config.web.errors import DomainError
from config.web.forms import refuse
from config.web.htmx import invalid, page_or_part
from config.web.sheets import csv_response
from config.web.tables import Column, Table
from customers.choices import BatchState
from customers.connectors.csv_reader import open_csv
from customers.connectors.dialects import dialect_of
from customers.connectors.layouts import LAYOUTS
from customers.forms.imports import MappingForm, UploadForm
from customers.models import ImportBatch
from customers.queries.imports import batch_for, batches_for, rejected_rows, sources
from customers.services import custom_fields
from customers.services.imports import batches
from customers.services.imports.undo import UNDO_DAYS

IMPORTERS = (Role.ADMIN, Role.MANAGER)
SHOWN_PROBLEMS = 50  # rows of the page's list; the download has all that are kept
STEPS = ("Upload", "Match columns", "Dry run", "Import")
STEP_OF = {
    BatchState.UPLOADED: 1,
    BatchState.CHECKING: 2,
    BatchState.CHECKED: 2,
    BatchState.REFUSED: 2,
    BatchState.APPLYING: 3,
    BatchState.APPLIED: 4,
    BatchState.UNDONE: 4,
}
BATCHES = Table(
    columns=(
        Column("file", "File", "file_name"),
        Column("kind", "Kind", "kind"),
        Column("state", "State", "state"),
        Column("rows", "Rows", "rows", "num"),
        Column("created", "New", "created", "num p1"),
        Column("updated", "Updated", "updated", "num p2"),
        Column("rejected", "Left out", "rejected", "num p2"),
        Column("at", "Uploaded", "created_at", "num", down_first=True),
    ),
    default="-at",
    tie="-pk",
)


@require_http_methods(["GET", "HEAD", "POST"])
@declare(scope="organisation", roles=IMPORTERS)
def imports(request: HttpRequest) -> HttpResponse:
    """Upload a file, and all batches so far."""
    form = UploadForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            batch = _upload(request, form)
        except DomainError as error:
            error.field = error.field or "file"
            refuse(form, error)
        else:
            return redirect("customers:import_batch", pk=batch.pk)
    context = {
        "form": form,
        "page": BATCHES.page(batches_for(request.user), request.GET),
        "layouts": LAYOUTS.values(),
        "sources": sources(),
        "undo_days": UNDO_DAYS,
    }
    status = invalid(not (form.is_bound and form.errors))
    return page_or_part(
        request, "customers/imports.html", parts=["import_batches"], context=context, status=status
    )


@require_safe
@declare(scope="organisation", roles=IMPORTERS)
def import_batch(request: HttpRequest, pk: int) -> HttpResponse:
    """One batch at its step: matching, dry run, result."""
    batch = batch_for(request.user, pk)
    return _batch_page(request, batch, form=_mapping_form(batch))


@require_POST
@declare(scope="organisation", roles=IMPORTERS)
def import_mapping(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep which column is which field and start the dry run."""
    batch = batch_for(request.user, pk)
    form = _mapping_form(batch, request.POST)
    if form is None or not form.is_valid():
        return _batch_page(request, batch, form=form, status=422)
    try:
        batches.check(
            batch=batch,
            fields=form.mapping(),
            constants=form.constants(),
            options=form.options(),
            by=request.user,
        )
    except DomainError as error:
        messages.error(request, str(error))
    return redirect("customers:import_batch", pk=batch.pk)


@require_POST
@declare(scope="organisation", roles=IMPORTERS)
def import_commit(request: HttpRequest, pk: int) -> HttpResponse:
    """Import what the dry run has shown."""
    batch = batch_for(request.user, pk)
    try:
        batches.commit(batch=batch, may_skip_bad="skip_bad" in request.POST, by=request.user)
    except DomainError as error:
        messages.error(request, str(error))
    return redirect("customers:import_batch", pk=batch.pk)


@require_POST
@declare(scope="organisation", roles=IMPORTERS)
def import_undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Take an import back."""
    batch = batch_for(request.user, pk)
    try:
        batches.undo(batch=batch, by=request.user)
    except DomainError as error:
        messages.error(request, str(error))
    return redirect("customers:import_batch", pk=batch.pk)


@require_safe
@declare(scope="organisation", roles=IMPORTERS)
def import_errors(request: HttpRequest, pk: int) -> HttpResponseBase:
    """All named problems as a file."""
    batch = batch_for(request.user, pk)
    rows = ([item[name] for name in ("row", "column", "value", "reason", "fix")] for item in batch.errors)
    return csv_response(f"import-{batch.pk}-problems.csv", ["row", "column", "value", "reason", "fix"], rows)


@require_safe
@declare(scope="organisation", roles=IMPORTERS)
def import_rejected(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The rows that could not be taken, as they came, to correct and upload again."""
    batch = batch_for(request.user, pk)
    header = batches.preview_of(batch).header if batch.stored_as else []
    return csv_response(f"import-{batch.pk}-rejected.csv", header, _rejected(batch))


@require_safe
@declare(scope="organisation", roles=IMPORTERS)
def import_example(_request: HttpRequest, kind: str) -> HttpResponseBase:
    """An empty file with the columns of a kind."""
    names = LAYOUTS[kind].names if kind in LAYOUTS else []
    return csv_response(f"{kind if kind in LAYOUTS else 'example'}.csv", names, [])


def _upload(request: HttpRequest, form: UploadForm) -> ImportBatch:
    file = form.cleaned_data["file"]
    return batches.upload(
        kind=form.cleaned_data["kind"],
        source=form.cleaned_data["source"],
        file_name=file.name,
        chunks=file.chunks(),
        options=form.options(),
        by=request.user,
    )


def _mapping_form(batch: ImportBatch, data: Any = None) -> MappingForm | None:
    if not batch.stored_as:
        return None
    return MappingForm(
        data,
        layout=LAYOUTS[batch.kind],
        preview=batches.preview_of(batch),
        fields=batch.mapping.get("fields"),
        constants=batch.mapping.get("constants") or {},
        options=batch.options,
        custom={key: field.label for key, field in custom_fields.active_fields().items()},
    )


def _batch_page(
    request: HttpRequest, batch: ImportBatch, *, form: MappingForm | None, status: int = 200
) -> HttpResponse:
    running = batches.is_running(batch)
    may_map = form is not None and not running and batch.state not in {BatchState.APPLIED, BatchState.UNDONE}
    context = {
        "batch": batch,
        "form": form if may_map else None,
        "layout": LAYOUTS[batch.kind],
        "steps": list(enumerate(STEPS)),
        "step": STEP_OF[BatchState(batch.state)],
        "running": running,
        "failed": batch.job if batch.job and batch.job.state == "dead" else None,
        "kept": batch.job.result.get("conflicts", []) if batch.job else [],
        "problems": batch.errors[:SHOWN_PROBLEMS],
        "more_problems": max(len(batch.errors) - SHOWN_PROBLEMS, 0),
        "kinds_of_problem": len(Counter(item["reason"] for item in batch.errors)),
        "may_import": batch.state == BatchState.CHECKED and not running,
        "may_undo": batch.state == BatchState.APPLIED and not running,
        "usable": batch.created + batch.updated,
        "undo_days": UNDO_DAYS,
        "self": reverse("customers:import_batch", args=[batch.pk]),
    }
    return page_or_part(request, "customers/import_batch.html", context=context, status=status)


def _rejected(batch: ImportBatch) -> Iterator[list[str]]:
    wanted = rejected_rows(batch)
    if not wanted or not batch.stored_as:
        return
    dialect = dialect_of(batch.options)
    with open_csv(batches.path_of(batch), dialect=dialect, limits=batches.limits()) as file:
        for number, cells in file.rows():
            if number in wanted:
                yield cells
