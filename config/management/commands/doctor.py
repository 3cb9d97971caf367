"""Is this installation well, and if not, what to do."""

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from config.management.doctor_checks import FAIL, OK, all_findings

MARKS = {"ok": "  ok  ", "warn": " warn ", "fail": " FAIL "}


class Command(BaseCommand):
    help = "Check the environment, the database, the broker, mail and background work. Exit 1 when something fails."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON document")

    def handle(self, **options: Any) -> None:
        findings = all_findings(timezone.now())
        failed = any(finding.level == FAIL for finding in findings)
        if options["json"]:
            self.stdout.write(
                json.dumps({"ok": not failed, "checks": [asdict(finding) for finding in findings]})
            )
        else:
            for finding in findings:
                self.stdout.write(f"{MARKS[finding.level]} {finding.id}: {finding.found}")
                if finding.level != OK:
                    self.stdout.write(f"        -> {finding.fix}")
        if failed:
            raise SystemExit(1)
