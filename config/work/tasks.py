"""Tickers and the one task that runs jobs."""

from typing import Any

from celery import current_app, shared_task
from django.contrib.sessions.models import Session
from django.db.models.functions import Now
from django.utils import timezone

from config.work import jobs, mail
from config.work.models import RateCounter
from config.work.nudge import ring
from config.work.tickers import ticker


# One job may be one long transaction (a large import); below the broker's visibility timeout of 900 s.
@shared_task(name="work.run_job", ignore_result=True, soft_time_limit=780, time_limit=840)
def run_job(*, job_id: int, **_unknown: Any) -> None:
    """Run one job if it is due and nobody else has it."""
    jobs.run(job_id)


@ticker("work.dispatch_jobs")
def dispatch_jobs() -> int:
    """Take back lost jobs and ring for every due one; runs them here when tasks are eager."""
    jobs.reap()
    due = jobs.due_ids()
    for job_id in due:
        if current_app.conf.task_always_eager:
            jobs.run(job_id)
        elif not ring("work.run_job", job_id=job_id):
            break
    return len(due)


@ticker("work.send_service_mail")
def send_service_mail() -> int:
    """Send due mails that are no surveys."""
    return mail.send_due(now=timezone.now())


@ticker("work.sweep")
def sweep() -> int:
    """Remove counters and login sessions that are over."""
    gone, _ = RateCounter.objects.filter(ends_at__lt=Now()).delete()
    over, _ = Session.objects.filter(expire_date__lt=Now()).delete()
    return gone + over
