"""One scheduler pass in this process: every ticker once, due jobs too, no broker needed."""

import json
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.celery import TICKERS, app
from config.work import jobs


class Command(BaseCommand):
    help = "Run every ticker once, synchronously. Repeat until it says idle."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--once", action="store_true", help="one pass (required, so that nobody waits for a daemon)"
        )
        parser.add_argument("--dispatch-only", action="store_true", help="only run due jobs")
        parser.add_argument("--json", action="store_true")

    def handle(self, **options: Any) -> None:
        if not options["once"]:
            raise CommandError("Say `tick --once`. The worker's beat does this all the time.", returncode=2)
        app.loader.import_default_modules()
        app.conf.task_always_eager = True
        names = ["work.dispatch_jobs"] if options["dispatch_only"] else list(TICKERS)
        ran, errors = [], []
        for name in names:
            started = time.monotonic()
            did, error = _run(name)
            if error:
                errors.append({"task": name, "error": error})
            ran.append(
                {"task": name, "locked": True, "did": did, "seconds": round(time.monotonic() - started, 3)}
            )
        document = {
            "ok": not errors,
            "idle": not errors and not any(row["did"] for row in ran) and not jobs.due_ids(1),
            "ran": ran,
            "jobs_run": next((row["did"] for row in ran if row["task"] == "work.dispatch_jobs"), 0),
            "errors": errors,
        }
        self.stdout.write(json.dumps(document) if options["json"] else _words(document))
        if errors:
            raise SystemExit(1)


def _run(name: str) -> tuple[int, str]:
    try:
        did = app.tasks[name]()
    except Exception as error:  # noqa: BLE001 - one broken ticker must not stop the pass; it is reported
        return 0, f"{type(error).__name__}: {error}"
    return int(did or 0), ""


def _words(document: dict[str, Any]) -> str:
    lines = [f"{row['task']}: {row['did']} in {row['seconds']} s" for row in document["ran"]]
    lines += [f"{row['task']} failed: {row['error']}" for row in document["errors"]]
    return "\n".join([*lines, "idle" if document["idle"] else "more to do"])
