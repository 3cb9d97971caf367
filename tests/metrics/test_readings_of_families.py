"""What the further measures of each family read, and when they are 0 instead of nothing."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import transaction

from config.work.pg import recorded_at
from customers.services import subscriptions
from metrics.models import ValueEvent
from metrics.rollups import readings
from tests.factories.customers import (
    NOW,
    make_contact,
    make_customer,
    make_pulse,
    make_subscription,
    make_ticket,
    make_touchpoint,
    make_usage,
)
from tests.factories.health import TODAY, days_before, make_answer
from tests.factories.readings import reading

pytestmark = pytest.mark.django_db


def test_stickiness_is_the_mean_of_daily_users_by_users_of_28_days():
    customer = make_customer()
    for day, user in ((1, "a"), (2, "a"), (2, "a"), (28, "b"), (29, "c")):
        make_usage(customer, day=days_before(day), user=user)
    assert reading(customer, "stickiness") == (Decimal("0.053571"), days_before(1), "")  # 3 / (28 x 2)


def test_hr_2_stickiness_is_0_after_silence_and_nothing_where_only_totals_come():
    silent, totals = make_customer(), make_customer()
    make_usage(silent, day=days_before(90))
    make_usage(totals, day=days_before(2), user="", users=9)
    assert reading(silent, "stickiness")[0] == 0
    assert reading(totals, "stickiness") == (None, None, "unset")


def test_feature_breadth_counts_different_features_of_28_days():
    customer, plain = make_customer(), make_customer()
    for day, feature in ((1, "rota"), (2, "rota"), (28, "clock"), (29, "export")):
        make_usage(customer, day=days_before(day), feature=feature)
    make_usage(plain, day=days_before(1))
    assert reading(customer, "feature_breadth")[0] == 2
    assert reading(plain, "feature_breadth")[2] == "unset"


def test_core_events_and_the_last_one_follow_the_value_event_of_the_segment():
    ValueEvent.objects.create(purpose=ValueEvent.FIRST_VALUE, event="report")
    ValueEvent.objects.create(purpose=ValueEvent.FIRST_VALUE, segment="SMB", feature="rota")
    small, large = make_customer(segment="SMB"), make_customer()
    for customer in (small, large):
        make_usage(customer, day=days_before(3), event="login", feature="rota", count=2)
        make_usage(customer, day=days_before(70), event="report", count=5)
    found = [
        [reading(customer, key)[:2] for key in ("core_events", "days_since_value_event")]
        for customer in (small, large)
    ]
    assert found == [
        [(2, days_before(1)), (3, days_before(3))],
        [(0, days_before(1)), (70, days_before(70))],
    ]


def test_without_a_value_event_any_usage_counts_as_one():
    customer = make_customer()
    make_usage(customer, day=days_before(4), count=3)
    assert reading(customer, "core_events")[0] == 3
    assert reading(customer, "days_since_value_event")[:2] == (4, days_before(4))


def test_a_customer_that_never_had_a_value_event_has_a_count_of_0_and_no_day():
    ValueEvent.objects.create(purpose=ValueEvent.FIRST_VALUE, event="report")
    customer = make_customer()
    make_usage(customer, day=days_before(4))
    assert reading(customer, "core_events")[0] == 0
    assert reading(customer, "days_since_value_event") == (None, None, "no_facts")


def test_the_latest_nps_answer_counts_ten_points_a_step():
    customer = make_customer()
    make_answer(customer, 3, at=NOW - timedelta(days=20))
    make_answer(customer, 8, at=NOW - timedelta(days=4))
    assert reading(customer, "nps_latest") == (Decimal(80), days_before(4), "")


def test_csat_and_ces_are_means_of_shares_of_their_own_scales():
    customer = make_customer()
    make_answer(customer, 5, kind="csat5", at=NOW - timedelta(days=9))
    make_answer(customer, 4, kind="csat7", at=NOW - timedelta(days=2))
    make_answer(customer, 6, kind="ces", direction="low_is_good", at=NOW)
    assert reading(customer, "csat_mean") == (Decimal(75), days_before(2), "")
    assert reading(customer, "ces_mean")[0] == Decimal("16.666667")


def test_open_and_reopened_tickets():
    customer = make_customer()
    make_ticket(customer, opened_at=NOW - timedelta(days=9), reopened=4)
    make_ticket(customer, opened_at=NOW - timedelta(days=40), solved_at=NOW - timedelta(days=20), reopened=1)
    make_ticket(customer, opened_at=NOW - timedelta(days=40), solved_at=NOW - timedelta(days=3))
    make_ticket(
        customer, opened_at=NOW - timedelta(days=200), solved_at=NOW - timedelta(days=150), reopened=1
    )
    assert reading(customer, "open_tickets") == (1, TODAY, "")
    assert reading(customer, "reopened_share") == (Decimal("0.5"), days_before(1), "")
    calm = make_customer()
    make_ticket(calm, opened_at=NOW - timedelta(days=200), solved_at=NOW - timedelta(days=150), reopened=1)
    assert [reading(calm, key)[0] for key in ("open_tickets", "reopened_share")] == [0, 0]


def test_mrr_and_seats_are_compared_with_90_days_before():
    customer = make_customer()
    make_subscription(
        customer, mrr="200", quantity=Decimal(20), from_on=days_before(300), to_on=days_before(60)
    )
    make_subscription(customer, mrr="150", quantity=Decimal(25), from_on=days_before(60), product="Other")
    assert reading(customer, "mrr_change_pct") == (Decimal(-25), TODAY, "")
    assert reading(customer, "seat_change_pct") == (Decimal(25), TODAY, "")


def test_mrr_change_of_a_young_customer_of_one_that_left_and_of_two_currencies():
    young = make_customer(mrr="100", since=days_before(89))
    left = make_customer(mrr="100", until=days_before(5))
    mixed = make_customer(mrr="100")
    make_subscription(mixed, mrr="10", currency="USD", product="Other")
    assert reading(young, "mrr_change_pct") == (None, None, "no_facts")
    assert reading(left, "mrr_change_pct")[0] == -100
    assert reading(mixed, "mrr_change_pct") == (None, None, "unset")


def test_days_to_renewal_are_to_the_end_of_a_line_or_of_its_term():
    ends = make_customer(mrr="100", since=days_before(300), until=TODAY + timedelta(days=40))
    yearly = make_customer()
    make_subscription(yearly, amount="1200", interval="year", from_on=TODAY.replace(year=2024, month=4))
    monthly = make_customer(mrr="100")
    assert reading(ends, "days_to_renewal") == (40, TODAY, "")
    assert reading(yearly, "days_to_renewal") == (31, TODAY, "")
    assert reading(monthly, "days_to_renewal") == (None, None, "unset")


def test_touches_of_90_days_and_the_age_of_the_last_business_review():
    customer = make_customer()
    make_touchpoint(customer, occurred_at=NOW - timedelta(days=1))
    make_touchpoint(customer, occurred_at=NOW - timedelta(days=2), is_meaningful=False)
    make_touchpoint(customer, occurred_at=NOW - timedelta(days=100), kind="review")
    assert reading(customer, "touches") == (1, days_before(1), "")
    assert reading(customer, "ebr_age_days") == (100, days_before(100), "")
    quiet = make_customer()
    make_touchpoint(quiet, occurred_at=NOW - timedelta(days=200))
    assert reading(quiet, "touches")[0] == 0
    assert reading(quiet, "ebr_age_days") == (None, None, "no_facts")


def test_hr_3_readings_as_known_at_a_past_day_never_change_with_later_facts():
    then = NOW - timedelta(days=10)
    with transaction.atomic(), recorded_at(then - timedelta(days=1)):
        customer = make_customer(mrr="100", now=then)
        contact = make_contact(customer)
        make_touchpoint(customer, occurred_at=NOW - timedelta(days=30), now=then)
        make_answer(customer, 9, contact=contact, at=NOW - timedelta(days=30))
    past = {"as_of": then.date(), "now": NOW, "known_at": then}
    before = readings.read(customer_ids=[customer.pk], **past)
    assert reading(customer, "touches", as_of=then.date(), known_at=then)[0] == 1
    make_usage(customer, day=days_before(11), event="report", feature="clock")
    make_ticket(customer, opened_at=NOW - timedelta(days=20), solved_at=NOW - timedelta(days=12), reopened=1)
    make_touchpoint(customer, occurred_at=NOW - timedelta(days=15), kind="review")
    make_pulse(customer, level=1, note="the sponsor has left", now=NOW - timedelta(days=12))
    make_answer(customer, 2, contact=contact, at=NOW - timedelta(days=1))
    line = customer.subscriptions.get()
    subscriptions.end_line(line=line, on=days_before(20), by=None, now=NOW)
    assert readings.read(customer_ids=[customer.pk], **past) == before
