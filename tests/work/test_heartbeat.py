"""A job in one long transaction stays alive and shows how far it is."""

import time

import pytest

from config.work import heartbeat, jobs
from config.work.models import Job

WAIT_S = 20


@pytest.fixture
def running(monkeypatch):
    monkeypatch.setattr(heartbeat, "BEAT_S", 0.02)
    return jobs.claim(jobs.start(kind="test.long", args={}).pk)


def until(condition):
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.django_db(transaction=True)
def test_progress_is_seen_while_the_work_has_not_committed(running):
    with heartbeat.Heartbeat(running) as heart:
        heart.report(7)
        until(lambda: Job.objects.get().progress_done == 7)


@pytest.mark.django_db(transaction=True)
def test_work_that_somebody_else_took_over_stops(running):
    with heartbeat.Heartbeat(running) as heart:
        until(lambda: heart.was_seen)
        Job.objects.update(lease_token="other")
        until(lambda: heart.is_lost)
        with pytest.raises(jobs.JobLostError):
            heart.report(8)
