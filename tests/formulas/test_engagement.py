"""Section 16, R-5 and I-11."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.formulas import activation, engagement
from metrics.formulas.activation import Watched

DAY = date(2024, 3, 31)


def test_stickiness_and_licence_use():
    assert engagement.stickiness(dau_mean=3000, mau=15000).value == Decimal("0.2")
    assert engagement.stickiness(dau_mean=0, mau=0).reason == "zero_denominator"
    assert engagement.licence_use(mau=5, seats=None).reason == "not_configured"
    assert engagement.licence_use(mau=5, seats=20).value == Decimal("0.25")
    assert engagement.feature_adoption(adopters=1, active=4).value == Decimal("0.25")
    assert engagement.dau_mean([30, 30], days=30).value == Decimal(2)


def test_windows_hold_exactly_their_days():
    activity = {DAY - timedelta(days=back): {back} for back in (0, 6, 7, 29, 30)}
    assert [engagement.dau(activity, DAY), engagement.wau(activity, DAY), engagement.mau(activity, DAY)] == [
        1,
        2,
        4,
    ]


@pytest.mark.parametrize(
    ("rule", "days"), [("calendar", 2), ("rolling_24h", 0), ("rolling_24h_hour_floor", 1)]
)
def test_retention_day_rules(rule, days):
    if rule == "calendar":
        first, second = datetime(2024, 1, 1, 23), datetime(2024, 1, 3, 1)
    else:
        first, second = datetime(2024, 1, 1, 10, 50), datetime(2024, 1, 2, 10, 10)
    assert engagement.retention_day(first, second, rule=rule) == days


def test_nday_retention_counts_the_whole_cohort():
    assert engagement.nday_retention(day0={1, 2, 3, 4}, active_on_k={2, 9}).value == Decimal("0.25")
    assert engagement.nday_retention(day0=set(), active_on_k={2}).reason == "no_data"


def test_kaplan_meier_with_censoring():
    watched = [Watched(2, True), Watched(3, False), Watched(5, True), Watched(5, True), Watched(9, False)]
    survival = activation.kaplan_meier(watched)
    assert survival[2] == Decimal("0.8")
    assert round(survival[5], 6) == Decimal("0.266667")
    assert activation.time_to_value_median_days(watched).value == 5
    assert activation.quantile_days(watched, left=Decimal("0.1")).reason == "not_reached"
    assert activation.time_to_value_median_days([]).reason == "no_data"
    assert activation.reached_share(watched).value == Decimal("0.6")
    assert activation.reached_share([]).reason == "no_data"


@given(st.lists(st.integers(0, 50), min_size=1, max_size=40))
def test_i_11_without_censoring_it_is_the_empirical_distribution(days):
    survival = activation.kaplan_meier([Watched(day, True) for day in days])
    for day, left in survival.items():
        assert abs(left - Decimal(sum(1 for other in days if other > day)) / len(days)) < Decimal("1E-20")


@given(st.dictionaries(st.integers(0, 40), st.sets(st.integers(0, 9)), max_size=20))
def test_i_11_dau_wau_mau_are_nested(by_day):
    activity = {DAY - timedelta(days=back): users for back, users in by_day.items()}
    d, w, m = (engagement.active_users(activity, DAY, n) for n in (1, 7, 30))
    assert d <= w <= m
    daily = [engagement.dau(activity, DAY - timedelta(days=back)) for back in range(30)]
    sticky = engagement.stickiness(dau_mean=engagement.dau_mean(daily).value, mau=m)
    assert sticky.value is None or sticky.value <= 1
