"""Count the revenue and usage rollups again from the facts and compare."""

import json
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.queries import organisation
from metrics.formulas.periods import add_months
from metrics.management.tables import REFUSED, month_of
from metrics.queries.verification import SHOWN, Check, NothingToVerifyError
from metrics.services.verification import verify_as_known, verify_everything


class Command(BaseCommand):
    help = "Independent recount of the stored rollups in plain Python. Exit 0: no difference, 1: some, 2: could not run."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--from", dest="first", metavar="YYYY-MM")
        parser.add_argument("--to", dest="last", metavar="YYYY-MM")
        parser.add_argument(
            "--customers", default="all", metavar="all|N", help="compare N customers; totals are complete"
        )
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument(
            "--known-at", metavar="T", help="compare what was known at a moment, such as 2026-03-31T12:00"
        )
        parser.add_argument("--json", action="store_true")

    def handle(self, **options: Any) -> None:
        last = month_of(options["last"], option="--to")
        chosen: dict[str, Any] = {
            "first": month_of(options["first"], option="--from"),
            "last": add_months(last, 1) - timedelta(days=1) if last else None,
            "sample": _sample(options["customers"]),
            "seed": options["seed"],
        }
        now = timezone.now()
        try:
            if options["known_at"]:
                checks = verify_as_known(now=now, known_at=_moment(options["known_at"], now), **chosen)
            else:
                checks = verify_everything(now=now, **chosen)
        except NothingToVerifyError:
            raise CommandError(
                "Nothing has been computed yet. Run recompute first.", returncode=REFUSED
            ) from None
        if options["json"]:
            self.stdout.write(json.dumps({"ok": _ok(checks), "checks": [asdict(check) for check in checks]}))
        else:
            self.stdout.write("\n".join(_lines(checks)))
        if not _ok(checks):
            raise SystemExit(1)


def _moment(text: str, now: datetime) -> datetime:
    """An instant; without an offset it is meant in the organisation's zone."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(
            f"--known-at {text!r} is not a moment. Write it as 2026-03-31T12:00.", returncode=REFUSED
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(organisation.current().time_zone))
    if moment > now:
        raise CommandError(f"--known-at {text} lies in the future.", returncode=REFUSED)
    return moment


def _sample(text: str) -> int | None:
    if text == "all":
        return None
    if not text.isdecimal():
        raise CommandError(f"--customers {text!r} is neither “all” nor a number.", returncode=REFUSED)
    return int(text)


def _ok(checks: list[Check]) -> bool:
    return not any(check.differences for check in checks)


def _lines(checks: list[Check]) -> list[str]:
    lines = []
    for check in checks:
        tail = f" ({check.note})" if check.note else ""
        lines.append(
            f"{check.code} {check.title}: {check.rows:,} rows, {len(check.differences)} differences{tail}"
        )
    for check in checks:
        lines += [
            f"  {found.table} {found.key} {found.column}: stored {found.stored}, recounted {found.recounted}"
            for found in check.differences[:SHOWN]
        ]
    return lines
