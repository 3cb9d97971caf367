"""What background work waits, runs, or has died."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Count, Min, Q
from django.utils import timezone

from config.celery import TICKERS
from config.work import jobs
from config.work.models import Job, JobState, Ticker


class Command(BaseCommand):
    help = "Background work: counts, ages, tickers and dead jobs. Exit 1 when a job is dead."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true")
        parser.add_argument("--retry", type=int, metavar="ID", help="run a dead job again")

    def handle(self, **options: Any) -> None:
        if options["retry"]:
            self._retry(options["retry"])
        state = summary(timezone.now())
        if options["json"]:
            self.stdout.write(json.dumps(state))
        else:
            counts = "  ".join(f"{name} {count}" for name, count in state["counts"].items())
            self.stdout.write(counts)
            for job in state["dead"]:
                self.stdout.write(f"dead: {job['id']} {job['kind']}: {job['error']}")
        if state["dead"]:
            raise SystemExit(1)

    def _retry(self, pk: int) -> None:
        job = Job.objects.filter(pk=pk, state=JobState.DEAD).first()
        if job is None:
            raise CommandError(f"Job {pk} is not dead, so there is nothing to run again.", returncode=2)
        jobs.run_again(job)


def summary(now: Any) -> dict[str, Any]:
    """The document of `jobs --json`."""
    counts = dict.fromkeys(JobState.values, 0)
    counts |= {row["state"]: row["n"] for row in Job.objects.values("state").annotate(n=Count("pk"))}
    due = Job.objects.filter(state=JobState.QUEUED, due_at__lte=now).aggregate(
        n=Count("pk"), oldest=Min("due_at")
    )
    open_states = {name: Count("pk", filter=Q(state=name)) for name in ("queued", "running", "dead")}
    ages = dict(Ticker.objects.values_list("name", "last_ok_at"))
    return {
        "as_of": now.isoformat(),
        "counts": {**counts, "due": due["n"]},
        "oldest_due_age_s": round((now - due["oldest"]).total_seconds()) if due["oldest"] else None,
        "tickers": [
            {
                "task": name,
                "every_s": seconds,
                "last_ok_age_s": round((now - ages[name]).total_seconds()) if ages.get(name) else None,
            }
            for name, seconds in TICKERS.items()
        ],
        "by_kind": {
            row.pop("kind"): row for row in Job.objects.values("kind").annotate(**open_states).order_by("kind")
        },
        "dead": [
            {"id": job.pk, "kind": job.kind, "attempts": job.attempts, "error": job.last_error,
             "since": job.finished_at.isoformat() if job.finished_at else None}
            for job in Job.objects.filter(state=JobState.DEAD).order_by("-pk")[:50]
        ],
    }  # fmt: skip
