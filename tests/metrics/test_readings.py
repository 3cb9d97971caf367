"""What each measure reads from facts, and when it says "no value"."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from customers.services.customers import archive_customer
from metrics.formulas.health_measures import FIRST_OWN_SLOT, MEASURES, REASONS
from metrics.queries.health_inputs import readings_matrix
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
from tests.factories.users import make_organisation

pytestmark = pytest.mark.django_db


def test_slots_are_distinct_and_without_gaps():
    assert sorted(measure.slot for measure in MEASURES) == list(range(len(MEASURES)))
    assert len(MEASURES) <= FIRST_OWN_SLOT


def test_hr_2_a_customer_without_facts_has_no_reading_and_says_why():
    make_customer()
    (row,) = readings.read(customer_ids=None, as_of=TODAY, now=NOW)
    found = {measure.key: row.at(measure.slot) for measure in MEASURES}
    assert {key: (value, REASONS[reason]) for key, (value, _, reason) in found.items()} == {
        measure.key: (None, "unset" if measure.key == "onboarding_on_track" else "no_facts")
        for measure in MEASURES
    }


def test_active_seat_share_is_distinct_users_of_28_days_by_seats_of_the_main_line():
    customer = make_customer(mrr="500")
    make_subscription(customer, mrr="900", product="Planner", quantity=Decimal(6))
    make_subscription(customer, mrr="10", product="Searches", quantity=Decimal(5000))
    for day, user in ((1, "a"), (28, "b"), (28, "a"), (29, "c")):
        make_usage(customer, day=days_before(day), user=user)
    assert reading(customer, "active_seat_share") == (Decimal("0.333333"), days_before(1), "")


def test_active_seat_share_without_seats_is_unset():
    customer = make_customer(mrr="500")
    make_usage(customer, day=days_before(1))
    assert reading(customer, "active_seat_share") == (None, None, "unset")


def test_usage_of_today_waits_until_the_day_is_complete():
    customer = make_customer(mrr="500")
    make_usage(customer, day=TODAY)
    assert reading(customer, "usage_change_pct") == (None, None, "no_facts")
    assert reading(customer, "days_since_seen") == (Decimal(0), TODAY, "")


def test_usage_change_compares_28_days_with_the_28_before():
    customer = make_customer()
    for day, count in ((1, 3), (28, 3), (29, 5), (56, 3), (57, 100)):
        make_usage(customer, day=days_before(day), count=count)
    assert reading(customer, "usage_change_pct") == (Decimal(-25), days_before(1), "")


@pytest.mark.parametrize(("days", "change"), [((60,), -100), ((60, 1), 100)])
def test_hr_2_silence_after_some_events_is_a_value(days, change):
    customer = make_customer()
    for day in days:
        make_usage(customer, day=days_before(day))
    assert reading(customer, "usage_change_pct")[0] == change


def test_a_young_feed_has_no_change_yet():
    customer = make_customer()
    for day in (1, 20, 40):
        make_usage(customer, day=days_before(day))
    assert reading(customer, "usage_change_pct") == (None, None, "no_facts")


def test_events_of_single_users_count_instead_of_the_total_of_the_same_day():
    customer = make_customer()
    make_usage(customer, day=days_before(60))
    make_usage(customer, day=days_before(40), count=4)
    make_usage(customer, day=days_before(2), user="", count=500, users=40)
    make_usage(customer, day=days_before(2), user="a", count=6)
    assert reading(customer, "usage_change_pct")[0] == Decimal(50)


def test_days_since_seen_keeps_the_day_of_the_last_event():
    customer = make_customer()
    make_usage(customer, day=days_before(9))
    assert reading(customer, "days_since_seen") == (Decimal(9), days_before(9), "")


@pytest.mark.parametrize(
    ("phase", "since", "value"),
    [
        ("onboarding", 90, 1),
        ("onboarding", 91, 0),
        ("adoption", 400, 1),
        ("sales", 3, None),
    ],
)
def test_onboarding_on_track(phase, since, value):
    customer = make_customer(phase=phase, phase_since=days_before(since))
    assert reading(customer, "onboarding_on_track")[0] == value


def test_nps_customer_takes_the_latest_answer_per_contact():
    customer = make_customer()
    fan, critic = make_contact(customer), make_contact(customer)
    make_answer(customer, 2, contact=fan, at=NOW - timedelta(days=40))
    make_answer(customer, 10, contact=fan, at=NOW - timedelta(days=4))
    make_answer(customer, 3, contact=critic, at=NOW - timedelta(days=10))
    make_answer(customer, 8, at=NOW - timedelta(days=10))
    assert reading(customer, "nps_customer") == (Decimal(50), days_before(4), "")


@pytest.mark.parametrize(("score", "value"), [(10, 100), (9, 100), (8, 50), (7, 50), (6, 0), (0, 0)])
def test_nps_customer_of_one_answer(score, value):
    customer = make_customer()
    make_answer(customer, score)
    assert reading(customer, "nps_customer")[0] == value


def test_answers_that_do_not_count_or_are_older_than_a_year_are_left_out():
    customer = make_customer()
    make_answer(customer, 0, status="suspect")
    make_answer(customer, 0, at=NOW - timedelta(days=366))
    make_answer(customer, 5, kind="csat5")
    assert reading(customer, "nps_customer") == (None, None, "no_facts")


def test_pulse_is_the_latest_level_and_unset_after_a_change_of_csm(anna):
    customer = make_customer(owner=anna)
    make_pulse(customer, level=5, now=NOW - timedelta(days=3))
    make_pulse(customer, level=2, note="sponsor leaves", now=NOW - timedelta(days=1))
    assert reading(customer, "pulse") == (Decimal(2), days_before(1), "")
    assert reading(customer, "pulse", as_of=days_before(2))[0] == Decimal(5)


def test_tickets_count_while_open_and_are_zero_after_they_are_solved():
    customer = make_customer()
    make_ticket(customer, opened_at=NOW - timedelta(days=12), priority="urgent")
    make_ticket(customer, opened_at=NOW - timedelta(days=30), priority="low", escalated=True)
    make_ticket(customer, opened_at=NOW - timedelta(days=40), solved_at=NOW, priority="urgent")
    assert reading(customer, "severe_tickets") == (Decimal(2), TODAY, "")
    assert reading(customer, "oldest_ticket_days") == (Decimal(30), TODAY, "")
    calm = make_customer()
    make_ticket(calm, opened_at=NOW - timedelta(days=40), solved_at=NOW - timedelta(days=2))
    assert [reading(calm, key)[0] for key in ("severe_tickets", "oldest_ticket_days")] == [0, 0]


def test_overdue_days_of_a_past_due_line_and_zero_for_one_that_is_paid():
    late = make_customer(mrr="100", until=days_before(12))
    make_subscription(late, mrr="50", product="Other", from_on=days_before(12), status="past_due")
    assert reading(late, "overdue_days") == (Decimal(12), TODAY, "")
    assert reading(make_customer(mrr="100"), "overdue_days") == (Decimal(0), TODAY, "")


def test_only_a_meaningful_touch_counts():
    customer = make_customer()
    make_touchpoint(customer, occurred_at=NOW - timedelta(days=33))
    make_touchpoint(customer, occurred_at=NOW - timedelta(days=2), is_meaningful=False)
    assert reading(customer, "days_since_meaningful_touch") == (Decimal(33), days_before(33), "")


def test_hr_3_a_past_day_sees_only_facts_of_that_day():
    customer = make_customer(mrr="100")
    make_touchpoint(customer, occurred_at=NOW - timedelta(days=33))
    make_touchpoint(customer, occurred_at=NOW - timedelta(days=2))
    make_usage(customer, day=days_before(5))
    past = days_before(10)
    assert reading(customer, "days_since_meaningful_touch", as_of=past)[0] == Decimal(23)
    assert reading(customer, "days_since_seen", as_of=past) == (None, None, "no_facts")


def test_hr_3_what_was_recorded_later_was_not_known_then():
    customer = make_customer(mrr="100")
    make_touchpoint(customer, occurred_at=NOW - timedelta(days=2))
    known_at = NOW - timedelta(days=1)
    assert reading(customer, "days_since_meaningful_touch", known_at=known_at) == (None, None, "no_facts")


def test_days_follow_the_zone_of_the_organisation():
    make_organisation(time_zone="Pacific/Auckland")
    customer = make_customer()
    make_touchpoint(customer, occurred_at=NOW + timedelta(hours=2), now=NOW + timedelta(hours=2))
    found = reading(
        customer, "days_since_meaningful_touch", as_of=date(2026, 3, 18), now=NOW + timedelta(days=1)
    )
    assert found == (Decimal(1), date(2026, 3, 17), "")


def test_current_readings_are_one_row_per_customer_and_filling_again_changes_nothing():
    first, second = make_customer(mrr="100"), make_customer()
    make_touchpoint(first, occurred_at=NOW)
    assert readings.fill(customer_ids=None, as_of=TODAY, now=NOW) == 2
    assert readings.fill(customer_ids=None, as_of=TODAY, now=NOW) == 0
    rows = readings_matrix()
    assert [row.customer_id for row in rows] == [first.pk, second.pk]
    assert rows == readings.read(customer_ids=None, as_of=TODAY, now=NOW)


def test_filling_some_leaves_the_others_alone():
    first, second = make_customer(), make_customer()
    assert readings.fill(customer_ids=[second.pk], as_of=TODAY, now=NOW) == 1
    assert [row.customer_id for row in readings_matrix()] == [second.pk]
    assert readings_matrix([first.pk]) == []


def test_archived_customers_are_not_read(vera):
    customer = make_customer()
    archive_customer(customer=customer, by=vera, now=NOW)
    assert readings.read(customer_ids=None, as_of=TODAY, now=NOW) == []
