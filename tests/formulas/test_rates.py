"""Sections 10 to 14, 17, 18: published figures, edge answers, and the identities between rates."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.formulas import (
    acquisition,
    churn,
    cohorts,
    commerce,
    conversion,
    growth,
    lifetime,
    result,
    retention,
    segments,
    support,
)
from metrics.formulas.result import Result, known, ratio, unknown


def near(answer, expected, places=4):
    value = answer.value if isinstance(answer, Result) else answer
    return round(value, places) == Decimal(str(expected))


def test_a_rate_keeps_its_parts_and_an_unknown_reason_is_refused():
    assert ratio(1, 4) == Result(Decimal("0.25"), "", Decimal(1), Decimal(4))
    assert ratio(1, 0) == Result(None, "zero_denominator", Decimal(1), Decimal(0))
    assert result.times(unknown("no_data"), 100).reason == "no_data"
    assert result.first_reason(known(1), unknown("no_churn")) == "no_churn"
    with pytest.raises(ValueError, match="unknown reason"):
        unknown("because")


def test_logo_churn_and_its_variants():
    assert near(churn.logo_churn_rate(opening=650, lost=15), "0.0231")
    lost = churn.logos_lost(churned=11, joined_and_churned=1)
    assert churn.logo_churn_rate(opening=100, lost=lost).value == Decimal("0.1")
    assert churn.logo_churn_rate(opening=0, lost=0).reason == "zero_denominator"
    assert churn.logo_churn_rate_average_base(opening=100, closing=60, lost=8).value == Decimal("0.1")
    everyone = churn.logo_churn_rate_all_in_period(opening=8, new=1, reactivated=1, not_paying_at_close=2)
    assert everyone.value == Decimal("0.2")
    stripe = churn.logo_churn_rate_stripe_30d(churn_events=11, paying_30_days_ago=100, new_since=10)
    assert stripe.value == Decimal("0.1")
    assert churn.logo_churn_rate_events(opening=100, churn_events=11).value == Decimal("0.11")


def test_mrr_churn_gross_net_and_with_reactivation():
    parts = {"opening": Decimal(100), "churn": Decimal(10), "contraction": Decimal(10)}
    assert churn.gross_mrr_churn_rate(**parts).value == Decimal("0.2")
    assert churn.net_mrr_churn_rate(**parts, expansion=Decimal(10)).value == Decimal("0.1")
    assert churn.net_mrr_churn_rate(**parts, expansion=Decimal(10), reactivation=Decimal(5)).value == Decimal(
        "0.05"
    )
    assert churn.net_mrr_churn_rate(**parts, expansion=Decimal(30)).value == Decimal("-0.1")
    assert (
        churn.gross_mrr_churn_rate(opening=Decimal(0), churn=Decimal(0), contraction=Decimal(0)).reason
        == "zero_denominator"
    )


def test_c_1_daily_sum_skips_days_that_start_with_zero():
    assert churn.daily_sum([(0, 0), (100, 1), (50, 1)]).value == Decimal("0.03")
    assert churn.daily_sum([(0, 0)]).reason == "zero_denominator"


@pytest.mark.parametrize(("monthly", "annual"), [("0.01", "0.1136"), ("0.03", "0.3062"), ("0.08", "0.6323")])
def test_churn_compounds_over_a_year(monthly, annual):
    assert near(churn.annual_churn(rate=Decimal(monthly)), annual)


def test_churn_over_a_year_of_days_is_itself():
    assert near(churn.annual_churn(rate=Decimal("0.2"), days=365), "0.2")
    assert near(churn.compound_retention(annual_retention=Decimal("0.9"), years=3), "0.729")


def test_retention_of_customers_in_both_published_forms():
    assert retention.customer_retention_rate(start=100, end=105, new=10).value == Decimal("0.95")
    assert retention.survival_to_date(paying=30, ever_paid=40).value == Decimal("0.75")
    assert retention.customer_retention_rate(start=0, end=1, new=1).reason == "zero_denominator"


def test_nrr_and_grr_take_both_ends_of_the_same_customers():
    ends = [
        (Decimal(1000), Decimal(1000)),
        (Decimal(5000), Decimal(0)),
        (Decimal(0), Decimal(700)),
        (Decimal(100), Decimal(300)),
    ]
    assert near(retention.nrr(ends), "0.2131")
    assert near(retention.grr(ends), "0.1803")
    assert near(retention.logo_retention(ends), "0.6667")
    assert retention.grr([(Decimal(5000), Decimal(6000))]).value == 1
    assert retention.nrr([(Decimal(0), Decimal(5))]).reason == "zero_denominator"
    assert near(retention.nrr_of_sums(opening=Decimal(27000), closing_of_base=Decimal(30000)), "1.1111")
    assert retention.grr_of_sums(opening=Decimal(4), kept_of_base=Decimal(3)).value == Decimal("0.75")


def test_flows_methods():
    assert retention.nrr_flows(
        opening=Decimal(100000), expansion=Decimal(15000), contraction=Decimal(5000), churn=Decimal(8000)
    ).value == Decimal("1.02")
    assert retention.grr_flows(
        opening=Decimal(100000), contraction=Decimal(5000), churn=Decimal(8000)
    ).value == Decimal("0.87")
    assert retention.nrr_chained([known(Decimal("1.1")), known(Decimal("0.9"))]).value == Decimal("0.99")
    assert retention.nrr_chained([known(1), unknown("zero_denominator")]).reason == "zero_denominator"


def test_renewal_rate_leaves_out_the_undecided():
    assert retention.renewal_rate(
        [(Decimal(100), Decimal(150)), (Decimal(100), Decimal(0)), (Decimal(50), None)]
    ).value == Decimal("0.5")
    assert retention.renewal_rate([(Decimal(50), None)]).reason == "zero_denominator"


def test_averages_and_growth():
    assert growth.arpa_close(mrr=Decimal(1500), paying=5).value == Decimal(300)
    assert growth.arpa_close(mrr=Decimal(0), paying=0).reason == "zero_denominator"
    assert growth.asp(new_mrr=Decimal(650), new_customers=10).value == Decimal(65)
    assert growth.arpu_revenue(revenue=Decimal(300), daily_paying=[1, 2, 3]).value == Decimal(150)
    assert growth.arpu_revenue(revenue=None, daily_paying=[1]).reason == "not_configured"
    assert growth.expansion_rate(opening=Decimal(5000), expansion=Decimal(1000)).value == Decimal("0.2")
    assert near(growth.expansion_growth(last=Decimal(1500), this=Decimal(2000)), "0.3333")
    assert growth.expansion_growth(last=Decimal(0), this=Decimal(1)).reason == "zero_denominator"
    assert growth.customer_growth(before=15, after=18).value == Decimal("0.2")
    assert growth.mrr_growth(before=Decimal(10), after=Decimal(5)).value == Decimal("-0.5")
    assert growth.steady_state_customers(adds_per_month=100, monthly_churn=Decimal("0.05")).value == Decimal(
        2000
    )
    assert growth.steady_state_customers(adds_per_month=100, monthly_churn=Decimal(0)).reason == "no_churn"
    assert growth.mean([]).reason == "no_data"


def test_quick_ratio():
    losses = {"contraction": Decimal(3), "churn": Decimal(5)}
    assert growth.quick_ratio(
        new=Decimal(20), expansion=Decimal(8), reactivation=Decimal(0), **losses
    ).value == Decimal("3.5")
    without = growth.quick_ratio(
        new=Decimal(20), expansion=Decimal(8), reactivation=Decimal(4), **losses, includes_reactivation=False
    )
    assert without.value == Decimal("3.5")
    none = growth.quick_ratio(
        new=Decimal(1),
        expansion=Decimal(0),
        reactivation=Decimal(0),
        contraction=Decimal(0),
        churn=Decimal(0),
    )
    assert none.reason == "no_losses"


def test_lifetime_value():
    assert lifetime.ltv(arpa=known(100), churn=known(Decimal("0.05"))).value == Decimal(2000)
    assert lifetime.ltv(arpa=known(100), churn=known(0)).reason == "no_churn"
    assert lifetime.ltv(arpa=known(100), churn=known(0), cap_months=60).value == Decimal(6000)
    assert lifetime.ltv(arpa=unknown("zero_denominator"), churn=known(0)).reason == "zero_denominator"
    assert lifetime.ltv(arpa=known(1), churn=unknown("immature")).reason == "immature"
    assert lifetime.ltv_net_retention(arpa=100, monthly_retention=Decimal("0.95")).value == Decimal(2000)
    assert near(
        lifetime.ltv_discounted(arpa=100, churn=Decimal("0.05"), discount=Decimal("0.01")), "1683.3333"
    )
    assert near(lifetime.customer_lifetime(churn=Decimal("0.03")), "33.33", 2)


def test_mean_churn_needs_three_complete_months():
    rates = [
        known(Decimal("0.5")),
        known(Decimal("0.01")),
        known(Decimal("0.02")),
        known(Decimal("0.03")),
        unknown("zero_denominator"),
    ]
    assert lifetime.mean_churn(rates, months=4).value == Decimal("0.02")
    assert lifetime.mean_churn(rates[:2]).reason == "immature"


def test_one_off_sellers():
    assert lifetime.clv_retail(value_per_year=Decimal(50), lifespan_years=Decimal(3)) == Decimal(150)
    assert lifetime.order_frequency(orders=30, customers=10).value == Decimal(3)
    assert lifetime.lifespan_years([]).reason == "no_data"
    assert lifetime.lifespan_years([(date(2020, 1, 1), date(2020, 12, 31))]).value == Decimal(1)
    assert commerce.repeat_purchase_rate([1, 2, 5, 0]).numerator == 2
    assert commerce.repeat_purchase_rate([]).reason == "no_data"


def test_costs():
    assert acquisition.cac(spend=Decimal(50000), new_customers=25).value == Decimal(2000)
    assert acquisition.cac(spend=None, new_customers=25).reason == "not_configured"
    assert acquisition.cac(spend=Decimal(1), new_customers=0).reason == "zero_denominator"
    assert acquisition.ltv_cac(ltv=known(50), cac=known(100)).value == Decimal("0.5")
    assert acquisition.ltv_cac(ltv=unknown("no_churn"), cac=known(1)).reason == "no_churn"
    assert acquisition.ltv_cac_gain(ltv=Decimal(50), cac=Decimal(100)) == Decimal(-50)
    payback = acquisition.cac_payback_months(cac=known(200), arpa=known(50), gross_margin=Decimal("0.75"))
    assert near(payback, "5.3333")
    assert (
        acquisition.cac_payback_months(cac=known(1), arpa=unknown("zero_denominator")).reason
        == "zero_denominator"
    )
    assert acquisition.customer_retention_cost(spend=Decimal(10000), customers=500).value == Decimal(20)
    assert acquisition.customer_retention_cost(spend=None, customers=5).reason == "not_configured"
    assert acquisition.net_customer_value(
        revenue=Decimal(10), cac=Decimal(3), retention_cost=Decimal(2)
    ) == Decimal(5)


def test_v_3_a_cost_entry_is_spread_over_its_days():
    entry = {"amount": Decimal(310), "from_on": date(2024, 1, 1), "to_on": date(2024, 2, 1)}
    assert acquisition.cost_share(**entry, start=date(2024, 1, 1), end=date(2024, 1, 11)) == Decimal(100)
    assert acquisition.cost_share(**entry, start=date(2024, 2, 1), end=date(2024, 3, 1)) == Decimal(0)


def test_trials_support_and_load():
    assert conversion.trial_to_paid_rate(trials_started=20, converted_of_those=5).value == Decimal("0.25")
    assert conversion.trial_to_paid_rate(trials_started=0, converted_of_those=0).reason == "no_data"
    assert conversion.trial_to_paid_rate_ended(converted=3, cancelled=1).value == Decimal("0.75")
    assert conversion.activation_rate(reached=1, window_ended=0).reason == "no_data"
    assert support.fcr_rate(solved_first=70, solved=110, excluded=10).value == Decimal("0.7")
    assert support.fcr_rate(solved_first=0, solved=0).reason == "no_data"
    assert support.ticket_load(tickets=3, active_users=60).value == Decimal(5)


def test_r_1_weighted_last_row_and_r_2_blank_cells():
    rows = [
        cohorts.CohortRow(Decimal(100), [Decimal(1), Decimal("0.5")]),
        cohorts.CohortRow(Decimal(300), [Decimal(1)]),
    ]
    assert cohorts.weighted_average(rows, 0).value == 1
    assert cohorts.weighted_average(rows, 1).value == Decimal("0.5")
    assert cohorts.weighted_average(rows, 2).reason == "immature"
    assert cohorts.mrr_vs_k0(mrr=Decimal(5), initial=Decimal(0)).reason == "zero_denominator"
    assert cohorts.kept_vs_k0(kept=Decimal(3), initial=Decimal(4)).value == Decimal("0.75")
    assert cohorts.logo_retention(paying=3, size=4).value == Decimal("0.75")


def test_s_5_transfers_between_plans_sum_to_zero():
    moved = segments.plan_transfers({"a": Decimal(-100), "b": Decimal(60), "c": Decimal(90), "d": Decimal(0)})
    assert moved == {"a": Decimal(-100), "b": Decimal(40), "c": Decimal(60), "d": Decimal(0)}
    odd = segments.plan_transfers({"a": Decimal(-10), "b": Decimal(10), "c": Decimal(10), "d": Decimal(10)})
    assert sum(odd.values()) == 0
    assert segments.plan_transfers({"a": Decimal(5)}) == {"a": Decimal(0)}
    assert segments.size_band(Decimal(100), [Decimal(100), Decimal(500)]) == 1


ends = st.lists(
    st.tuples(st.decimals(0, 10000, places=8), st.decimals(0, 10000, places=8)), min_size=1, max_size=20
)


@given(ends)
def test_i_4_grr_is_between_zero_and_one_and_below_nrr(customers):
    nrr, grr = retention.nrr(customers), retention.grr(customers)
    if nrr.value is None:
        assert grr.reason == "zero_denominator"
        return
    assert 0 <= grr.value <= 1
    assert grr.value <= nrr.value
    lost = sum((max(a - b, Decimal(0)) for a, b in customers if a), Decimal(0))
    gained = sum((max(b - a, Decimal(0)) for a, b in customers if a), Decimal(0))
    opening = sum((a for a, _ in customers), Decimal(0))
    net = churn.net_mrr_churn_rate(opening=opening, churn=lost, contraction=Decimal(0), expansion=gained)
    assert abs(nrr.value - (1 - net.value)) < Decimal("1E-20") * max(Decimal(1), abs(nrr.value))


@given(st.integers(1, 500), st.integers(0, 500), st.integers(0, 500))
def test_i_15_retention_is_one_minus_logo_churn(start, lost, new):
    lost = min(lost, start)
    kept = retention.customer_retention_rate(start=start, end=start - lost + new, new=new)
    assert abs(kept.value - (1 - churn.logo_churn_rate(opening=start, lost=lost).value)) < Decimal("1E-25")
