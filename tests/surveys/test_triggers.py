"""S-200: what happens to a customer sends at most one survey, and every object says why it did or did not."""

from datetime import date, timedelta

import pytest

from customers.models import AttributeValue, CustomerSummary
from customers.services import summaries
from surveys.choices import DeliveryState
from surveys.models import Firing, Message
from surveys.services import advance, delivery, triggers
from tests.factories.customers import make_contact, make_customer, make_ticket, make_usage
from tests.factories.ledgers import make_version
from tests.factories.surveys import launch, make_campaign

pytestmark = [pytest.mark.django_db, pytest.mark.stage2]
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def customer(anna):
    customer = make_customer(owner=anna, name="Larch")
    make_contact(customer, "one@larch.example", role="user")
    return customer


def start(vera, now, event, *, delay=0, kind="csat5", **plan):
    campaign = make_campaign(
        by=vera,
        now=now,
        kind=kind,
        trigger_event=event,
        trigger_delay_hours=delay,
        nature="transactional",
        **plan,
    )
    launch(campaign, by=vera, now=now)
    return campaign


def outcomes():
    return list(Firing.objects.order_by("pk").values_list("outcome", "reason"))


def solve(customer, ticket_id, at, now, **fields):
    return make_ticket(customer, ticket_id=ticket_id, opened_at=at - HOUR, solved_at=at, now=now, **fields)


def test_a_solved_ticket_asks_one_person_once_after_its_delay(customer, vera, now):
    make_contact(customer, "two@larch.example", role="user")
    start(vera, now, "ticket_solved", delay=24)
    solve(customer, "T1", now + HOUR, now)
    advance.advance_campaigns(now=now + 24 * HOUR)
    assert outcomes() == []
    for minute in (1, 2, 3):
        advance.advance_campaigns(now=now + 25 * HOUR + timedelta(minutes=minute))
    assert sorted(outcomes()) == [("invited", ""), ("skipped", "sampled_out")]
    assert delivery.send_due(clock=lambda: now + 26 * HOUR) == 1


def test_a_missed_tick_is_caught_up_but_an_old_event_is_never_mailed(customer, vera, now):
    start(vera, now, "ticket_solved")
    solve(customer, "T1", now + HOUR, now)
    solve(customer, "T2", now + 9 * DAY, now)
    advance.advance_campaigns(now=now + 10 * DAY)
    assert outcomes() == [("too_late", "max_delay"), ("invited", "")]
    assert Message.objects.count() == 1


def test_a_reopened_ticket_takes_its_unsent_mail_back(customer, vera, now):
    start(vera, now, "ticket_solved")
    solve(customer, "T1", now + HOUR, now)
    advance.advance_campaigns(now=now + 2 * HOUR)
    make_ticket(customer, ticket_id="T1", opened_at=now, solved_at=None, now=now)
    advance.advance_campaigns(now=now + 3 * HOUR)
    assert outcomes() == [("revoked", "undone")]
    assert Message.objects.get().delivery_state == DeliveryState.REVOKED
    solve(customer, "T1", now + 4 * HOUR, now)
    advance.advance_campaigns(now=now + 5 * HOUR)
    assert len(outcomes()) == 1


def test_two_events_of_one_person_send_one_mail_and_the_second_says_why(customer, vera, now):
    start(vera, now, "ticket_solved")
    solve(customer, "T1", now + HOUR, now)
    solve(customer, "T2", now + HOUR, now)
    advance.advance_campaigns(now=now + 2 * HOUR)
    assert sorted(outcomes()) == [("invited", ""), ("skipped", "throttled")]
    delivery.send_due(clock=lambda: now + 2 * HOUR)
    solve(customer, "T3", now + 3 * HOUR, now)
    advance.advance_campaigns(now=now + 4 * HOUR)
    assert outcomes()[-1] == ("skipped", "throttled")


def test_a_customer_outside_the_audience_is_recorded_with_the_reason(customer, vera, now):
    start(vera, now, "ticket_solved", audience={"tier": ["gold"]})
    solve(customer, "T1", now + HOUR, now)
    advance.advance_campaigns(now=now + 2 * HOUR)
    assert outcomes() == [("skipped", "not_in_audience")]


def test_what_lay_before_the_launch_is_not_looked_at(customer, vera, now):
    solve(customer, "T1", now - 2 * HOUR, now)
    start(vera, now, "ticket_solved")
    advance.advance_campaigns(now=now + HOUR)
    assert outcomes() == []


def test_an_ended_phase_asks_how_easy_it_was_in_a_series_of_its_own(customer, vera, now):
    campaign = start(
        vera, now, "phase_ended", kind="ces7", about="onboarding", trigger_rule={"phase": "onboarding"}
    )
    other = make_campaign(by=vera, now=now, kind="ces7", nature="transactional")
    assert "complete the onboarding" in campaign.current.texts.get().question
    assert campaign.current.series_key != other.current.series_key
    day = now.date()
    for phase in ("onboarding", "adoption"):
        AttributeValue.objects.create(
            customer=make_customer() if phase == "adoption" else customer,
            key="phase", value=phase, from_on=day - 30 * DAY, to_on=day + DAY,
        )  # fmt: skip
    advance.advance_campaigns(now=now + 2 * DAY)
    assert outcomes() == [("invited", "")]
    assert Firing.objects.get().object_key.startswith(f"phase:onboarding:{customer.pk}:")


def test_go_live_is_the_end_of_onboarding_and_else_the_first_paid_day(customer, anna, vera, now):
    day = now.date() + DAY
    paid = make_customer(owner=anna, name="Paid")
    make_contact(paid, "one@paid.example")
    summaries.publish({paid.pk: {"is_paying": True, "first_paid_on": day - 90 * DAY}})
    summaries.publish({customer.pk: {"is_paying": True, "first_paid_on": day - 90 * DAY}})
    AttributeValue.objects.create(
        customer=customer, key="phase", value="onboarding", from_on=day - 90 * DAY, to_on=day - 60 * DAY
    )
    start(vera, now, "after_go_live", trigger_rule={"days": 90})
    advance.advance_campaigns(now=now + DAY)
    assert list(Firing.objects.values_list("customer", "outcome")) == [(paid.pk, "invited")]


def test_one_mail_in_the_range_before_a_renewal(customer, vera, now):
    summaries.ensure([customer.pk])
    day = now.date()
    CustomerSummary.objects.filter(pk=customer.pk).update(is_paying=True, renewal_on=day + 100 * DAY)
    start(vera, now, "before_renewal", kind="nps")
    for later in (HOUR, 2 * DAY, 9 * DAY, 20 * DAY):
        advance.advance_campaigns(now=now + later)
    assert outcomes() == [("invited", "")]
    assert Message.objects.get().max_at.date() == day + 10 * DAY


def test_a_renewal_that_is_too_near_or_too_far_fires_nothing(customer, vera, now):
    summaries.ensure([customer.pk])
    start(vera, now, "before_renewal", kind="nps")
    for days in (60, 130):
        CustomerSummary.objects.filter(pk=customer.pk).update(renewal_on=now.date() + days * DAY)
        advance.advance_campaigns(now=now + HOUR)
    assert outcomes() == []


def test_a_downgrade_and_a_cancellation_are_two_things(customer, anna, vera, now):
    day = now.date() + DAY
    make_version(customer, date(2025, 1, 1), day, "100")
    make_version(customer, day, None, "60")
    left = make_customer(owner=anna, name="Left")
    make_contact(left, "one@left.example")
    make_version(left, date(2025, 1, 1), day, "100")
    summaries.publish({left.pk: {"is_paying": False, "first_paid_on": date(2025, 1, 1)}})
    for event, expected in (("downgraded", customer), ("cancelled", left)):
        campaign = start(vera, now, event)
        triggers.fire_triggers(now=now + 2 * DAY)
        fired = Firing.objects.get(campaign=campaign)
        assert (fired.customer, fired.outcome) == (expected, "invited")
    assert delivery.send_due(clock=lambda: now + 2 * DAY) == 2


def test_the_first_use_of_something_asks_once(customer, vera, now):
    start(vera, now, "usage_event", trigger_rule={"event": "report_exported"})
    for number in (1, 2):
        make_usage(customer, day=now.date() + number * DAY, event="report_exported", now=now)
    for later in (2, 3):
        advance.advance_campaigns(now=now + later * DAY)
    assert outcomes() == [("invited", "")]
