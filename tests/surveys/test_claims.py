"""Claiming one mail: how many statements it takes, which rows they read, and what a quick yes may never overlook."""

import json
import re
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from customers.models import CustomerSummary
from surveys.choices import ON_THE_CLOCK, DeliveryState, SkipReason
from surveys.models import Message, SendClock, SurveyPolicy
from surveys.services import claims, delivery, frames, mail_sql, sending_state, test_sends
from tests.factories.surveys import launch, make_audience, make_campaign

pytestmark = pytest.mark.django_db
BOOKKEEPING = ("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT", "PREPARE")


def launched(anna, vera, now, **plan):
    launch(make_campaign(by=vera, now=now, **plan), by=vera, now=now)
    claims.release_due(now=now)


@contextmanager
def statements():
    """What reaches the database, without the bookkeeping of transactions and of preparing once."""
    found = []
    with CaptureQueriesContext(connection) as captured:
        yield found
    found += [sql for one in captured if not (sql := one["sql"].strip()).startswith(BOOKKEEPING)]


def test_bt_1_a_mail_takes_four_statements_whatever_waits(anna, vera, now, sink, transport):
    make_audience(anna, customers=3, contacts=4)
    launched(anna, vera, now)
    run, gate = frames.frame(now=now), sending_state.Gate()
    assert gate.is_open(now=now)
    delivery.send_one(
        claim=claims.claim_next(now=now, run=run), transport=transport, clock=lambda: now, run=run
    )
    for _ in range(3):
        with statements() as found:
            claim = claims.claim_next(now=now, run=run)
            delivery.send_one(claim=claim, transport=transport, clock=lambda: now, run=run, gate=gate)
        names = [sql.split("(")[0].removeprefix("EXECUTE tend_mail_").strip() for sql in found]
        assert names == ["due", "take", "allow_dot", "accepted"]


def test_bt_1_a_customer_without_a_summary_costs_no_statement_more(anna, vera, now):
    make_audience(anna)
    launched(anna, vera, now)
    CustomerSummary.objects.all().delete()
    run = frames.frame(now=now)
    with statements() as found:
        assert claims.claim_next(now=now, run=run) is not None
    assert [sql for sql in found if "customers_" in sql] == []


def test_a_run_reads_the_words_of_a_draft_again_and_frozen_ones_once(anna, vera, now):
    make_audience(anna)
    launched(anna, vera, now)
    draft = make_campaign(by=vera, now=now, name="Draft")
    test_sends.send_test(campaign=draft, to=vera, now=now)
    run, messages = frames.frame(now=now), list(Message.objects.order_by("invitation__is_test"))
    for message in messages:
        run.complete(message)
    draft.current.texts.update(question="Edited?")
    run.forget()
    with statements() as found:
        for message in messages:
            run.complete(message)
    assert messages[1].invitation.text.question == "Edited?"
    assert len([sql for sql in found if 'FROM "surveys_campaigntext"' in sql]) == 1


@pytest.mark.parametrize("pooler", [False, True])
def test_mails_leave_with_and_without_prepared_statements(anna, vera, now, sink, settings, pooler):
    """Behind a pooler every transaction may have another connection, which knows of no prepared statement."""
    settings.DATABASE_POOLER = pooler
    make_audience(anna, contacts=2)
    launched(anna, vera, now)
    with statements() as found:
        assert delivery.send_due(clock=lambda: now) == 2
    assert any(sql.startswith("EXECUTE") for sql in found) is not pooler
    assert set(sink.recipients.values()) == {1}


def test_bt_2_the_due_mail_is_read_from_its_index_not_from_all_mails(anna, vera, now):
    make_audience(anna, customers=4, contacts=3)
    launched(anna, vera, now)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE surveys_message, surveys_invitation, surveys_sendclock")
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {mail_sql.DUE.whole}", {"now": now})
        plan = cursor.fetchone()[0]
    plan = plan if isinstance(plan, list) else json.loads(plan)
    nodes = list(below(plan[0]["Plan"]))
    read = [node for node in nodes if node.get("Relation Name") == "surveys_message" and node["Actual Loops"]]
    assert [node.get("Index Name") for node in read] == ["surveys_message_due"]
    assert sum(node["Actual Rows"] * node["Actual Loops"] for node in read) == 1
    assert not [node for node in nodes if node["Node Type"] == "Seq Scan" and node["Actual Rows"] > 1]


def below(node):
    yield node
    for child in node.get("Plans", []):
        yield from below(child)


def test_s_50_the_quick_yes_counts_the_states_that_the_rules_count():
    named = re.findall(r"delivery_state IN \(([^)]*)\)", mail_sql.TAKE.sql)
    assert len(named) == 2
    assert [set(re.findall(r"'(\w+)'", states)) for states in named] == [set(ON_THE_CLOCK)] * 2


def test_a_missing_clock_is_made_and_held_before_the_claim(anna, vera, now):
    make_audience(anna)
    launched(anna, vera, now)
    SendClock.objects.all().delete()
    assert claims.claim_next(now=now) is not None
    assert set(SendClock.objects.values_list("scope", flat=True)) == {"person", "customer"}


def asked_again(anna, vera, now, days, **plan):
    """A person asked by a first campaign so many days ago and by a second one now: the state of the second mail."""
    launched(anna, vera, now, name="First", on_throttle="skip")
    first = claims.claim_next(now=now).message.pk
    sent = {"delivery_state": DeliveryState.SENT, "phase": "", "lease_token": "", "lease_until": None}
    Message.objects.filter(pk=first).update(**sent, accepted_at=now, settled_by="reply", claimed_at=None)
    # planned while nobody was asked yet: only the claim can see the first campaign
    launched(anna, vera, now, name="Second", on_throttle="skip", **plan)
    Message.objects.filter(pk=first).update(claimed_at=now - timedelta(days=days))
    claims.claim_next(now=now)
    return Message.objects.exclude(pk=first).values_list("delivery_state", "skip_reason").get()


THROTTLED, ASKED = (DeliveryState.SKIPPED, SkipReason.THROTTLED), (DeliveryState.SENDING, "")
BOTH_KINDS = [  # of the second campaign, so many days after the first: an NPS, like the first, or not
    ({"kind": "nps"}, 29, THROTTLED),  # within the gap between any two mails
    ({"kind": "nps"}, 31, THROTTLED),  # within that between two of this kind; no quick yes
    ({"kind": "csat5"}, 31, ASKED),  # no quick yes either, and yet the rules allow it
]


@pytest.mark.parametrize(("plan", "days", "state"), BOTH_KINDS)
def test_s_50_the_quick_yes_sees_whom_another_campaign_asked(anna, vera, now, plan, days, state):
    make_audience(anna)
    assert asked_again(anna, vera, now, days, **plan) == state


def test_s_51_the_quick_yes_sees_the_cap_of_a_customer(anna, vera, now):
    SurveyPolicy.objects.create(valid_from=now, customer_cap=0)
    make_audience(anna, contacts=4)
    launched(anna, vera, now)
    SurveyPolicy.objects.create(valid_from=now, customer_cap=2)
    while claims.claim_next(now=now):
        pass
    found = list(Message.objects.values_list("delivery_state", "skip_reason"))
    assert (
        sorted(found)
        == [(DeliveryState.SENDING, "")] * 2 + [(DeliveryState.SKIPPED, SkipReason.CUSTOMER_CAP)] * 2
    )
