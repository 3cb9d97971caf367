"""Trials: cohorts by start, trials that ended, and what may still convert."""

from datetime import date

import pytest

from metrics.queries.trials import trial_counts, trial_metrics, trials_of
from tests.factories.ledgers import make_payer, make_version
from tests.factories.operations import ask, fill_all

pytestmark = pytest.mark.django_db
JAN, FEB, MAY = date(2025, 1, 1), date(2025, 2, 1), date(2025, 5, 1)


@pytest.fixture
def fill():
    return fill_all


def on_trial(name, start, trial_end, to_on=None, **fields):
    customer = make_payer(name)
    make_version(customer, start, to_on, trial_end=trial_end, **fields)
    return customer


def left(name, start, end):
    customer = make_payer(name)
    make_version(customer, start, end, status="trial", trial_end=end)
    return customer


def test_without_trials_there_is_no_data(fill):
    make_version(make_payer(), JAN)
    fill()
    (row,) = trial_metrics(ask(JAN))
    assert row["trial_to_paid_rate"].reason == "no_data"


def test_the_month_of_the_start_owns_a_trial_whenever_it_converts(fill):
    on_trial("yes", date(2025, 1, 20), date(2025, 2, 3))
    left("no", date(2025, 1, 5), date(2025, 1, 19))
    make_version(make_payer("sale without a trial"), date(2025, 1, 6))
    fill()
    january, february = trial_metrics(ask(JAN, FEB))
    assert january["trial_to_paid_rate"].value == 0.5
    assert [january[f"trials_{name}"].value for name in ("started", "converted", "pending", "abandoned")] == [
        2,
        1,
        0,
        1,
    ]
    assert february["trial_to_paid_rate"].reason == "no_data"


def test_a_sale_of_another_line_converts_the_trial(fill):
    customer = left("switch", date(2025, 1, 5), date(2025, 1, 19))
    make_version(customer, date(2025, 1, 25), product="Larger")
    fill()
    assert [trial.converted for trial in trials_of(ask(JAN))] == [date(2025, 1, 25)]


def test_a_trial_may_still_convert_in_its_tail(fill):
    left("waits", date(2025, 5, 10), date(2025, 5, 24))
    left("late", date(2025, 5, 1), date(2025, 5, 11))
    fill()
    (counts,) = trial_counts(ask(MAY))
    assert (counts.pending, counts.abandoned, counts.maturing) == (1, 1, True)
    (counts,) = trial_counts(ask(MAY, trial_tail_days=10))
    assert (counts.pending, counts.abandoned, counts.maturing) == (0, 2, False)


def test_ended_in_period_counts_conversions_and_ends_of_the_month(fill):
    on_trial("yes", date(2025, 1, 20), date(2025, 2, 3))
    left("no", date(2025, 1, 22), date(2025, 2, 5))
    left("other", date(2025, 1, 22), date(2025, 2, 6))
    left("january", date(2025, 1, 2), date(2025, 1, 9))
    fill()
    january, february = trial_metrics(ask(JAN, FEB, trial_definition="ended_in_period"))
    rate = february["trial_to_paid_rate"]
    assert (rate.numerator, rate.denominator, january["trial_to_paid_rate"].value) == (1, 3, 0)


def test_within_days_leaves_out_late_conversions(fill):
    on_trial("soon", date(2025, 1, 2), date(2025, 1, 16))
    customer = left("late", date(2025, 1, 2), date(2025, 1, 16))
    make_version(customer, date(2025, 3, 1), product="Larger")
    fill()
    for days, value in ((30, 0.5), (90, 1), (13, 0)):
        (row,) = trial_metrics(ask(JAN, trial_definition="within_days", trial_within_days=days))
        assert row["trial_to_paid_rate"].value == value


def test_touching_trials_of_one_customer_are_one(fill):
    customer = make_payer()
    make_version(customer, date(2025, 1, 2), date(2025, 1, 16), status="trial", trial_end=date(2025, 1, 16))
    make_version(
        customer,
        date(2025, 1, 16),
        date(2025, 1, 30),
        status="trial",
        trial_end=date(2025, 1, 30),
        product="Larger",
    )
    fill()
    (row,) = trial_metrics(ask(JAN))
    assert row["trials_started"].value == 1


def test_trials_take_three_statements_however_many_there_are(fill, django_assert_num_queries):
    for number in range(3):
        on_trial(f"c{number}", date(2025, 1, 2 + number), date(2025, 1, 20))
    fill()
    for question in (ask(JAN), ask(JAN, MAY)):
        with django_assert_num_queries(3):
            trial_metrics(question)
