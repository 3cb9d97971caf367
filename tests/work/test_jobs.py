"""Jobs: claimed once, retried, dead at the cap, never lost."""

import threading
from datetime import timedelta

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.models.functions import Now

from config.web.errors import DomainError
from config.work import jobs
from config.work.models import Job, JobState

pytestmark = pytest.mark.django_db


@pytest.fixture
def kinds(monkeypatch):
    registry = {}
    monkeypatch.setattr(jobs, "KINDS", registry)
    return registry


def make_job(**values):
    return jobs.start(**{"kind": "tests.kind", "args": {}, **values})


def test_a_job_runs_once_and_keeps_its_result(kinds):
    kinds["tests.kind"] = lambda job: {"rows": job.args["rows"], "url": "/there/"}
    job = make_job(args={"rows": 3})
    jobs.run(job.pk)
    assert jobs.run(job.pk) is None
    job.refresh_from_db()
    assert (job.state, job.result, job.result_url, job.attempts) == (
        "done",
        {"rows": 3, "url": "/there/"},
        "/there/",
        1,
    )


def test_an_active_twin_is_returned_instead_of_a_second_job(kinds):
    first = make_job(dedupe_key="import:1")
    assert make_job(dedupe_key="import:1").pk == first.pk
    Job.objects.update(state=JobState.DONE)
    assert make_job(dedupe_key="import:1").pk != first.pk


def test_the_database_refuses_two_active_jobs_of_one_key():
    make_job(dedupe_key="k")
    with pytest.raises(IntegrityError), transaction.atomic():
        Job.objects.create(kind="tests.kind", dedupe_key="k")


def test_a_refusal_of_the_domain_is_the_jobs_error_at_once(kinds):
    def refuse(job):
        raise DomainError("The file is empty.", hint="Choose another.")

    kinds["tests.kind"] = refuse
    job = make_job()
    jobs.run(job.pk)
    job.refresh_from_db()
    assert (job.state, job.last_error) == ("dead", "The file is empty. Choose another.")


def test_a_passing_fault_is_tried_again_later_and_dies_after_eight(kinds):
    def away(job):
        raise OperationalError("server closed the connection")

    kinds["tests.kind"] = away
    job = make_job()
    for _ in range(jobs.MAX_ATTEMPTS):
        Job.objects.update(due_at=Now())
        jobs.run(job.pk)
    job.refresh_from_db()
    assert (job.state, job.attempts) == ("dead", 8)


def test_an_unexpected_error_dies_after_two_tries(kinds):
    kinds["tests.kind"] = lambda job: 1 / 0
    job = make_job()
    for _ in range(2):
        Job.objects.update(due_at=Now())
        jobs.run(job.pk)
    job.refresh_from_db()
    assert job.state == "dead"
    assert "ZeroDivisionError" in job.last_error


def test_who_lost_the_lease_changes_nothing_more(kinds):
    job = make_job()
    claimed = jobs.claim(job.pk)
    Job.objects.update(lease_token="somebody else")
    with pytest.raises(jobs.JobLostError):
        jobs.advance(claimed, done=5)
    job.refresh_from_db()
    assert job.progress_done == 0


def test_a_lease_that_ran_out_goes_back_and_is_dead_the_third_time(kinds):
    job = make_job()
    for expected in ("queued", "queued", "dead"):
        assert jobs.claim(job.pk) is not None
        Job.objects.update(lease_until=Now() - timedelta(seconds=1))
        jobs.reap()
        job.refresh_from_db()
        assert job.state == expected


def test_rest_of_the_work_handed_back_keeps_progress_and_costs_no_attempt(kinds):
    job = jobs.claim(make_job().pk)
    jobs.advance(job, done=10, total=20, note="half")
    jobs.hand_back(job)
    job.refresh_from_db()
    assert (job.state, job.attempts, job.progress_done, job.progress_total, job.note) == (
        "queued",
        0,
        10,
        20,
        "half",
    )


@pytest.mark.django_db(transaction=True)
def test_eight_workers_claim_a_job_once():
    job = make_job()
    barrier, claimed = threading.Barrier(8), []

    def work():
        barrier.wait()
        claimed.append(jobs.claim(job.pk))
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len([found for found in claimed if found]) == 1
