"""Machine health: /healthz says the process answers, /readyz says what works and what is late."""

import shutil
import time
from typing import Any

from django.conf import settings
from django.db import DatabaseError
from django.db.models import Min
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache

from config.web.access import declare
from config.work import pg
from config.work.models import Job, JobState, MailState, OutgoingMail, Ticker
from surveys.queries import deliveries

LATE_TICK_S = 70  # the fastest ticker runs every 10 s; a minute on top is a fault
LATE_JOB_S = 180
DISK_FULL_PCT, DISK_LOW_PCT = 2, 5


@never_cache
@declare(access="public")
def healthz(request: HttpRequest) -> HttpResponse:
    """200 while the process answers; touches no database."""
    return HttpResponse("ok\n", content_type="text/plain")


@never_cache
@declare(access="public")
def readyz(request: HttpRequest) -> JsonResponse:
    """What works: 503 when database or disk fail, 200 with `degraded` named otherwise (`?strict=1`: 503 for any)."""
    state = readiness()
    failed = not state["ok"] or (request.GET.get("strict") == "1" and state["degraded"])
    return JsonResponse(state, status=503 if failed else 200)


def readiness() -> dict[str, Any]:
    """The document of /readyz."""
    state: dict[str, Any] = {
        "ok": True, "degraded": [], "database": "ok", "migrations": "ok", "broker": "ok", "tick_age_s": None,
        "oldest_due_job_s": 0, "uncertain_mails": 0, "hold": None, "disk_free_pct": _disk_free(), "clock_skew_ms": None,
    }  # fmt: skip
    try:
        _read_rows(state)
    except DatabaseError:
        state.update(ok=False, database="down")
    if state["disk_free_pct"] < DISK_FULL_PCT:
        state["ok"] = False
    state["degraded"] = [name for name, late in _late(state).items() if late]
    return state


def _read_rows(state: dict[str, Any]) -> None:
    now = timezone.now()
    before = time.time()
    database_now = pg.clock()
    state["clock_skew_ms"] = round((database_now.timestamp() - before) * 1000)
    tick = Ticker.objects.filter(name="work.dispatch_jobs").values_list("last_ok_at", flat=True).first()
    state["tick_age_s"] = round((now - tick).total_seconds()) if tick else None
    due = Job.objects.filter(state=JobState.QUEUED, due_at__lte=now).aggregate(oldest=Min("due_at"))["oldest"]
    state["oldest_due_job_s"] = round((now - due).total_seconds()) if due else 0
    state["uncertain_mails"] = (
        OutgoingMail.objects.filter(state=MailState.UNCERTAIN).count() + deliveries.uncertain_count()
    )
    state["hold"] = deliveries.hold_reason()


def _late(state: dict[str, Any]) -> dict[str, bool]:
    return {
        "background work": state["tick_age_s"] is None or state["tick_age_s"] > LATE_TICK_S,
        "jobs": state["oldest_due_job_s"] > LATE_JOB_S,
        "uncertain mails": state["uncertain_mails"] > 0,
        "sending hold": state["hold"] is not None,
        "disk": state["disk_free_pct"] < DISK_LOW_PCT,
    }


def _disk_free() -> int:
    folder = settings.DATA_DIR if settings.DATA_DIR.exists() else settings.BASE_DIR
    usage = shutil.disk_usage(folder)
    return round(usage.free * 100 / usage.total)
