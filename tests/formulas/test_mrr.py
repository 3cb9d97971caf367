"""N-1 to N-10, H-1 to H-6, and published figures."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.formulas import mrr
from metrics.formulas.money import quantise
from metrics.formulas.mrr import Discount, Plan, Policy, Price, Stretch, line_mrr


def price(amount, interval="month", count=1, quantity=1, **more):
    return Price(Decimal(str(amount)), interval, count, Decimal(quantity), **more)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (price(5), "5"),
        (price(90, "month", 3), "30"),
        (price(90, "quarter"), "30"),
        (price(600, "year"), "50"),
        (price(2000, "year"), "166.66666667"),
        (price(30, quantity=2), "60"),
        (price(10, quantity=0), "0"),
        (price(12, "week"), "52"),
        (price(12, "day"), "365"),
        (price(10, "week"), "43.33333333"),
        (price(500, kind="one_time"), "0"),
        (price(500, kind="usage"), "0"),
    ],
)
def test_n_1_price_times_quantity_over_the_months_of_the_interval(line, expected):
    assert line_mrr(line) == Decimal(expected)


def test_h_1_published_weekly_and_daily_factors():
    weekly = {
        name: line_mrr(price(10, "week"), policy=Policy(weekly_factor=Fraction(name)))
        for name in ("13/3", "4.33", "4")
    }
    assert weekly == {"13/3": Decimal("43.33333333"), "4.33": Decimal("43.3"), "4": Decimal(40)}
    assert line_mrr(price(1, "day"), policy=Policy(daily_factor=Fraction(30))) == Decimal(30)


def test_a_negative_price_and_an_unknown_interval_are_refused():
    for wrong in (
        price(-1),
        price(1, quantity=-1),
        price(1, "fortnight"),
        price(1, count=0),
        price(1, "term"),
    ):
        with pytest.raises(ValueError):
            line_mrr(wrong)


def test_n_2_contract_terms():
    year = {"total": Decimal(12000), "start": date(2025, 1, 1), "last_day": date(2025, 12, 31)}
    assert mrr.contract_mrr(**year) == Decimal(1000)
    odd = {"total": Decimal(9000), "start": date(2025, 2, 10), "last_day": date(2025, 8, 31)}
    assert round(mrr.contract_mrr(**odd), 2) == Decimal("1348.52")
    assert round(mrr.contract_mrr(**odd, policy="first_partial_prorated"), 2) == Decimal("1359.61")
    term = price(9000, "term", term_start=date(2025, 2, 10), term_end=date(2025, 9, 1))
    assert line_mrr(term) == mrr.contract_mrr(**odd)


def test_n_2_a_term_inside_one_month_has_no_later_month():
    short = {"total": Decimal(10), "start": date(2025, 2, 3), "last_day": date(2025, 2, 12)}
    assert mrr.contract_mrr(**short, policy="first_partial_prorated") == mrr.contract_mrr(**short)
    with pytest.raises(ValueError, match="ends before"):
        mrr.contract_mrr(total=Decimal(1), start=date(2025, 2, 3), last_day=date(2025, 2, 2))


def test_n_4_percent_comes_first_then_fixed_and_never_below_zero():
    ten = Discount("percent", Decimal(10))
    assert line_mrr(price(120, "year"), [ten]) == Decimal(9)
    assert line_mrr(price(100), [Discount("fixed", Decimal(5)), ten]) == Decimal(85)
    assert line_mrr(price(1200, "year"), [Discount("fixed", Decimal(120))]) == Decimal(90)
    assert line_mrr(price(10), [Discount("fixed", Decimal(20))]) == Decimal(0)


def test_h_2_discount_policies():
    for policy, expected in {
        "in_force": [50, 50],
        "forever_only": [50, 100],
        "list_price": [100, 100],
    }.items():
        values = [
            line_mrr(
                price(100),
                [Discount("percent", Decimal(50), duration)],
                policy=Policy(discount_policy=policy),
            )
            for duration in ("forever", "once")
        ]
        assert values == [Decimal(v) for v in expected]


def test_n_8_prorated_invoice_lines():
    charge = mrr.prorated_line_mrr(amount=Decimal(125), days=15, full_days=30)
    credit = mrr.prorated_line_mrr(amount=Decimal(-50), days=15, full_days=30)
    assert charge + credit == Decimal(150)
    with pytest.raises(ValueError, match="at least 1"):
        mrr.prorated_line_mrr(amount=Decimal(1), days=0, full_days=30)


def test_n_7_counted_states():
    counted = {"active", "past_due", "non_renewing", "renewal_pending", "free"}
    assert {
        word for word in mrr.COUNTED_STATES | mrr.UNCOUNTED_STATES | {"free"} if mrr.state_counts(word)
    } == counted
    assert mrr.state_counts("paused", policy=Policy(pause_policy="keep"))
    assert mrr.state_counts("unpaid", policy=Policy(unpaid_policy="keep"))


def test_a_trial_and_a_discount_cut_the_line_into_stretches():
    plan = Plan(
        price=price(100),
        from_on=date(2024, 1, 1),
        to_on=date(2024, 6, 1),
        trial_until=date(2024, 1, 15),
        discounts=[Discount("percent", Decimal(50), "repeating", until_on=date(2024, 3, 1))],
    )
    zero, half, full = quantise(Decimal(0)), Decimal("50.00000000"), Decimal("100.00000000")
    assert mrr.stretches(plan) == [
        Stretch(date(2024, 1, 1), date(2024, 1, 15), zero, "trialing", False),
        Stretch(date(2024, 1, 15), date(2024, 3, 1), half, "active", True),
        Stretch(date(2024, 3, 1), date(2024, 6, 1), full, "active", True),
    ]


def test_states_of_a_line_and_the_words_of_imports():
    plan = Plan(
        price=price(80),
        from_on=date(2024, 1, 1),
        states=[(date(2024, 5, 1), "active"), (date(2024, 3, 1), "paused"), (date(2024, 6, 1), "past_due")],
    )
    assert [(s.from_on, s.state, s.counted, s.mrr) for s in mrr.stretches(plan)] == [
        (date(2024, 1, 1), "active", True, Decimal(80)),
        (date(2024, 3, 1), "paused", False, Decimal(0)),
        (date(2024, 5, 1), "active", True, Decimal(80)),
        (date(2024, 6, 1), "past_due", True, Decimal(80)),
    ]
    free = Plan(price=price(80), from_on=date(2024, 1, 1), states=[(date(2024, 1, 1), "free")])
    assert [(s.state, s.counted, s.mrr) for s in mrr.stretches(free)] == [("active", True, Decimal(0))]
    endless = Plan(price=price(80), from_on=date(2024, 1, 1), states=[(date(2024, 1, 1), "trial")])
    assert [(s.state, s.counted) for s in mrr.stretches(endless)] == [("trialing", False)]


def test_g_5_a_reversed_range_is_never_active():
    assert mrr.stretches(Plan(price=price(1), from_on=date(2024, 2, 1), to_on=date(2024, 2, 1))) == []


def test_arr_is_twelve_times_mrr():
    assert mrr.arr(Decimal("833.97")) == Decimal("10007.64")


@given(
    st.decimals(0, 10**9, places=4),
    st.sampled_from(["day", "week", "month", "quarter", "year"]),
    st.integers(1, 24),
)
def test_a_line_is_within_half_a_unit_of_its_exact_value(amount, interval, count):
    exact = Fraction(amount) / mrr.months_of_interval(interval, count)
    assert abs(Fraction(line_mrr(Price(amount, interval, count))) - exact) <= Fraction(1, 2 * 10**8)
