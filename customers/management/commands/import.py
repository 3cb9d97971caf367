"""python3 manage.py import KIND FILE: bring a file of facts in."""

import json
import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from config.web.errors import DomainError
from customers.choices import ImportKind
from customers.connectors.maps import Map, read_map
from customers.connectors.table import Columns
from customers.services.imports.run import Outcome, Request, run_import

DONE, DONE_WITH_PROBLEMS, REFUSED = 0, 1, 2
MOST_SHOWN = 30  # problems printed for people; --json and the page have all of them
BAR_WIDTH = 24


class Command(BaseCommand):
    help = "Import a CSV file (plain, gzip or zipped): all of it or nothing, unless --skip-bad."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("kind", help=" ".join(ImportKind.values))
        parser.add_argument("file", type=Path)
        parser.add_argument("--map", type=Path, help="YAML: field: column, and options of the file")
        parser.add_argument(
            "--set", action="append", default=[], metavar="field=value", help="a value for all rows"
        )
        parser.add_argument("--dry-run", action="store_true", help="check and count, write nothing")
        parser.add_argument("--skip-bad", action="store_true", help="leave bad rows out and take the rest")
        parser.add_argument(
            "--history",
            action="store_true",
            help="these facts are history: known since the day they speak of",
        )
        parser.add_argument("--source", default="import", help="the system the ids come from")
        parser.add_argument("--json", action="store_true")

    def handle(self, **options: Any) -> None:
        """Run the import and end with the exit code the interface promises."""
        bar = ProgressBar(shown=sys.stderr.isatty() and not options["json"])
        try:
            outcome = run_import(
                request=read_request(options), by=None, now=timezone.now(), progress=bar.show
            )
        except DomainError as error:
            bar.clear()
            self._refuse(error, options)
        bar.clear()
        if options["json"]:
            self.stdout.write(json.dumps(as_json(outcome), ensure_ascii=False))
        else:
            self._tell(outcome, is_dry_run=options["dry_run"])
        sys.exit(exit_code(outcome, is_dry_run=options["dry_run"]))

    def _refuse(self, error: DomainError, options: dict[str, Any]) -> None:
        problem = {
            "row": 0,
            "column": error.field or "",
            "value": "",
            "reason": error.message,
            "fix": error.hint,
        }
        if options["json"]:
            empty = dict.fromkeys(("rows", "created", "updated", "unchanged", "rejected"), 0)
            answer = {"batch": None, "kind": options["kind"], **empty, "errors": [problem]}
            self.stdout.write(json.dumps(answer, ensure_ascii=False))
        else:
            self.stderr.write(str(error))
        sys.exit(REFUSED)

    def _tell(self, outcome: Outcome, *, is_dry_run: bool) -> None:
        for problem in outcome.problems[:MOST_SHOWN]:
            place = f"row {problem.row}" if problem.row else "file"
            column = f", {problem.column}" if problem.column else ""
            value = f" “{problem.value}”" if problem.value else ""
            self.stdout.write(f"{place}{column}:{value} {problem.reason}. {problem.fix}")
        more = len(outcome.problems) - MOST_SHOWN
        if more > 0:
            self.stdout.write(f"... and {more} more problems; --json lists them")
        if outcome.ignored:
            self.stdout.write(f"Columns left out: {', '.join(outcome.ignored)}")
        for left in outcome.left_out:
            self.stdout.write(f"{left.rows} rows left out: {left.reason}")
        counts = outcome.counts
        self.stdout.write(
            f"{outcome.rows} rows: {counts.created} created, {counts.updated} updated,"
            f" {counts.unchanged} unchanged, {outcome.rejected} rejected"
        )
        if outcome.is_refused:
            self.stdout.write("Nothing was written. Correct the file, or leave bad rows out with --skip-bad.")
        elif is_dry_run:
            self.stdout.write("Dry run: nothing was written.")
        else:
            self.stdout.write(f"Batch {outcome.batch}. Take it back with: undo_import {outcome.batch}")


class ProgressBar:
    """Rows so far, on one line of a terminal."""

    def __init__(self, *, shown: bool) -> None:
        self.shown, self.started = shown, time.monotonic()

    def show(self, rows: int) -> None:
        if self.shown:
            rate = rows / max(time.monotonic() - self.started, 0.001)
            filled = "#" * (rows // 5000 % (BAR_WIDTH + 1))
            sys.stderr.write(f"\r[{filled:<{BAR_WIDTH}}] {rows:,} rows, {rate:,.0f} a second")
            sys.stderr.flush()

    def clear(self) -> None:
        if self.shown:
            sys.stderr.write("\r\033[K")


def read_request(options: dict[str, Any]) -> Request:
    """The command line as a request; a broken mapping or constant is a DomainError."""
    said = read_map(options["map"]) if options["map"] else Map()
    constants = said.constants | read_constants(options["set"])
    columns = Columns(
        fields=said.fields if options["map"] else None,
        constants=constants,
        specs=said.specs,
        empty=said.empty,
        only=said.only,
        latest=said.latest,
    )
    return Request(
        kind=options["kind"],
        path=options["file"],
        file_name=options["file"].name,
        columns=columns,
        options=said.options,
        folder=options["file"].parent,
        source=options["source"],
        is_dry_run=options["dry_run"],
        may_skip_bad=options["skip_bad"],
        is_history=options["history"],
    )


def read_constants(pairs: list[str]) -> dict[str, str]:
    """Values for all rows from `field=value` words."""
    found: dict[str, str] = {}
    for pair in pairs:
        name, mark, value = pair.partition("=")
        if not mark or not name.strip() or not value.strip():
            raise DomainError(
                f"“{pair}” does not set a value.",
                hint="Write field=value, for instance currency=USD.",
                code="set",
            )
        found[name.strip()] = value.strip()
    return found


def as_json(outcome: Outcome) -> dict[str, Any]:
    """The one JSON document of the interface."""
    left_out = [item.as_dict() for item in outcome.left_out]
    return {
        "batch": outcome.batch,
        "kind": outcome.kind,
        "rows": outcome.rows,
        "created": outcome.counts.created,
        "updated": outcome.counts.updated,
        "unchanged": outcome.counts.unchanged,
        "rejected": outcome.rejected,
        "errors": [problem.as_dict() for problem in outcome.problems],
    } | ({"left_out": left_out} if left_out else {})


def exit_code(outcome: Outcome, *, is_dry_run: bool) -> int:
    """0 done, 1 done with problems named, 2 refused; a dry run that could read the rows is done."""
    if outcome.is_refused and not (is_dry_run and outcome.rejected):
        return REFUSED
    return DONE_WITH_PROBLEMS if outcome.problems else DONE
