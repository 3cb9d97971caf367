"""Check that what is stored adds up, without using the code that stored it."""

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection, transaction
from django.utils import timezone

from accounts.queries import organisation
from metrics.management.tables import REFUSED
from metrics.rollups import checks
from metrics.rollups.checks import Outcome


class Command(BaseCommand):
    help = "Identities of the stored rows, read in one snapshot. Exit 0: all hold, 1: some are broken, 2: could not run."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true")
        parser.add_argument("--only", default="", metavar="ID,…", help="some identities, such as IC-01,IC-02")
        parser.add_argument(
            "--sample", default="all", metavar="all|0.01", help="share of the scores worked out again"
        )

    def handle(self, **options: Any) -> None:
        only = [name.strip() for name in options["only"].split(",") if name.strip()]
        unknown = [name for name in only if not any(known.startswith(name) for known in checks.names())]
        if unknown:
            raise CommandError(
                f"There is no identity {unknown[0]}. Known: {', '.join(checks.names())}.", returncode=REFUSED
            )
        now, share = timezone.now(), _share(options["sample"])
        is_outermost = not connection.in_atomic_block
        with transaction.atomic():
            if is_outermost:
                checks.one_snapshot()
            found = checks.check(now=now, today=organisation.local_day(now), only=only, share=share)
        failed = [outcome.id for outcome in found if not outcome.ok]
        if options["json"]:
            document = {
                "as_of": now.isoformat(),
                "ok": not failed,
                "checks": [asdict(outcome) for outcome in found],
                "failed": failed,
            }
            self.stdout.write(json.dumps(document))
        else:
            self.stdout.write("\n".join(line for outcome in found for line in _lines(outcome)))
        if failed:
            raise SystemExit(1)


def _share(text: str) -> float:
    if text == "all":
        return 1.0
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 < share <= 1:
        raise CommandError(f"--sample {text!r} is neither “all” nor a share up to 1.", returncode=REFUSED)
    return share


def _lines(outcome: Outcome) -> list[str]:
    state = "ok" if outcome.ok else f"{outcome.violations} broken"
    head = f"{outcome.id} {outcome.title}: {outcome.rows:,} rows, {state}"
    return [head, *(f"  {item['table']} {item['id']}: {item['detail']}" for item in outcome.examples)]
