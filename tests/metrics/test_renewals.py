"""Terms that ended, what was renewed, and how long customers stay."""

from datetime import date

import pytest

from metrics.queries.metric_values import values_of
from metrics.queries.renewals import renewal_metrics, survival_metrics, terms_of
from tests.factories.ledgers import make_payer, make_version
from tests.factories.operations import ask, fill_all

pytestmark = pytest.mark.django_db
JAN, MAR, JUN = date(2025, 1, 1), date(2025, 3, 1), date(2025, 6, 1)
YEAR_AGO = date(2024, 3, 10)
ENDS = date(2025, 3, 10)


def term(name, *, then=None, gap=0, start=YEAR_AGO, end=ENDS, mrr="100"):
    customer = make_payer(name)
    make_version(customer, start, end, mrr)
    if then is not None:
        make_version(customer, date.fromordinal(end.toordinal() + gap), None, then)
    return customer


def test_renewed_is_by_the_smaller_of_both_and_undecided_is_apart():
    term("more", then="150")
    term("less", then="60")
    term("gone")
    fill_all()
    (row,) = renewal_metrics(ask(MAR))
    assert (row["renewal_rate"].numerator, row["renewal_rate"].denominator) == (160, 300)
    assert row["net_renewal_rate"].numerator == 210
    assert (row["logo_renewal_rate"].numerator, row["logo_renewal_rate"].denominator) == (2, 3)
    assert (row["contract_base_churn"].numerator, row["contract_base_churn"].denominator) == (140, 300)


def test_a_late_renewal_counts_inside_the_grace():
    term("late", then="100", gap=10)
    fill_all()
    assert renewal_metrics(ask(MAR))[0]["renewal_rate"].value == 0
    assert renewal_metrics(ask(MAR, renewal_grace_days=30))[0]["renewal_rate"].value == 1


def test_a_term_that_ends_later_or_is_in_its_grace_is_undecided():
    term("ahead", start=date(2024, 6, 20), end=date(2025, 6, 20))
    term("waits", start=date(2024, 6, 5), end=date(2025, 6, 5))
    fill_all()
    (row,) = renewal_metrics(ask(JUN, renewal_grace_days=30))
    assert (row["renewals_undecided"].value, row["renewal_rate"].reason) == (2, "zero_denominator")


def test_what_stops_inside_a_month_was_cancelled_and_months_are_no_terms():
    term("cancelled", end=date(2025, 3, 17))
    term("month", start=date(2025, 2, 10), end=ENDS)
    fill_all()
    assert terms_of(ask(MAR)) == []


def test_a_yearly_line_without_an_end_renews_itself():
    make_version(make_payer("auto"), date(2022, 3, 31), interval="year", amount="1200")
    make_version(make_payer("monthly"), date(2022, 3, 31))
    fill_all()
    (found,) = terms_of(ask(MAR))
    assert (found.ended_on, found.months, found.due, found.renewed) == (date(2025, 3, 31), 12, 100, 100)
    assert renewal_metrics(ask(JAN))[0]["renewal_rate"].reason == "zero_denominator"


def test_half_have_left_after_so_many_days():
    for number, end in enumerate((date(2024, 3, 20), date(2024, 4, 9), None, None)):
        make_version(make_payer(f"c{number}"), YEAR_AGO, end)
    fill_all()
    assert survival_metrics(ask(MAR))[0]["survival_median_days"].value == 30
    assert survival_metrics(ask(date(2024, 3, 1)))[0]["survival_median_days"].reason == "not_reached"
    assert survival_metrics(ask(date(2023, 3, 1)))[0]["survival_median_days"].reason == "no_data"


def test_the_bridge_and_committed_mrr_answer_by_key():
    term("gone")
    make_version(make_payer("stays"), date(2025, 3, 3), None, "40")
    fill_all()
    (row,) = values_of(ask(MAR), keys=["new_mrr", "churn_mrr", "transfers", "committed_mrr", "renewal_rate"])
    assert (row["new_mrr"].value, row["new_n"].value, row["churn_mrr"].value, row["churn_n"].value) == (
        40,
        1,
        100,
        1,
    )
    assert (row["transfer_in"].value, row["fx_mrr"].value, row["renewal_rate"].value) == (0, 0, 0)
    assert row["committed_mrr"].value == 40


def test_terms_take_as_many_statements_for_many_lines(django_assert_num_queries):
    for number in range(3):
        term(f"c{number}", then="100")
        fill_all()
        with django_assert_num_queries(2):
            renewal_metrics(ask(JAN, JUN))
