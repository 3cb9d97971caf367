"""Bring everything computed up to date."""

import json
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from metrics.management.tables import REFUSED, day_of, today
from metrics.rollups import checksum
from metrics.services import recompute


class Command(BaseCommand):
    help = (
        "Recompute rollups, readings, scores and summaries in the foreground. Without --full only customers with "
        "changed facts, and everybody when a new local day has begun. Twice in a row changes nothing: the checksum stays."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--from", dest="first", metavar="DATE", help="count usage again from this day on")
        parser.add_argument(
            "--to", dest="last", metavar="DATE", help="the day to compute up to: today, the default"
        )
        parser.add_argument("--full", action="store_true", help="everybody, from the facts")
        parser.add_argument("--json", action="store_true")

    def handle(self, **options: Any) -> None:
        as_of, first = today(), day_of(options["first"], option="--from")
        last = day_of(options["last"], option="--to") or as_of
        if last > as_of:
            raise CommandError(f"--to {last} lies in the future. Today is {as_of}.", returncode=REFUSED)
        if first is not None and first > last:
            raise CommandError("--from lies after --to. Swap them.", returncode=REFUSED)
        started, now = time.monotonic(), timezone.now()
        if options["full"] or first is not None:
            covered = recompute.recompute_all(
                as_of=as_of, now=now, usage_from=first or recompute.EARLIEST, report=self._report
            )
        else:
            covered = recompute.bring_up_to_date(as_of=as_of, now=now, report=self._report)
        document = {
            "customers": covered.customers,
            "months": covered.months,
            "days": covered.days,
            "seconds": round(time.monotonic() - started, 3),
            "checksum": checksum.of_tables(),
        }
        self.stdout.write(json.dumps(document) if options["json"] else _words(document))

    def _report(self, done: int, total: int) -> None:
        if self.stderr.isatty():
            self.stderr.write(f"\r{done:,} of {total:,} customers", ending="" if done < total else "\n")


def _words(document: dict[str, Any]) -> str:
    return (
        f"{document['customers']:,} customers, {document['months']} months, {document['days']} days recomputed in "
        f"{document['seconds']} s.\nchecksum {document['checksum']}"
    )
