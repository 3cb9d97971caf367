"""F13, F14: workers and campaigns that reach for the same row or person at the same moment."""

import os
import threading
from dataclasses import replace

import pytest
from django.db import connection

from surveys.choices import DeliveryState, SkipReason
from surveys.models import Message, SurveyPolicy
from surveys.services import claims, delivery, mail_sql
from tests.factories.surveys import launch, make_audience, make_campaign
from tests.surveys.failures.test_sending import launched, send, states

pytestmark = pytest.mark.django_db
real_commits = pytest.mark.django_db(transaction=True)
MAILS = int(os.environ.get("CHAOS_RACE", "48"))  # F13 speaks of 500, F14 of 1,000 rounds
ROUNDS = max(4, MAILS * 2 if MAILS > 400 else 0)


@real_commits
def test_f13_eight_workers_send_every_mail_once(anna, vera, now, sink):
    SurveyPolicy.objects.create(valid_from=now, customer_cap=0, cap_per_hour=0, cap_per_domain_hour=0)
    launched(anna, vera, now=now, customers=MAILS // 2, contacts=2)
    Message.objects.update(delivery_state=DeliveryState.QUEUED)
    errors = []

    def worker():
        try:
            send(now)
        except Exception as error:  # noqa: BLE001 - test-double
            errors.append(error)
        finally:
            connection.close()

    in_threads(*[worker] * 8)
    assert errors == []
    assert states() == [DeliveryState.SENT] * MAILS
    assert len(sink.recipients) == MAILS
    assert set(sink.recipients.values()) == {1}


def test_f13_guard_off_two_workers_that_read_the_same_row_both_send(
    anna, vera, now, sink, transport, monkeypatch
):
    """Without the row's lock both take it; the lease in the write-ahead is the second line, and off here too."""
    launched(anna, vera, now=now)
    claims.release_due(now=now)
    seen = claims._next_due(now)
    monkeypatch.setattr(claims, "_next_due", lambda _now: seen)
    first, second = claims.claim_next(now=now), claims.claim_next(now=now)
    assert not delivery.write_ahead(claim=first, clock=lambda: now)
    monkeypatch.setattr(delivery, "write_ahead", lambda **_: True)
    for claim in (first, second):
        delivery.send_one(claim=claim, transport=transport, clock=lambda: now)
    assert max(sink.recipients.values()) == 2


def in_threads(*work):
    threads = [threading.Thread(target=one) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)


def raced(anna, vera, now, rounds):
    """Two campaigns claim the mail to the same person at the same moment, one person per round."""
    SurveyPolicy.objects.create(valid_from=now, customer_cap=0)
    make_audience(anna, contacts=rounds)
    for name in ("One", "Two"):
        launch(make_campaign(by=vera, now=now, name=name, on_throttle="skip"), by=vera, now=now)
    got, barrier = [], threading.Barrier(2)

    def worker():
        barrier.wait()
        got.append(claims.claim_next(now=now))
        connection.close()

    people = Message.objects.values_list("invitation__email_norm", flat=True).distinct().order_by()
    for person in list(people):
        Message.objects.filter(invitation__email_norm=person).update(delivery_state=DeliveryState.QUEUED)
        in_threads(worker, worker)
    return got


@real_commits
def test_f14_two_campaigns_at_the_same_moment_ask_a_person_once(anna, vera, now):
    got = raced(anna, vera, now, ROUNDS)
    assert sorted(claim is None for claim in got) == [False] * ROUNDS + [True] * ROUNDS
    assert states() == [DeliveryState.SENDING] * ROUNDS + [DeliveryState.SKIPPED] * ROUNDS
    reasons = Message.objects.filter(delivery_state="skipped").values_list("skip_reason", flat=True)
    assert set(reasons) == {SkipReason.THROTTLED}


@real_commits
def test_f14_guard_off_without_clocks_both_may_ask(anna, vera, now, monkeypatch):
    """Nothing is locked and neither commits before both have looked: the race is real."""
    both, take = threading.Barrier(2), claims._taken

    def unguarded(*args, **more):
        found = take(*args, **more)
        both.wait(20)
        return found

    sql = mail_sql.DUE.sql.replace("FOR UPDATE OF clock", "")
    monkeypatch.setattr(mail_sql, "DUE", replace(mail_sql.DUE, name="mail_due_unguarded", sql=sql))
    monkeypatch.setattr(claims, "_taken", unguarded)
    assert None not in raced(anna, vera, now, 1)
