"""Orders: who came back, revenue outside MRR, and what a retail customer is worth."""

from datetime import date
from decimal import Decimal

import pytest

from metrics.queries.commerce import commerce_metrics
from tests.factories.ledgers import make_payer, make_version
from tests.factories.operations import ask, fill_all, make_order

pytestmark = pytest.mark.django_db
JAN, FEB, MAR = date(2025, 1, 1), date(2025, 2, 1), date(2025, 3, 1)


def test_without_orders_there_is_no_data_and_no_revenue_facts():
    (row,) = commerce_metrics(ask(JAN))
    assert row["repeat_purchase_rate"].reason == "no_data"
    assert row["one_time_revenue"].reason == "no_data"
    assert row["clv_retail"].reason == "no_data"
    assert row["arpu_revenue"].reason == "not_configured"


def test_repeat_purchases_count_to_the_close_and_in_the_period():
    ann, bob, cy = (make_payer(name) for name in ("ann", "bob", "cy"))
    for customer, day in ((ann, 5), (ann, 5), (bob, 9)):
        make_order(customer, date(2025, 1, day))
    make_order(bob, date(2025, 2, 3))
    make_order(cy, date(2025, 2, 4))
    make_order(cy, date(2025, 2, 5), refunded=True)
    january, february, march = commerce_metrics(ask(JAN, MAR))
    assert (january["repeat_purchase_rate"].numerator, january["repeat_purchase_rate"].denominator) == (1, 2)
    assert (february["repeat_purchase_rate"].numerator, february["repeat_purchase_rate"].denominator) == (
        2,
        3,
    )
    assert (
        february["repeat_purchase_rate_in_period"].numerator,
        march["repeat_purchase_rate"].numerator,
    ) == (0, 2)
    assert march["repeat_purchase_rate_in_period"].reason == "no_data"


def test_orders_after_the_day_asked_for_do_not_count():
    customer = make_payer()
    make_order(customer, date(2025, 6, 10))
    make_order(customer, date(2025, 6, 16))
    (row,) = commerce_metrics(ask(date(2025, 6, 1)))
    assert (row["repeat_purchase_rate"].value, row["one_time_revenue"].value) == (0, 10)


def test_revenue_per_customer_is_by_the_mean_of_daily_paying_customers(now):
    payer, half = make_payer(), make_payer("half")
    make_version(payer, date(2024, 1, 1))
    make_version(half, date(2025, 2, 15))
    make_order(payer, date(2025, 2, 3), "300")
    make_order(half, date(2025, 2, 3), "150", refunded=True)
    fill_all()
    (row,) = commerce_metrics(ask(FEB))
    assert row["one_time_revenue"].value == 300
    assert row["arpu_revenue"].value == 200


def test_an_order_without_a_rate_leaves_no_total():
    make_order(make_payer(), date(2025, 1, 3), currency="JPY")
    (row,) = commerce_metrics(ask(JAN))
    assert (row["one_time_revenue"].reason, row["arpu_revenue"].reason) == ("missing_rate", "missing_rate")


def test_retail_value_is_revenue_of_a_year_per_buyer_times_the_years_they_stay():
    old, new = make_payer("old"), make_payer("new")
    make_order(old, date(2023, 3, 31), "100")
    make_order(old, date(2025, 3, 30), "60")
    make_order(new, date(2025, 3, 1), "40")
    (row,) = commerce_metrics(ask(MAR))
    assert row["clv_retail"].value == Decimal(50)


def test_only_the_customers_asked_for_count():
    one, other = make_payer("one"), make_payer("other")
    for customer in (one, one, other):
        make_order(customer, date(2025, 1, 3))
    (row,) = commerce_metrics(ask(JAN, customers=[other.pk]))
    assert row["repeat_purchase_rate"].value == 0


def test_orders_take_as_many_statements_for_a_year_as_for_a_month(django_assert_num_queries):
    for name in ("a", "b"):
        make_order(make_payer(name), date(2025, 1, 3))
    for question in (ask(JAN), ask(JAN, date(2025, 6, 1))):
        with django_assert_num_queries(5):
            commerce_metrics(question)
