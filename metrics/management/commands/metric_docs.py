"""Documentation of every metric, from the catalogue."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from metrics.management.metric_pages import pages


class Command(BaseCommand):
    help = "Write docs/metrics/ from the catalogue of metrics and the config keys. Needs no database."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="write nothing; exit 1 when pages are out of date"
        )
        parser.add_argument("--to", metavar="DIR", help="another folder than docs/metrics")

    def handle(self, **options: Any) -> None:
        folder = Path(options["to"] or settings.BASE_DIR / "docs" / "metrics")
        wanted = pages()
        stored = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.md")}
        changed = sorted(
            name for name in wanted.keys() | stored.keys() if wanted.get(name) != stored.get(name)
        )
        if options["check"]:
            if changed:
                raise CommandError(
                    f"Out of date: {', '.join(changed)}. Run python3 manage.py metric_docs.", returncode=1
                )
            self.stdout.write(f"{len(wanted)} pages are up to date.")
            return
        folder.mkdir(parents=True, exist_ok=True)
        for name in changed:
            if name in wanted:
                (folder / name).write_text(wanted[name], encoding="utf-8")
            else:
                (folder / name).unlink()
        self.stdout.write(f"{len(changed)} of {len(wanted)} pages written.")
