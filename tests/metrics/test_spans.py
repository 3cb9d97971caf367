"""Stored months, folded spans, scopes and cohorts say the same."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from metrics.formulas.money import total
from metrics.formulas.periods import Period, month_period, months_between, period_of
from metrics.management.columns import COLUMNS
from metrics.models import Movement
from metrics.queries.cohorts import cohort_cells, cohort_table
from metrics.queries.ledger import ledger_rows
from metrics.queries.metric_rows import metric_rows
from metrics.queries.spans import month_spans, read_spans, spans_for
from metrics.services.recompute import recompute_all
from metrics.sql.spans import Reading
from tests.factories.ledgers import make_payer, make_random_ledger, make_version

AS_OF = date(2025, 6, 15)
pytestmark = pytest.mark.django_db


@pytest.fixture
def fill(now):
    def run(as_of=AS_OF):
        return recompute_all(as_of=as_of, now=now)

    return run


def months(first, last):
    return [month_period(month) for month in months_between(first, last)]


def plain(spans):
    """Without the counts that only the reading query gives."""
    return [replace(span, joined_logos=None, joined_lost_logos=None) for span in spans]


def closing(periods, as_of=AS_OF):
    return [min(period.last_day, as_of) for period in periods]


@pytest.mark.parametrize("seed", range(3))
def test_folding_the_ledger_gives_the_stored_months(seed, fill):
    make_random_ledger(seed)
    fill()
    periods = months(date(2023, 12, 1), AS_OF)
    assert plain(read_spans(periods, close_days=closing(periods))) == month_spans(
        periods, close_days=closing(periods)
    )


@pytest.mark.parametrize("seed", range(3))
def test_g_14_parts_add_up_to_the_company(seed, fill):
    customers = [customer.pk for customer in make_random_ledger(seed)]
    fill()
    periods = months(date(2024, 1, 1), AS_OF)
    whole = month_spans(periods, close_days=closing(periods))
    parts = [
        month_spans(periods, close_days=closing(periods), customers=ids)
        for ids in (customers[:2], customers[2:])
    ]
    for span, left, right in zip(whole, *parts, strict=True):
        for name in (
            "opening",
            "closing",
            "churn",
            "fx",
            "base_churn",
            "then_12m",
            "kept",
            "new_n",
            "ever_paid",
        ):
            assert getattr(span, name) == total([getattr(left, name), getattr(right, name)])
    assert plain(month_spans(periods, close_days=closing(periods), customers=customers)) == whole


@pytest.mark.parametrize("seed", range(3))
def test_cohorts_of_all_customers_are_the_stored_ones(seed, fill):
    customers = [customer.pk for customer in make_random_ledger(seed)]
    fill()
    assert cohort_cells(customers=customers) == cohort_cells()


def test_p_6_a_quarter_has_its_own_opening_and_pairs_across_months(fill):
    larch = make_payer("Larch")
    make_version(larch, date(2024, 1, 1), date(2024, 4, 10), "100")
    make_version(larch, date(2024, 6, 20), None, "130")
    fill()
    quarter = period_of(date(2024, 5, 1), "quarter")
    (span,) = spans_for([quarter], as_of=AS_OF)
    assert (span.opening, span.churn, span.reactivation, span.closing) == (100, -100, 130, 130)
    assert (span.base_churn, span.base_expansion, span.lost_logos) == (0, 30, 0)
    (row,) = metric_rows([quarter], as_of=AS_OF, complete_to=AS_OF)
    assert row.values["nrr"].value == Decimal("1.3")
    assert row.values["net_mrr_churn_rate"].value == Decimal("-0.3")


def test_a_report_as_of_a_past_day_knows_nothing_later(fill):
    larch = make_payer("Larch")
    make_version(larch, date(2024, 1, 1), date(2024, 2, 10), "100")
    fill()
    (row,) = metric_rows(
        [month_period(date(2024, 2, 1))], as_of=date(2024, 2, 9), complete_to=date(2024, 2, 9)
    )
    assert (row.span.closing, row.span.churn_n, row.span.close_on, row.incomplete) == (
        100,
        0,
        date(2024, 2, 9),
        True,
    )


def test_month_grain_nets_what_lies_between_two_month_ends(fill):
    larch, oak = make_payer("Larch"), make_payer("Oak")
    make_version(larch, date(2024, 1, 1), date(2024, 2, 10), "100")
    make_version(larch, date(2024, 2, 10), date(2024, 2, 20), "300")
    make_version(larch, date(2024, 2, 20), None, "180")
    make_version(oak, date(2024, 2, 3), date(2024, 2, 9), "50")
    fill()
    period = month_period(date(2024, 2, 1))
    (day,) = month_spans([period], close_days=[period.last_day])
    (net,) = read_spans([period], close_days=[period.last_day], reading=Reading(month_grain=True))
    assert (day.expansion, day.contraction, day.new, day.churn) == (200, -120, 50, -50)
    assert (net.expansion, net.contraction, net.new, net.churn) == (80, 0, 0, 0)
    assert (net.closing, net.fx) == (180, 0)


def test_why_a_number_is_missing(fill):
    make_version(make_payer("Larch"), date(2024, 1, 1), None, "100")
    fill()
    (row,) = metric_rows([month_period(date(2024, 2, 1))], as_of=AS_OF, complete_to=AS_OF)
    reasons = {
        key: row.values[key].reason for key in set(COLUMNS) & set(row.values) if row.values[key].value is None
    }
    assert reasons == {
        "nrr_12m": "immature",
        "grr_12m": "immature",
        "expansion_growth": "zero_denominator",
        "quick_ratio": "no_losses",
        "ltv": "immature",
        "cac": "not_configured",
        "ltv_cac": "immature",
        "cac_payback_months": "not_configured",
        "customer_retention_cost": "not_configured",
        "one_time_revenue": "no_data",
        "arpu_revenue": "not_configured",
        "repeat_purchase_rate": "no_data",
        "nps": "no_data",
        "nps_low": "no_data",
        "nps_high": "no_data",
        "csat": "no_data",
        "ces": "no_data",
        "survey_response_rate": "no_data",
        "dau_mean": "no_data",
        "mau": "no_data",
        "stickiness": "no_data",
        "trial_to_paid_rate": "no_data",
        "time_to_value_median_days": "no_data",
        "activation_rate": "no_data",
        "fcr_rate": "no_data",
    }


def test_lifetime_value_looks_at_the_months_before(fill):
    for number in range(10):
        until = date(2024, 3, 5) if number == 0 else None
        make_version(make_payer(f"Customer {number}"), date(2024, 1, 1), until, "100")
    fill()
    (row,) = metric_rows([month_period(date(2024, 6, 1))], as_of=AS_OF, complete_to=AS_OF)
    months_with_a_base = 4  # February to May, of which March lost one of ten
    assert row.values["ltv"].value == Decimal(100) / (Decimal("0.1") / months_with_a_base)


def test_the_ledger_rows_chain_from_one_to_the_next(fill):
    make_random_ledger(2)
    fill()
    after = {}
    rows = list(ledger_rows())
    for row in rows:
        assert row.mrr_before == after.get(row.customer, Decimal(0)) + row.fx
        assert row.mrr_after == row.mrr_before + row.amount
        after[row.customer] = row.mrr_after
    assert len(rows) == Movement.objects.count()
    later = list(ledger_rows(first=date(2024, 9, 1)))
    assert later == [row for row in rows if row.day >= date(2024, 9, 1)]


def test_a_trial_counts_in_the_month_it_started(fill):
    for number, status in enumerate(["active", "trial", "trial"]):
        end = date(2024, 2, 20) if number == 1 else None
        make_version(
            make_payer(f"Customer {number}"),
            date(2024, 2, 10),
            end,
            status=status,
            trial_end=date(2024, 3, 1) if number else None,
        )
    fill()
    (row,) = metric_rows([month_period(date(2024, 2, 1))], as_of=AS_OF, complete_to=AS_OF)
    rate = row.values["trial_to_paid_rate"]
    assert (rate.numerator, rate.denominator) == (1, 2)


def test_r_1_the_weighted_row_takes_the_cohorts_old_enough(fill):
    make_version(make_payer("Larch"), date(2024, 1, 5), None, "100")
    make_version(make_payer("Oak"), date(2024, 1, 5), date(2024, 2, 5), "100")
    make_version(make_payer("Elm"), date(2024, 2, 5), None, "100")
    fill(as_of=date(2024, 3, 31))
    table = cohort_table(of="logos")
    assert [[cell.paying for cell in row] for row in table.rows] == [[2, 1, 1], [1, 1]]
    assert [round(cell.value, 4) for cell in table.weighted] == [1, Decimal("0.6667"), Decimal("0.5")]
    assert cohort_table(of="mrr", last=1).rows[0][0].cohort == date(2024, 2, 1)


def test_periods_before_all_history_are_zeros(fill):
    fill()
    (span,) = spans_for([Period(date(2020, 1, 1), date(2020, 2, 1))], as_of=AS_OF)
    assert (span.opening, span.closing, span.ever_paid) == (0, 0, 0)
