"""Celery as a doorbell: broker settings, queues, and the table of tickers."""

import os
import signal

from celery import Celery, platforms
from celery.signals import beat_embedded_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.conf import settings

# name: seconds between runs. Each ticker asks the database what is due, so a missed run only delays.
TICKERS = {
    "work.dispatch_jobs": 10,  # take back lost jobs, ring for due ones
    "work.send_service_mail": 10,  # invitations, resets, alerts
    "work.sweep": 300,  # old counters and login sessions
    "metrics.refresh_stale_customers": 10,  # drain stale marks: revenue, readings, scores, summaries
    "metrics.fill_rollups": 60,  # company months and cohorts of dirty periods
    "metrics.end_overrides": 60,  # overrides that end at midnight
    "metrics.remind_of_judgements": 3600,  # overrides and pulses that soon stop counting
    "metrics.close_months": 600,  # freeze months that are due; restatements after a fill and once a day
    "metrics.put_live": 60,  # approved scorecard versions whose day has begun
    "metrics.check_feeds": 300,  # each source feed once an hour: hold what is broken, release what is back
    "metrics.find_disagreements": 300,  # once per local day: views of customers that are two tones apart
    "metrics.find_misses": 3600,  # losses with what could have been seen before
    "metrics.run_nightly": 300,  # once per local day: time-dependent readings and all scores
    "surveys.send_messages": 10,  # claim and send survey mails
    "surveys.reap_leases": 15,  # leases that ran out: queued again or uncertain
    "surveys.apply_provider_events": 30,  # bounces, complaints, deliveries
    "surveys.advance_campaigns": 30,  # start, snapshot, close
    "surveys.open_cases": 60,  # one per unhappy contact; hand-overs
    "surveys.escalate_cases": 300,  # reminders, escalations, ends of waits
    "surveys.erase_contacts": 60,  # whoever asked to be forgotten
    "surveys.ask_promoters": 300,  # a private follow-up for the CSM
    "surveys.purge_traces": 300,  # what providers reported long ago; the privacy ledger
    "surveys.store_anonymous": 300,  # anonymous answers that have enough company
    "surveys.tell_owners": 60,  # answers changed from another device
    "surveys.tag_answers": 60,  # comments that came or changed: which topics they speak of
    "surveys.settle_visits": 60,  # looks at links become `visited`
}
# Sending may wait ten minutes for a mail server's last reply, so it has a queue of its own.
MAIL_TASKS = {"surveys.send_messages", "surveys.reap_leases", "work.send_service_mail"}
MAIL_LIMITS = {"soft_time_limit": 690, "time_limit": 720}  # seconds; above the 600 s a server may take

LOADED_BY = os.getpid()  # the worker; what it forks inherits the number

app = Celery("tend")
app.set_default()
app.conf.update(
    broker_url=settings.REDIS_URL,
    task_always_eager=getattr(settings, "CELERY_TASK_ALWAYS_EAGER", False),
    task_eager_propagates=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,
    task_serializer="json",
    accept_content=["json"],
    task_soft_time_limit=240,
    task_time_limit=300,
    task_default_queue="default",
    task_routes={name: {"queue": "mail"} for name in MAIL_TASKS} | {"metrics.*": {"queue": "metrics"}},
    worker_prefetch_multiplier=1,
    worker_max_tasks_per_child=500,
    worker_max_memory_per_child=400_000,  # KB
    worker_send_task_events=False,
    broker_transport_options={
        "visibility_timeout": 900,  # above every hard limit, or tasks run twice
        "unacked_restore_interval": 5,
        "unacked_restore_throttle": 1,
        "socket_timeout": 5,
        "socket_connect_timeout": 2,
        "health_check_interval": 25,
    },
    broker_connection_max_retries=None,
    broker_connection_retry_on_startup=True,
    broker_connection_timeout=2,
    timezone="UTC",
    enable_utc=True,
    beat_schedule={
        name: {"task": name, "schedule": seconds, "options": {"expires": seconds}}
        for name, seconds in TICKERS.items()
    },
)
app.autodiscover_tasks(["config.work", "customers", "surveys", "metrics"])


@beat_embedded_init.connect
def end_with_the_worker(**_sent: object) -> None:
    """A beat inside a worker ends when its worker is killed, as the pool's processes do; alone it would ring on.

    Linux only: the kernel tells it.
    """
    platforms.set_pdeathsig("SIGKILL")
    if LOADED_BY not in {os.getpid(), os.getppid()}:  # the worker died before we asked
        os.kill(os.getpid(), signal.SIGKILL)
