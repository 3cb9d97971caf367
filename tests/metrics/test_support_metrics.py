"""Support: first contact, times to answer and solve with open tickets waiting, load per active user."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from random import Random

import pytest

from metrics.formulas.support import business_hours
from metrics.queries.support import fcr_metrics, load_metrics, response_metrics
from tests.factories.customers import make_ticket, make_usage
from tests.factories.ledgers import make_payer
from tests.factories.operations import ask, fill_all

pytestmark = pytest.mark.django_db
JAN, FEB, JUN = date(2025, 1, 1), date(2025, 2, 1), date(2025, 6, 1)


def at(day, hour=9, month=1):
    return datetime(2025, month, day, hour, tzinfo=UTC)


def solved(customer, *, day=10, replies=1, **fields):
    return make_ticket(
        customer,
        opened_at=at(day, 9),
        first_response_at=at(day, 10),
        solved_at=at(day, 12),
        agent_replies=replies,
        **fields,
    )


@pytest.fixture
def customer(db):
    return make_payer()


def test_first_contact_is_one_answer_no_transfer_and_no_reopening(customer):
    solved(customer)
    solved(customer, replies=2)
    solved(customer, transferred=True)
    solved(customer, reopened=1)
    january, february = fcr_metrics(ask(JAN, FEB))
    assert (january["fcr_rate"].numerator, january["fcr_rate"].denominator) == (1, 4)
    assert february["fcr_rate"].reason == "no_data"


def test_who_gave_up_waiting_and_unknown_answers_are_in_neither_part(customer):
    solved(customer)
    solved(customer, replies=None)
    make_ticket(customer, opened_at=at(3), solved_at=at(4), agent_replies=0)
    (row,) = fcr_metrics(ask(JAN))
    assert (row["fcr_rate"].numerator, row["fcr_rate"].denominator) == (1, 1)


def test_the_net_base_leaves_out_what_had_to_be_escalated(customer):
    solved(customer)
    solved(customer, replies=3, escalated=True)
    assert fcr_metrics(ask(JAN))[0]["fcr_rate"].value == 0.5
    assert fcr_metrics(ask(JAN, fcr_base="net"))[0]["fcr_rate"].value == 1


def test_times_are_medians_in_clock_and_in_business_hours(customer):
    for hours in (1, 4, 30):
        start = at(6)  # a Monday, 9 o'clock
        make_ticket(
            customer,
            opened_at=start,
            first_response_at=start + timedelta(hours=hours),
            solved_at=start + timedelta(hours=hours + 1),
        )
    (row,) = response_metrics(ask(JAN))
    assert (row["first_response"].value, row["first_response_p90"].value) == (4, 30)
    assert (row["time_to_resolve"].value, row["time_to_resolve_p90"].value) == (5, 31)
    assert row["first_response_business_p90"].value == 14


def test_open_tickets_wait_until_the_day_asked_for(customer):
    make_ticket(customer, opened_at=at(14, 12, month=6), first_response_at=at(14, 18, month=6))
    make_ticket(customer, opened_at=at(14, 0, month=6))
    make_ticket(customer, opened_at=at(15, 0, month=6), first_response_at=at(20, 0, month=6))
    (row,) = response_metrics(ask(JUN))
    assert row["first_response"].reason == "not_reached"
    assert row["time_to_resolve"].reason == "not_reached"
    assert response_metrics(ask(JAN))[0]["first_response"].reason == "no_data"


def test_a_source_that_tells_no_first_answers_has_no_time_to_them(customer):
    make_ticket(customer, opened_at=at(6), solved_at=at(7))
    make_ticket(customer, opened_at=at(6))
    (row,) = response_metrics(ask(JAN))
    assert (row["first_response"].reason, row["time_to_resolve"].value) == ("no_data", 24)


def test_load_is_tickets_of_thirty_days_per_hundred_users(customer, now):
    for user in ("a", "b", "c", "d"):
        make_usage(customer, day=date(2025, 6, 1), user=user)
    fill_all()
    for day in (1, 2, 3):
        make_ticket(customer, opened_at=at(day, month=6))
    make_ticket(customer, opened_at=at(10, month=5))
    may, june = load_metrics(ask(date(2025, 5, 1), JUN))
    assert june["ticket_load"].value == 75
    assert may["ticket_load"].reason == "no_data"


def test_only_tickets_of_the_customers_asked_for_count(customer):
    solved(customer, replies=5)
    other = make_payer("other")
    solved(other)
    assert fcr_metrics(ask(JAN, customers=[other.pk]))[0]["fcr_rate"].value == 1


def test_support_takes_one_statement_for_any_number_of_months(customer, django_assert_num_queries):
    solved(customer)
    for question in (ask(JAN), ask(JAN, JUN)):
        with django_assert_num_queries(1):
            fcr_metrics(question)
        with django_assert_num_queries(1):
            response_metrics(question)


def test_business_hours_of_many_weeks_are_those_counted_day_by_day():
    random = Random(5)
    for _ in range(300):
        start = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(minutes=random.randint(0, 60_000))
        end = start + timedelta(minutes=random.randint(-500, 60_000))
        counted = Decimal(0)
        for offset in range((end.date() - start.date()).days + 1):
            day = start.date() + timedelta(days=offset)
            begin = max(start, datetime.combine(day, time(9), UTC))
            stop = min(end, datetime.combine(day, time(17), UTC))
            if day.weekday() < 5 and stop > begin:
                counted += Decimal(round((stop - begin).total_seconds()))
        assert business_hours(start, end) * 3600 == pytest.approx(counted)
