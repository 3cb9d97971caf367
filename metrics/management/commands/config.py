"""Configuration as files: write it out, see what differs, take it over."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from config.web.errors import DomainError
from metrics.services import config_files

PROBLEMS, REFUSED = 1, 2  # exit codes of the interface


class Command(BaseCommand):
    """Scorecards, card rules, own measures, alert rules and the definition of the metrics as YAML files.

    `apply` takes over everything or nothing; scorecards and card rules only become drafts.
    """

    help = "Export, compare or apply the configuration as files."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What to do, and where."""
        parser.add_argument("what", choices=["export", "plan", "apply"])
        parser.add_argument("folder", metavar="DIR", type=Path)
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Do one of the three."""
        folder: Path = options["folder"]
        if options["what"] == "export":
            self._export(folder, as_json=options["json"])
            return
        if not folder.is_dir():
            raise CommandError(f"{folder} is no folder. Run config export first.", returncode=REFUSED)
        steps, problems = config_files.plan(folder)
        if options["what"] == "plan":
            self._tell(steps, problems, as_json=options["json"])
            if problems:
                raise CommandError(_joined(problems), returncode=PROBLEMS)
            return
        if problems:
            raise CommandError(f"{_joined(problems)}\nNothing was changed.", returncode=REFUSED)
        try:
            done = config_files.apply(steps, by=None, now=timezone.now())
        except DomainError as error:
            raise CommandError(f"{error}\nNothing was changed.", returncode=REFUSED) from error
        self._say({"done": done}, done or ["Nothing differs."], as_json=options["json"])

    def _export(self, folder: Path, *, as_json: bool) -> None:
        try:
            names = config_files.export(folder)
        except OSError as error:
            raise CommandError(f"{folder} cannot be written: {error}", returncode=REFUSED) from error
        self._say({"files": names}, [f"Wrote {name}." for name in names], as_json=as_json)

    def _tell(self, steps: Any, problems: Any, *, as_json: bool) -> None:
        document = {
            "changes": [{"file": step.place, "words": list(step.words)} for step in steps],
            "problems": [str(one) for one in problems],
        }
        lines = [f"{step.place}\n" + "\n".join(f"  {text}" for text in step.words) for step in steps]
        self._say(document, lines or ["Nothing differs."], as_json=as_json)

    def _say(self, document: dict[str, Any], lines: list[str], *, as_json: bool) -> None:
        self.stdout.write(json.dumps(document, indent=2) if as_json else "\n".join(lines))


def _joined(problems: Any) -> str:
    return "\n".join(str(one) for one in problems)
