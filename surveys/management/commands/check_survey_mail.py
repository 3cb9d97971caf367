import argparse
import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from surveys.services.mail_checks import check_survey_mail


class Command(BaseCommand):
    help = "Check a raw survey mail against the checklist. Exit 1 when an item fails."
    requires_system_checks = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="the message as it travelled, headers included")
        parser.add_argument("--json", action="store_true", help="one JSON document")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Print one line per item."""
        try:
            raw = options["file"].read_bytes()
        except OSError as error:
            raise CommandError(
                f"{options['file']} cannot be read: {error.strerror}.", returncode=2
            ) from error
        found = check_survey_mail(raw, base=settings.SITE_URL)
        failed = [finding for finding in found if not finding.ok]
        if options["json"]:
            lines = [{"id": one.id, "ok": one.ok, "detail": one.detail} for one in found]
            self.stdout.write(json.dumps({"ok": not failed, "checks": lines}))
        else:
            for one in found:
                self.stdout.write(f"{'ok  ' if one.ok else 'FAIL'} {one.id} {one.detail}".rstrip())
            self.stdout.write(f"{len(found) - len(failed)} passed, {len(failed)} failed")
        if failed:
            raise SystemExit(1)
