"""Reads a file, checks it and commits it: all of it or nothing, unless bad rows may be skipped.

A dry run does the same work and takes it back, so its counts are those of the import.
"""

import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import DataError, IntegrityError, transaction
from django.db.models import Model

from accounts.queries import organisation
from config.web.errors import DomainError
from config.work import audit
from config.work.pg import allow_long_statements, analyze, try_lock
from customers.choices import BatchState, ImportKind
from customers.connectors import dialects, lookups, table
from customers.connectors.cells import Writing
from customers.connectors.csv_reader import CsvFile, Limits, open_csv
from customers.connectors.layouts import LAYOUTS, Layout
from customers.connectors.problems import FileRefusedError, Problem, Problems
from customers.connectors.row_rules import LeftOut
from customers.connectors.table import Columns, Row
from customers.models import (
    AttributeValue,
    FieldValue,
    FxRate,
    ImportBatch,
    LineVersion,
    Order,
    UsageEvent,
)
from customers.services.facts import refusal
from customers.services.imports import (
    contacts,
    costs,
    orders,
    rates,
    registry,
    subscriptions,
    tickets,
    touchpoints,
    usage,
)
from customers.services.imports import customers as customer_rows
from customers.services.imports.context import LONGEST_STATEMENT_S, Context, Counts, Progress, silent

LOCK_SPACE = 7301  # advisory locks of imports: one import per source at a time
STREAMED = frozenset(
    {ImportKind.USAGE}
)  # too many rows to hold; the others are read whole before anything is written
REPORT_EVERY = 2000  # rows between two reports of progress

APPLY: Mapping[str, Callable[[Any, Context], None]] = {
    ImportKind.CUSTOMERS: customer_rows.apply,
    ImportKind.CONTACTS: contacts.apply,
    ImportKind.SUBSCRIPTIONS: subscriptions.apply,
    ImportKind.USAGE: usage.apply,
    ImportKind.TICKETS: tickets.apply,
    ImportKind.TOUCHPOINTS: touchpoints.apply,
    ImportKind.COSTS: costs.apply,
    ImportKind.ORDERS: orders.apply,
    ImportKind.RATES: rates.apply,
}
GROWN: Mapping[str, list[type[Model]]] = {
    ImportKind.CUSTOMERS: [AttributeValue, FieldValue],
    ImportKind.USAGE: [UsageEvent],
    ImportKind.SUBSCRIPTIONS: [LineVersion],
    ImportKind.ORDERS: [Order],
    ImportKind.RATES: [FxRate],
}  # tables whose statistics are taken anew


class SourceBusyError(DomainError):
    """Another import of the same source is running."""

    code = "source_busy"


@dataclass(frozen=True)
class Request:
    """What is to be imported and how the file is written."""

    kind: str
    path: Path
    file_name: str
    columns: Columns = field(default_factory=Columns)
    options: Mapping[str, Any] = field(default_factory=dict)
    folder: Path | None = None  # where files lie that the map looks things up in
    source: str = "import"
    is_dry_run: bool = False
    may_skip_bad: bool = False
    is_history: bool = False  # its facts count as known from the day they speak of


@dataclass(frozen=True)
class Outcome:
    """What came of it. `is_refused`: nothing was written. Counts of a refused import are 0 besides `rejected`.

    `rows` are those that count; what the rules of the map leave out is in `left_out`.
    """

    kind: str
    batch: int | None
    rows: int
    counts: Counts
    rejected: int
    problems: list[Problem]
    is_refused: bool = False
    ignored: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()


def refuse_unknown_kind(kind: str) -> None:
    """A kind that does not exist is refused in words."""
    if kind not in LAYOUTS:
        raise DomainError(
            f"There is no kind of import “{kind}”.",
            hint=f"Use one of {', '.join(ImportKind.values)}.",
            code="kind_unknown",
        )


def run_import(
    *,
    request: Request,
    by: Any,
    now: datetime,
    batch: ImportBatch | None = None,
    progress: Progress = silent,
) -> Outcome:
    """Import a file (or try it, for a dry run). Problems of the file are in the outcome, never raised.

    `batch` is the stored batch of a file that came by the page; without it a batch is made with the facts.
    """
    refuse_unknown_kind(request.kind)
    problems = Problems()
    problems.listed += dialects.option_problems(request.options)
    if problems:
        return _refused(request, problems, 0)
    options, zone = request.options, organisation.zone()
    limits = Limits(size=settings.IMPORT_MAX_BYTES, rows=settings.IMPORT_MAX_ROWS)
    seen = _Seen()
    try:
        with open_csv(request.path, dialect=dialects.dialect_of(options), limits=limits) as file:
            source = _Source(file, request, problems, dialects.writing_of(options, zone))
            if problems:
                return _refused(request, problems, 0, source)
            source.open_lookups(limits)
            rows: Iterable[Row] = seen.counted(source.rows(), progress)
            if request.kind not in STREAMED:
                rows = list(rows)
            return _apply(request, rows, seen, source, by=by, now=now, batch=batch, progress=progress)
    except FileRefusedError as error:
        problems.refuse(error.problem)
        return _refused(request, problems, 0)


class _Seen:
    """Counts rows as they are read."""

    def __init__(self) -> None:
        self.rows = 0

    def counted(self, rows: Iterable[Row], progress: Progress) -> Iterator[Row]:
        for row in rows:
            self.rows += 1
            if self.rows % REPORT_EVERY == 0:
                progress(self.rows)
            yield row


class _Source:
    """The rows of one file under its layout."""

    def __init__(self, file: CsvFile, request: Request, problems: Problems, writing: Writing) -> None:
        self.file, self.problems, self.writing = file, problems, writing
        self.is_table = request.kind == ImportKind.RATES and rates.is_table(file.header)
        self.layout: Layout = LAYOUTS[request.kind]
        self.request, self.matched, self.tables = request, table.Match(), table.Tables()
        self.rules = table.NO_RULES
        if self.is_table:
            return
        self.matched = table.match(self.layout, file.header, request.columns)
        problems.listed += self.matched.problems
        problems.columns.update(self.matched.columns(file.header))
        if not problems:
            self.rules = table.rules_of(request.columns, file.header, writing)

    def open_lookups(self, limits: Limits) -> None:
        """Read the files the map looks things up in."""
        dialect = dialects.dialect_of(self.request.options)
        self.tables = lookups.read_tables(self.matched.specs, self.request.folder, dialect, limits)

    @property
    def ignored(self) -> tuple[str, ...]:
        return tuple(name for name in self.matched.ignored if name)

    @property
    def given(self) -> frozenset[str]:
        return self.matched.given

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        return tuple(self.rules.left_out)

    def rows(self) -> Iterator[Row]:
        if self.is_table:
            return rates.table_rows(self.file, self.writing, self.problems)
        return table.rows(
            self.file,
            self.layout,
            self.matched,
            self.writing,
            self.problems,
            rules=self.rules,
            tables=self.tables,
        )


def _apply(
    request: Request,
    rows: Iterable[Row],
    seen: _Seen,
    source: _Source,
    *,
    by: Any,
    now: datetime,
    batch: ImportBatch | None,
    progress: Progress,
) -> Outcome:
    problems, context = source.problems, None
    try:
        with transaction.atomic():
            _lock(request.source)
            allow_long_statements(LONGEST_STATEMENT_S)
            context = Context(
                batch=batch or _new_batch(request, by),
                source=request.source,
                by=by,
                now=now,
                today=organisation.local_day(now),
                problems=problems,
                progress=progress,
                given=source.given,
            )
            (APPLY.get(request.kind) or registry.applier(request.kind))(rows, context)
            if request.is_dry_run or _stops(problems, request):
                transaction.set_rollback(True)
            else:
                _seal(context, seen, source)
    except DomainError as error:
        if isinstance(error, FileRefusedError | SourceBusyError):
            raise
        problems.refuse(Problem(0, error.field or "", "", error.message, error.hint))
        return _refused(request, problems, seen.rows, source)
    except (IntegrityError, DataError) as error:
        broken = refusal(error)
        problems.refuse(Problem(0, "", "", broken.message, broken.hint))
        return _refused(request, problems, seen.rows, source)
    return _outcome(request, context, seen, source)


def _outcome(request: Request, context: Context | None, seen: _Seen, source: _Source) -> Outcome:
    problems = source.problems
    if context is None or (_stops(problems, request) and not request.is_dry_run):
        return _refused(request, problems, _rows_of(seen, problems), source)
    if not request.is_dry_run:
        analyze(*GROWN.get(request.kind, []))
    return Outcome(
        kind=request.kind,
        batch=None if request.is_dry_run else context.batch.pk,
        rows=_rows_of(seen, problems),
        counts=context.counts,
        rejected=problems.rejected,
        problems=list(problems),
        is_refused=_stops(problems, request),
        ignored=source.ignored,
        left_out=source.left_out,
    )


def _rows_of(seen: _Seen, problems: Problems) -> int:
    """Rows read: the readable ones, and those that had an unreadable cell."""
    return seen.rows + problems.unreadable


def _stops(problems: Problems, request: Request) -> bool:
    """Whether problems forbid the import: any without leave to skip rows, and those of the whole file always."""
    return bool(problems) and (not request.may_skip_bad or any(item.row == 0 for item in problems.listed))


def _lock(source: str) -> None:
    if not try_lock(LOCK_SPACE, zlib.crc32(source.encode()) & 0x7FFFFFFF):
        raise SourceBusyError(
            f"Another import of the source “{source}” is running.", hint="Start this one when it is done."
        )


def _new_batch(request: Request, by: Any) -> ImportBatch:
    return ImportBatch.objects.create(
        kind=request.kind,
        source=request.source,
        file_name=request.file_name[:200],
        mapping=request.columns.as_dict(),
        options=dict(request.options) | ({"history": True} if request.is_history else {}),
        created_by=by,
    )


def _seal(context: Context, seen: _Seen, source: _Source) -> None:
    """Write the counts on the batch and one line into the audit log, with the facts themselves."""
    batch, problems = context.batch, source.problems
    batch.state, batch.applied_at, batch.rows = BatchState.APPLIED, context.now, _rows_of(seen, problems)
    batch.created, batch.updated = context.counts.created, context.counts.updated
    batch.unchanged, batch.rejected = context.counts.unchanged, problems.rejected
    batch.errors = [problem.as_dict() for problem in problems]
    batch.save()
    after = {"kind": batch.kind, "rows": batch.rows, "created": batch.created, "updated": batch.updated}
    audit.record(by=context.by, now=context.now, action="import.applied", subject=batch, after=after)


def _refused(request: Request, problems: Problems, rows: int, source: _Source | None = None) -> Outcome:
    return Outcome(
        kind=request.kind,
        batch=None,
        rows=rows,
        counts=Counts(),
        rejected=problems.rejected,
        problems=list(problems),
        is_refused=True,
        ignored=source.ignored if source else (),
        left_out=source.left_out if source else (),
    )
