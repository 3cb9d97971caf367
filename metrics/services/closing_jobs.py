"""Closing a month that is too much for one page: a worker does it, and says how it went."""

from datetime import date, datetime
from typing import Any

from config.work import jobs
from config.work.models import Job
from metrics.services.closing import close_month

JOB_KIND = "metrics.close_month"


def start_closing(*, month: date, by: Any, url: str) -> Job:
    """Let a worker close the month; `url` is the page that shows it then."""
    args = {"month": month.isoformat(), "url": url}
    title = f"Close {month:%B %Y}"
    return jobs.start(kind=JOB_KIND, args=args, title=title, by=by, dedupe_key=f"close:{month}", total=1)


def run_closing_job(job: Job, *, now: datetime) -> dict[str, Any]:
    """Body of the job; a month that cannot be closed ends it with the reason."""
    close_month(month=date.fromisoformat(job.args["month"]), by=job.created_by, now=now)
    return {"url": job.args["url"]}
