"""G-1, X-2, P-1 to P-6, N-10."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.formulas import money, periods
from metrics.formulas.periods import Period


@pytest.mark.parametrize(
    ("raw", "stored"),
    [("0.000000005", "0.00000001"), ("-0.000000005", "-0.00000001"), ("1.000000004999", "1.00000000")],
)
def test_g_1_rounding_is_half_away_from_zero_at_eight_digits(raw, stored):
    assert money.quantise(Decimal(raw)) == Decimal(stored)


def test_x_2_a_factor_has_sixteen_decimals_and_the_value_is_exact():
    factor = money.factor(native_per_base=Decimal("1.25"), reporting_per_base=Decimal(1))
    assert factor == Decimal("0.8000000000000000")
    assert money.convert(
        Decimal(500), money.factor(native_per_base=Decimal("1.20"), reporting_per_base=Decimal(1))
    ) == Decimal("416.66666666666665000000000000"[:-4])


def test_a_rate_of_zero_is_refused():
    with pytest.raises(ValueError, match="above zero"):
        money.factor(native_per_base=Decimal(0), reporting_per_base=Decimal(1))


def test_display_rounds_to_the_minor_unit():
    assert (money.display(Decimal("1.005")), money.display(Decimal("2.5"), 0)) == (
        Decimal("1.01"),
        Decimal(3),
    )


def test_sums_of_valued_money_keep_all_digits():
    long = Decimal("12345678901234567890.123456789012345678901234")
    assert money.total([long, Decimal("1E-24")]) == Decimal("12345678901234567890.123456789012345678901235")


def test_p_5_months_clamp_and_keep_the_anchor():
    first = date(2023, 1, 31)
    second = periods.add_months(first, 1)
    assert (second, periods.add_months(second, 1, anchor=31)) == (date(2023, 2, 28), date(2023, 3, 31))
    assert periods.add_months(date(2024, 2, 29), 12) == date(2025, 2, 28)


def test_p_4_a_month_end_goes_to_a_month_end():
    assert periods.months_ago(date(2023, 2, 28), 12) == date(2022, 2, 28)
    assert periods.months_ago(date(2024, 2, 29), 12) == date(2023, 2, 28)
    assert periods.months_ago(date(2023, 4, 30), 1) == date(2023, 3, 31)
    assert periods.months_ago(date(2023, 5, 30), 3) == date(2023, 2, 28)
    assert periods.trailing(date(2023, 3, 1), 30) == Period(date(2023, 1, 31), date(2023, 3, 2))


def test_p_1_quarters_and_fiscal_years():
    day = date(2023, 2, 14)
    assert periods.period_of(day, "quarter") == Period(date(2023, 1, 1), date(2023, 4, 1))
    assert periods.period_of(day, "year", fiscal_start=4) == Period(date(2022, 4, 1), date(2023, 4, 1))
    months = list(periods.periods_between(date(2022, 11, 5), date(2023, 1, 1), "month"))
    assert [period.start for period in months] == [date(2022, 11, 1), date(2022, 12, 1), date(2023, 1, 1)]
    assert (months[0].opening_day, months[0].last_day, months[0].days) == (
        date(2022, 10, 31),
        date(2022, 11, 30),
        30,
    )


def test_p_2_the_local_day_of_an_instant():
    late = datetime(2023, 3, 31, 23, 30, tzinfo=UTC)
    assert periods.local_day(late, "Pacific/Auckland") == date(2023, 4, 1)
    assert periods.local_day(late, "America/New_York") == date(2023, 3, 31)
    with pytest.raises(ValueError, match="offset"):
        periods.local_day(late.replace(tzinfo=None), "UTC")


@pytest.mark.parametrize(
    ("start", "interval", "count", "day", "end"),
    [
        (date(2024, 4, 15), "month", 1, date(2024, 6, 8), date(2024, 6, 15)),
        (date(2023, 1, 1), "year", 1, date(2023, 12, 20), date(2024, 1, 1)),
        (date(2024, 1, 31), "month", 1, date(2024, 2, 10), date(2024, 2, 29)),
        (date(2024, 1, 31), "month", 1, date(2024, 2, 29), date(2024, 3, 31)),
        (date(2024, 1, 1), "week", 2, date(2024, 1, 20), date(2024, 1, 29)),
    ],
)
def test_n_10_end_of_the_running_billing_period(start, interval, count, day, end):
    assert periods.period_end_after(start, interval, count, day) == end


@given(st.dates(date(1990, 1, 1), date(2100, 1, 1)), st.integers(-400, 400))
def test_adding_months_moves_exactly_that_many_months(day, months):
    moved = periods.add_months(day, months)
    assert periods.month_number(moved) - periods.month_number(day) == months
    assert moved.day <= day.day
