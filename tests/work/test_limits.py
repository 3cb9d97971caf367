"""Rate counters hold exactly under parallel calls."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models.functions import Now

from config.work import limits
from config.work.models import RateCounter

MINUTE = timedelta(minutes=1)


@pytest.mark.django_db
def test_the_limit_counts_per_person_and_starts_again_after_the_window():
    assert [limits.allow("login", "a", limit=2, window=MINUTE) for _ in range(3)] == [True, True, False]
    assert limits.allow("login", "b", limit=2, window=MINUTE)
    RateCounter.objects.update(ends_at=Now() - MINUTE)
    assert limits.allow("login", "a", limit=2, window=MINUTE)


@pytest.mark.django_db
def test_the_name_is_not_stored_in_clear():
    limits.allow("login", "vera@kestrel.example", limit=2, window=MINUTE)
    assert "vera" not in RateCounter.objects.get().key


@pytest.mark.django_db(transaction=True)
def test_parallel_callers_get_exactly_the_limit():
    barrier, answers = threading.Barrier(20), []

    def call():
        barrier.wait()
        answers.extend([limits.allow("race", "x", limit=30, window=MINUTE) for _ in range(5)])
        connection.close()

    threads = [threading.Thread(target=call) for _ in range(20)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert (len(answers), answers.count(True)) == (100, 30)
