"""Customer success work: what is kept is counted, what is not says so."""

from datetime import UTC, date, datetime, timedelta

import pytest

from customers.models import Assignment
from customers.services.follow_ups import complete
from metrics.queries.csm_work import NOT_KEPT, book_results, work_metrics
from tests.factories.customers import make_follow_up, make_touchpoint
from tests.factories.ledgers import make_payer, make_version
from tests.factories.operations import ask, fill_all

pytestmark = pytest.mark.django_db
JAN, FEB, JUN = date(2025, 1, 1), date(2025, 2, 1), date(2025, 6, 1)


def at(month, day, hour=9):
    return datetime(2025, month, day, hour, tzinfo=UTC)


def held(customer, user, from_on, to_on=None):
    return Assignment.objects.create(
        customer=customer, user=user, role="primary", from_on=from_on, to_on=to_on
    )


def test_what_has_no_facts_is_not_configured():
    (row,) = work_metrics(ask(JAN))
    assert {row[key].reason for key in NOT_KEPT} == {"not_configured"}
    assert row["ebr_cover"].reason == "zero_denominator"
    assert row["follow_ups_on_time"].reason == "zero_denominator"
    assert row["days_to_first_touchpoint"].reason == "no_data"


def test_a_business_review_covers_a_customer_for_its_days():
    reviewed, other = make_payer("reviewed"), make_payer("other")
    for customer in (reviewed, other):
        make_version(customer, JAN)
    for _ in range(2):
        make_touchpoint(reviewed, kind="review", occurred_at=at(1, 10))
    make_touchpoint(other, kind="call", occurred_at=at(1, 10))
    fill_all()
    (row,) = work_metrics(ask(JUN))
    assert (row["ebr_cover"].numerator, row["ebr_cover"].denominator) == (1, 2)
    (row,) = work_metrics(ask(JUN, ebr_days=30))
    assert row["ebr_cover"].value == 0


def test_follow_ups_are_on_time_when_done_by_the_end_of_their_day(anna):
    customer = make_payer()
    for done in (at(1, 10, 23), at(1, 11, 1), None):
        item = make_follow_up(customer, owner=anna, due_on=date(2025, 1, 10), now=at(1, 2))
        if done:
            complete(follow_up=item, outcome="done", by=anna, now=done)
    january, february = work_metrics(ask(JAN, FEB))
    assert (january["follow_ups_on_time"].numerator, january["follow_ups_on_time"].denominator) == (1, 3)
    assert february["follow_ups_on_time"].reason == "zero_denominator"


def test_days_to_the_first_contact_count_who_still_waits(anna, ben):
    quick, slow, silent = (make_payer(name) for name in ("quick", "slow", "silent"))
    for customer in (quick, slow, silent):
        held(customer, anna, JAN)
    make_touchpoint(quick, kind="note", occurred_at=at(1, 1))
    make_touchpoint(quick, occurred_at=at(1, 4))
    make_touchpoint(slow, occurred_at=at(1, 21))
    (row,) = work_metrics(ask(JAN))
    assert row["days_to_first_touchpoint"].value == 20


def test_a_book_is_what_its_csm_held_when_the_period_began(anna, ben):
    stays, moves = make_payer("stays"), make_payer("moves")
    make_version(stays, JAN, mrr="100")
    make_version(moves, JAN, date(2025, 2, 20), mrr="50")
    held(stays, anna, JAN)
    held(moves, anna, JAN, date(2025, 2, 10))
    held(moves, ben, date(2025, 2, 10))
    fill_all()
    (books,) = book_results(ask(FEB))
    (mine,) = books
    assert (mine.owner, mine.customers, mine.values["mrr"].value) == (anna.pk, 2, 100)
    assert (mine.values["logo_churn_rate"].value, mine.values["saves"].reason) == (0.5, "not_configured")
    assert mine.values["nrr"].numerator == 100


def test_work_takes_as_many_statements_for_ten_customers_as_for_one(anna, django_assert_num_queries):
    for number in range(1, 4):
        customer = make_payer(f"c{number}")
        held(customer, anna, JAN + timedelta(days=number))
        make_touchpoint(customer, occurred_at=at(1, 20))
        with django_assert_num_queries(5):
            work_metrics(ask(JAN, JUN))
