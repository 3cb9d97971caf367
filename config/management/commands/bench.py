"""Measure Tend against references in the same run, in a database cluster of its own."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from bench import run


class Command(BaseCommand):
    help = (
        "Measure against references of the same run. Exit 0 done, 1 results differ or a guard rail broke, 2 refused"
        " (unknown or unbuilt suite, machine too noisy)."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("suite", nargs="?", default="all", help="|".join(run.NAMED))
        parser.add_argument("--scale", default="", help="1k,10k,100k (default 1k,10k); 1m only by name")
        parser.add_argument("--rounds", type=int, default=3)
        parser.add_argument("--quick", action="store_true", help="1k and 10k, one round")
        parser.add_argument("--gate", action="store_true", help="exit 1 when a guard rail breaks")
        parser.add_argument("--anyway", action="store_true", help="keep noisy rounds; the exit code stays 2")
        parser.add_argument("--json", type=Path, metavar="FILE", help="write the document there")

    def handle(self, **options: Any) -> None:
        quick = options["quick"]
        scales = ",".join(run.QUICK) if quick or not options["scale"] else options["scale"]
        code = run.main(
            suite=options["suite"],
            scales=[name.strip().lower() for name in scales.split(",") if name.strip()],
            rounds=1 if quick else options["rounds"],
            gate=options["gate"],
            target=options["json"],
            anyway=options["anyway"],
            say=self.stdout.write,
        )
        if code:
            raise SystemExit(code)
