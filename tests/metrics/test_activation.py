"""Activation, time to value and onboarding, with those who are not there yet."""

from datetime import date

import pytest

from customers.models import AttributeValue
from metrics.models import ValueEvent
from metrics.queries.activation import activation_metrics, onboarding_metrics
from tests.factories.customers import make_usage
from tests.factories.ledgers import make_payer, make_version
from tests.factories.operations import ask, fill_all

pytestmark = pytest.mark.django_db
JAN, JUN = date(2025, 1, 1), date(2025, 6, 1)


@pytest.fixture
def metrics(now):
    def run(question):
        fill_all()
        return activation_metrics(question)

    return run


def customer_with(name, start, *used, event="login", **fields):
    customer = make_payer(name)
    if fields:
        type(customer).objects.filter(pk=customer.pk).update(**fields)
    make_version(customer, start)
    for day in used:
        make_usage(customer, day=day, event=event)
    return customer


def test_without_any_usage_there_is_no_data(metrics):
    customer_with("quiet", JAN)
    (row,) = metrics(ask(JAN))
    assert row["activation_rate"].reason == "no_data"
    assert row["time_to_value_median_days"].reason == "no_data"


def test_activation_counts_those_in_time_of_those_whose_window_is_over(metrics):
    customer_with("in time", date(2025, 6, 1), date(2025, 6, 15))
    customer_with("never", date(2025, 6, 1))
    customer_with("still open", date(2025, 6, 2), date(2025, 6, 3))
    (row,) = metrics(ask(JUN))
    assert (row["activation_rate"].numerator, row["activation_rate"].denominator) == (1, 2)
    (row,) = metrics(ask(JUN, activation_days=7))
    assert (row["activation_rate"].numerator, row["activation_rate"].denominator) == (1, 3)


def test_use_before_the_first_paid_day_is_day_zero(metrics):
    customer_with("trial", date(2025, 1, 20), date(2025, 1, 5))
    (row,) = metrics(ask(JAN))
    assert (row["activation_rate"].value, row["time_to_value_median_days"].value) == (1, 0)


def test_who_is_not_there_yet_counts_as_waiting(metrics):
    customer_with("a", JAN, date(2025, 1, 3))
    customer_with("b", JAN, date(2025, 1, 11))
    customer_with("c", JAN)
    (row,) = metrics(ask(JAN))
    assert row["time_to_value_median_days"].value == 10
    assert row["time_to_value_p75_days"].reason == "not_reached"
    assert (row["value_reached_share"].numerator, row["value_reached_share"].denominator) == (2, 3)


def test_a_named_event_counts_for_its_segment_and_any_use_elsewhere(metrics):
    ValueEvent.objects.create(purpose="activation", segment="SMB", event="first report")
    customer_with("named", JAN, date(2025, 1, 2), segment="SMB")
    customer_with("reached", JAN, date(2025, 1, 4), event="first report", segment="SMB")
    customer_with("other", JAN, date(2025, 1, 2), segment="Enterprise")
    (row,) = metrics(ask(JAN))
    assert (row["activation_rate"].numerator, row["activation_rate"].denominator) == (2, 3)
    assert row["value_reached_share"].value == 1


def test_the_event_of_all_segments_gives_way_to_that_of_one(metrics):
    ValueEvent.objects.create(purpose="first_value", event="report")
    ValueEvent.objects.create(purpose="first_value", segment="SMB", feature="export")
    customer_with("smb", JAN, date(2025, 1, 5), event="report", segment="SMB")
    customer_with("other", JAN, date(2025, 1, 5), event="report")
    (row,) = metrics(ask(JAN))
    assert row["value_reached_share"].value == 0.5


def test_onboarding_runs_from_entering_the_phase_to_leaving_it():
    for number, end in enumerate((date(2025, 1, 11), date(2025, 1, 21), None)):
        AttributeValue.objects.create(
            customer=make_payer(f"c{number}"), key="phase", value="onboarding", from_on=JAN, to_on=end
        )
    january, february = onboarding_metrics(ask(JAN, date(2025, 2, 1)))
    assert january["onboarding_time_median_days"].value == 20
    assert february["onboarding_time_median_days"].reason == "no_data"


def test_activation_takes_five_statements_however_many_customers(now, django_assert_num_queries):
    for number in range(4):
        customer_with(f"c{number}", JAN, date(2025, 1, 2 + number))
    fill_all()
    for question in (ask(JAN), ask(JAN, JUN)):
        with django_assert_num_queries(5):
            activation_metrics(question)
