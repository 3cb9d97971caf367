"""Every variant of a metric that the specification names, with the figures it prints or a sum done by hand."""

from datetime import date, datetime
from decimal import Decimal

import pytest

from metrics.formulas import (
    acquisition,
    activation,
    churn,
    cohorts,
    commerce,
    conversion,
    engagement,
    growth,
    lifetime,
    mrr,
    retention,
    satisfaction,
    success,
    support,
)
from metrics.formulas.activation import Watched
from metrics.formulas.conversion import Trial
from metrics.formulas.periods import Period, month_period
from metrics.formulas.result import Result, known, unknown

JUNE = month_period(date(2024, 6, 1))
DAY = date(2024, 6, 30)


def near(answer, expected, places=4):
    value = answer.value if isinstance(answer, Result) else answer
    return round(value, places) == Decimal(str(expected))


def waits(*days, censored=()):
    return [Watched(day, True) for day in days] + [Watched(day, False) for day in censored]


def test_terms_of_whole_months_come_first():
    term = {"total": Decimal(1200), "start": date(2025, 1, 15), "last_day": date(2026, 1, 14)}
    for policy in ("whole_months", "days", "first_partial_prorated"):
        assert mrr.contract_mrr(**term, policy=policy) == Decimal(100)
    with pytest.raises(ValueError, match="unknown term policy"):
        mrr.contract_mrr(**term, policy="weeks")
    assert mrr.contract_mrr_of_months(total=Decimal(36000), months=24).value == Decimal(1500)
    assert mrr.contract_mrr_of_months(total=Decimal(1), months=0).reason == "zero_denominator"


def test_usage_and_one_time_revenue_stand_beside_mrr():
    assert mrr.usage_mrr([10, 20, 60]).value == Decimal(60)
    assert mrr.usage_mrr([5, 10, 20, 60], policy="trailing_3m").value == Decimal(30)
    assert mrr.usage_mrr([]).reason == "no_data"
    assert mrr.one_time_revenue([Decimal(500), Decimal("0.5")]) == Decimal("500.5")


def test_churn_from_both_ends_of_the_same_customers():
    ends = [(1000, 1000), (5000, 0), (0, 700)]
    assert churn.logo_churn_of_ends(ends).value == Decimal("0.5")
    assert near(churn.mrr_churn_of_ends(ends), "0.8333")
    assert churn.logo_churn_of_ends([(0, 1)]).reason == "zero_denominator"
    assert churn.mrr_churn_of_ends([]).reason == "zero_denominator"


def test_mrr_churn_formulas():
    assert churn.gross_mrr_churn_all_flows(opening=100, churn=12, contraction=8).value == Decimal("0.2")
    assert churn.gross_mrr_churn_only(opening=100, churn=12).value == Decimal("0.12")
    assert churn.gross_mrr_churn_day(start=1000, end=990).value == Decimal("0.01")
    assert churn.gross_mrr_churn_day(start=1000, end=1010).value == 0
    assert churn.gross_mrr_churn_day(start=0, end=0).reason == "zero_denominator"
    assert churn.net_mrr_churn_day(start=1000, end=1020, new=30).value == Decimal("0.01")
    assert churn.net_mrr_churn_day(start=1000, end=1020, new=0).value == Decimal("-0.02")
    assert churn.contract_base_churn(not_renewed=20, term_ended=80).value == Decimal("0.25")
    assert churn.contract_base_churn(not_renewed=0, term_ended=0).reason == "zero_denominator"


def test_churn_by_kind_adds_up():
    lost = churn.churn_by_kind([("left", 15, 10), ("involuntary", 10, 10), ("left", 1, Decimal("2.5"))])
    assert lost == {"left": churn.Lost(16, Decimal("152.5")), "involuntary": churn.Lost(10, Decimal(100))}


def test_churn_of_a_year():
    assert [churn.left_of_hundred(annual=Decimal(rate)) for rate in ("0.1136", "0.4596", "0.125", "1")] == [
        89, 54, 88, 0,
    ]  # fmt: skip
    assert churn.compound_retention(annual_retention=Decimal("0.81"), years=Decimal("0.5")) == Decimal("0.9")


def test_retention_and_renewal_variants():
    assert retention.retention_of(known(Decimal("0.05"))).value == Decimal("0.95")
    assert retention.retention_of(unknown("zero_denominator")).reason == "zero_denominator"
    assert near(retention.nrr_endpoints(opening=27000, closing_before_churn=35000, churn=5000), "1.1111")
    terms = [(Decimal(100), Decimal(150)), (Decimal(100), Decimal(0)), (Decimal(50), None)]
    assert retention.renewal_rate(terms).value == Decimal("0.5")
    assert retention.net_renewal_rate(terms).value == Decimal("0.75")
    assert retention.logo_renewal_rate(terms).value == Decimal("0.5")
    assert retention.logo_renewal_rate([(Decimal(50), None)]).reason == "zero_denominator"


def test_r_5_survival_of_customers():
    days = waits(30, 60, censored=(40, 90))
    assert retention.survival(days) == {30: Decimal("0.75"), 60: Decimal("0.375")}
    assert retention.survival_median_days(days).value == 60
    assert retention.survival_median_days([]).reason == "no_data"


def test_r_5_a_median_that_is_reached_exactly_is_found():
    for number in range(2, 60, 2):
        assert activation.quantile_days(waits(*range(1, number + 1))).value == number // 2


def test_time_to_value_percentiles():
    published = waits(1, 2, 2, 3, 5, 8, censored=(14, 14))
    assert activation.time_to_value_median_days(published).value == 3
    assert activation.time_to_value_p75_days(published).value == 8
    assert activation.mean_of_reached(published).value == Decimal("3.5")
    assert activation.mean_of_reached(waits(censored=(1,))).reason == "no_data"
    assert activation.onboarding_time(waits(Decimal("2.5"))).value == Decimal("2.5")


def test_share_reached_by_a_day_leaves_out_who_was_watched_for_less():
    assert near(activation.reached_by(waits(10, 40, censored=(5, 35)), day=30), "0.3333")
    assert activation.reached_by(waits(censored=(5,)), day=30).reason == "no_data"


def test_cohort_rows_may_have_blanks():
    rows = [
        cohorts.CohortRow(Decimal(1), [Decimal(100), None, Decimal(50)]),
        cohorts.CohortRow(Decimal(3), [Decimal(100), Decimal(80)]),
    ]
    assert [cell.value for cell in cohorts.weighted_row(rows)] == [100, 80, 50]
    assert cohorts.weighted_row([]) == []
    blank = cohorts.weighted_row([cohorts.CohortRow(Decimal(1), [None])])
    assert [cell.reason for cell in blank] == ["immature"]


def test_averages_of_groups_and_of_ends():
    assert growth.sum_of_groups([(3, 100), (7, 50), (2, 0)]) == (Decimal(650), 10)
    assert growth.arpu_revenue_of_ends(revenue=300, opening=100, closing=200).value == 2
    assert growth.arpu_revenue_of_ends(revenue=None, opening=1, closing=1).reason == "not_configured"
    assert growth.arpu_revenue_of_ends(revenue=1, opening=0, closing=0).reason == "zero_denominator"
    assert lifetime.ltv_realised(revenue=1000, customers=4).value == 250
    assert lifetime.ltv_realised(revenue=0, customers=0).reason == "zero_denominator"


def test_costs_and_their_warnings():
    three, none = acquisition.ltv_cac(ltv=known(300), cac=known(100)), unknown("no_churn")
    assert acquisition.ltv_cac_warning(ltv_cac=three) is False
    assert acquisition.ltv_cac_warning(ltv_cac=known(Decimal("2.99"))) is True
    assert acquisition.ltv_cac_alarm(ltv_cac=known(Decimal("0.5"))) is True
    assert acquisition.ltv_cac_warning(ltv_cac=none) is None
    assert acquisition.ltv_cac_alarm(ltv_cac=none) is None
    assert acquisition.crc_above_cac(crc=known(5), cac=known(4)) is True
    assert acquisition.crc_above_cac(crc=none, cac=known(4)) is None
    assert acquisition.annualised(known(30), days=30).value == 365
    assert acquisition.annualised(none, days=30) == none
    assert acquisition.net_customer_value_mean([Decimal(1), Decimal(2)]).value == Decimal("1.5")
    assert acquisition.net_customer_value_mean([]).reason == "no_data"


def test_cac_lag_and_the_payback_of_a_cohort():
    quarter = Period(date(2024, 4, 1), date(2024, 7, 1))
    assert acquisition.cost_period(quarter, lag_months=2) == Period(date(2024, 2, 1), date(2024, 5, 1))
    assert acquisition.cac_payback_of_cohort(cac=known(100), monthly_profit=[40, 40, 20]).value == 3
    assert acquisition.cac_payback_of_cohort(cac=known(100), monthly_profit=[40]).reason == "not_reached"
    assert acquisition.cac_payback_of_cohort(cac=unknown("no_data"), monthly_profit=[]).reason == "no_data"


def test_orders_of_one_day_count_apart_unless_merged():
    orders = [("a", DAY), ("a", DAY), ("b", DAY)]
    assert commerce.merged_orders(orders) == {"a": 2, "b": 1}
    assert commerce.merged_orders(orders, merge_same_day=True) == {"a": 1, "b": 1}


TRIALS = [
    Trial(date(2024, 6, 1), converted=date(2024, 6, 15)),
    Trial(date(2024, 6, 20), converted=date(2024, 8, 4)),
    Trial(date(2024, 6, 30), until=date(2024, 7, 14)),
    Trial(date(2024, 5, 20), converted=date(2024, 6, 3)),
    Trial(date(2024, 5, 25), cancelled=date(2024, 6, 8)),
]


def test_trial_definitions():
    assert near(conversion.trial_to_paid_by_start(TRIALS, period=JUNE), "0.6667")
    assert near(conversion.trial_to_paid_by_end(TRIALS, period=JUNE), "0.6667")
    assert near(conversion.trial_to_paid_within(TRIALS, period=JUNE, days=30), "0.3333")
    assert conversion.trial_to_paid_by_start([], period=JUNE).reason == "no_data"


def test_trials_add_up_and_mature():
    assert conversion.trial_states(TRIALS, as_of=date(2024, 7, 20)) == {
        "converted": 2, "pending": 2, "abandoned": 1,
    }  # fmt: skip
    assert conversion.trial_states(TRIALS, as_of=date(2024, 9, 1)) == {
        "converted": 3, "pending": 0, "abandoned": 2,
    }  # fmt: skip


def test_stickiness_modes():
    # 2 users on every workday of the 30 days, a third on the last Sunday; 30 June 2024 is a Sunday
    activity = {date(2024, 6, day): {1, 2} for day in range(1, 31) if date(2024, 6, day).weekday() < 5}
    activity[DAY] = {3}
    assert near(engagement.stickiness_of(activity, DAY), "0.4556")
    assert near(engagement.stickiness_of(activity, DAY, mode="workdays"), "0.6667")
    assert near(engagement.stickiness_of(activity, DAY, mode="wau_mau"), "1")
    assert near(engagement.stickiness_of(activity, DAY, mode="single_day"), "0.3333")
    assert engagement.stickiness_of({}, DAY).reason == "zero_denominator"
    with pytest.raises(ValueError, match="unknown stickiness mode"):
        engagement.stickiness_of(activity, DAY, mode="weekly")


def test_retention_rules():
    days = {0, 1, 2, 9}
    assert [engagement.retained_on(days, k) for k in (1, 3, 9)] == [True, False, True]
    assert engagement.retained_on(days, 3, rule="on_or_after")
    assert not engagement.retained_on(days, 10, rule="on_or_after")
    assert engagement.retained_on(days, 3, rule="bracket")
    assert not engagement.retained_on(days, 3, rule="bracket", bracket=(3, 5))
    assert engagement.retained_on(days, 2, rule="unbroken")
    assert not engagement.retained_on(days, 3, rule="unbroken")
    with pytest.raises(ValueError, match="unknown retention rule"):
        engagement.retained_on(days, 1, rule="ever")
    cohort = {"a": {0, 1}, "b": {0}, "c": {0, 3}, "d": {0, 1, 2}}
    assert engagement.nday_retention_of(cohort, 1).value == Decimal("0.5")
    assert engagement.nday_retention_of(cohort, 2, rule="on_or_after").value == Decimal("0.5")


def test_user_lifecycle_adds_up_to_the_active():
    found = engagement.user_lifecycle(
        created={"n", "never"}, active={"n", "r", "back"}, active_before={"r", "gone"}
    )
    assert found == engagement.Lifecycle(new=1, returning=1, resurrecting=1, dormant=1)
    assert found.active == 3


def test_adoption_and_contact():
    uses = {"a": 3, "b": 2, "c": 9}
    assert engagement.feature_adoption_of(uses, active=4).value == Decimal("0.5")
    assert engagement.feature_adoption_of(uses, active=4, min_uses=1).value == Decimal("0.75")
    touches = {"call": 2, "email": 3, "ticket": 8}
    assert engagement.contact_frequency(touches) == 5
    assert engagement.contact_frequency(touches, weights={"call": 2, "email": Decimal("0.5")}) == Decimal(
        "5.5"
    )


def test_support_times_in_clock_and_business_hours():
    friday, monday = datetime(2024, 6, 28, 16, 30), datetime(2024, 7, 1, 10, 0)
    assert support.clock_hours(friday, monday) == Decimal("65.5")
    assert support.business_hours(friday, monday) == Decimal("1.5")
    assert support.business_hours(monday, friday) == 0
    hours = waits(1, 2, 3, 4, 5, 6, 7, 8, 9, censored=(20,))
    assert support.first_response(hours).value == 5
    assert support.p90_hours(hours).value == 9
    assert support.p90_hours(waits(1, censored=(2,))).reason == "not_reached"
    assert support.time_to_resolve([]).reason == "no_data"


def test_nps_variants():
    counts = satisfaction.NpsCounts(60, 20, 20)
    assert near(satisfaction.nps_margin_wald(counts), "15.6797")
    assert near(satisfaction.nps_margin_wald(counts, population=200), "11.1151")
    shares = {"promoters": Decimal("0.6"), "detractors": Decimal("0.2")}
    assert satisfaction.nps_fraction(**shares) == Decimal("0.4")
    assert satisfaction.nps_standard_error(**shares, n=100).value == Decimal("0.08")
    assert satisfaction.nps_standard_error(**shares, n=0).reason == "no_data"
    assert near(satisfaction.nps_adjusted(satisfaction.NpsCounts(15, 13, 8)), "17.9487")
    assert satisfaction.nps_adjusted(satisfaction.NpsCounts(0, 0, 0)).reason == "no_data"


def test_normal_quantiles():
    assert near(satisfaction.z_of(Decimal("0.95")), "1.959964", 6)
    assert near(satisfaction.z_of(Decimal("0.99")), "2.575829", 6)
    with pytest.raises(ValueError, match="between 0 and 1"):
        satisfaction.z_of(Decimal(1))


def test_csat_and_ces_variants():
    assert satisfaction.csat({7: 2, 6: 1, 5: 1}, scale=7).value == 75
    assert satisfaction.csat({6: 1, 5: 1}, scale=10, cut=satisfaction.TOP_HALF_OF_TEN).value == 50
    assert satisfaction.whole(known(Decimal("62.5"))).value == 63
    assert satisfaction.whole(unknown("no_data")).reason == "no_data"
    assert satisfaction.ces_index(easy=5, neutral=3, difficult=2).value == 30
    assert satisfaction.ces({7: 5, 5: 3, 1: 2}, method="index").value == 30
    assert satisfaction.ces_index(easy=0, neutral=0, difficult=0).reason == "no_data"
    with pytest.raises(ValueError, match="unknown method"):
        satisfaction.ces({7: 1}, method="median")
    assert satisfaction.proportion(hits=1, n=4).value == Decimal("0.25")


def test_answer_rates_of_waves_are_pooled():
    assert near(satisfaction.pooled_response_rate([(100, 20), (10, 8)]), "0.2545")
    assert satisfaction.pooled_response_rate([]).reason == "no_data"


def test_work_of_customer_success():
    assert success.referral_cover(referrals_won=3, logos_churned=2).value == Decimal("1.5")
    assert success.referral_cover(referrals_won=3, logos_churned=0).reason == "no_churn"
    assert success.advocacy(cases=6, csms=2, months=3).value == 1
    reviews = [date(2024, 6, 30), date(2024, 1, 3), date(2024, 1, 2), None, date(2024, 7, 1)]
    assert success.ebr_cover(reviews, as_of=DAY).value == Decimal("0.4")
    assert success.ebr_cover([], as_of=DAY).reason == "zero_denominator"
    assert success.outcome_attainment(met=3, due=4).value == Decimal("0.75")
    assert success.customer_outcome_growth(start=200, now=250).value == Decimal("0.25")
    assert success.customer_outcome_growth(start=0, now=250).reason == "zero_denominator"
    assert success.feedback_loop(answered=1, sent=4).value == Decimal("0.25")
    assert success.feedback_answer_days(waits(3, 9)).value == 3
    assert success.on_time_rate(on_time=9, due=10).value == Decimal("0.9")
    assert success.playbook_completion(finished=0, started=0).reason == "zero_denominator"
    assert success.first_touch_days(waits(2, censored=(5,))).value == 2
    assert (
        success.without_touch([None, date(2024, 5, 31), date(2024, 6, 1)], as_of=DAY, interval_days=30) == 2
    )


def test_a_save_is_judged_after_90_days():
    case = {"closed_on": date(2024, 1, 1)}
    assert success.is_save(**case, paying_until=None, as_of=date(2024, 3, 30)) is None
    assert success.is_save(**case, paying_until=None, as_of=date(2024, 3, 31)) is True
    assert success.is_save(**case, paying_until=date(2024, 3, 31), as_of=DAY) is False
