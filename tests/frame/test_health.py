"""/healthz and /readyz tell the truth to machines."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from config.work.models import Job, MailState, OutgoingMail, Ticker
from surveys.models import SendingState


def test_healthz_answers_without_a_database(client):
    answer = client.get("/healthz")
    assert (answer.status_code, answer.content) == (200, b"ok\n")


@pytest.fixture
def ticking(db):
    return Ticker.objects.create(name="work.dispatch_jobs", last_ok_at=timezone.now())


def test_a_quiet_installation_is_ready(client, ticking):
    answer = client.get("/readyz").json()
    assert (answer["ok"], answer["degraded"], answer["database"], answer["uncertain_mails"]) == (
        True,
        [],
        "ok",
        0,
    )


def test_late_ticks_jobs_and_mails_in_doubt_are_named_and_strict_refuses_them(client, ticking):
    Ticker.objects.update(last_ok_at=timezone.now() - timedelta(minutes=5))
    Job.objects.create(kind="x", due_at=timezone.now() - timedelta(minutes=10))
    OutgoingMail.objects.create(
        recipient="a@b.example", subject="s", message_id="1", state=MailState.UNCERTAIN
    )
    SendingState.objects.update_or_create(pk=1, defaults={"hold_reason": "restore"})
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["degraded"] == ["background work", "jobs", "uncertain mails", "sending hold"]
    assert client.get("/readyz?strict=1").status_code == 503


def test_a_database_that_is_away_is_a_503(client, ticking, monkeypatch):
    from django.db import OperationalError

    from config import health

    def away(state):
        raise OperationalError

    monkeypatch.setattr(health, "_read_rows", away)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["database"], connection.is_usable()) == (503, "down", True)
