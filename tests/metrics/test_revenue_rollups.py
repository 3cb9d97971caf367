"""From line versions to movements, months and cohorts, through SQL."""

from datetime import date
from decimal import Decimal

import pytest

from metrics.models import CohortMonth, CompanyMonth, CustomerMonth, CustomerStart, LineSegment, Movement
from metrics.rollups import checksum
from metrics.services.recompute import recompute_all
from tests.factories.ledgers import make_payer, make_random_ledger, make_rate, make_version

AS_OF = date(2024, 12, 31)


@pytest.fixture
def larch(db):
    return make_payer("Larch")


@pytest.fixture
def fill(now):
    def run(as_of=AS_OF):
        return recompute_all(as_of=as_of, now=now)

    return run


def ledger(customer):
    rows = Movement.objects.filter(customer=customer).order_by("day")
    return [(row.day, row.kind, row.churn_kind or row.reason, row.amount) for row in rows]


def test_a_renewal_starting_the_day_the_last_term_ends_is_neither_churn_nor_return(larch, fill):
    make_version(larch, date(2024, 1, 10), date(2024, 2, 10))
    make_version(larch, date(2024, 2, 10), date(2024, 3, 10))
    fill()
    assert ledger(larch) == [
        (date(2024, 1, 10), "new", "sale", 100),
        (date(2024, 3, 10), "churn", "left", -100),
    ]


def test_a_renewal_under_another_line_is_no_movement_either(larch, fill):
    make_version(larch, date(2024, 1, 10), date(2024, 2, 10), product="monthly")
    make_version(larch, date(2024, 2, 10), product="yearly")
    fill()
    assert ledger(larch) == [(date(2024, 1, 10), "new", "sale", 100)]


def test_upgrade_seats_and_downgrade_carry_their_reason(larch, fill):
    make_version(larch, date(2024, 1, 1), date(2024, 2, 1), "100", plan="basic", quantity=Decimal(5))
    make_version(larch, date(2024, 2, 1), date(2024, 3, 1), "150", plan="basic", quantity=Decimal(8))
    make_version(larch, date(2024, 3, 1), date(2024, 4, 1), "300", plan="pro", quantity=Decimal(8))
    make_version(larch, date(2024, 4, 1), date(2024, 5, 1), "120", plan="basic", quantity=Decimal(8))
    make_version(larch, date(2024, 5, 1), None, "130", plan="basic", quantity=Decimal(8))
    make_version(larch, date(2024, 6, 1), date(2024, 7, 1), "20", product="add-on")
    fill()
    assert [row[1:] for row in ledger(larch)] == [
        ("new", "sale", 100),
        ("expansion", "seats", 50),
        ("expansion", "upgrade", 150),
        ("contraction", "downgrade", -180),
        ("expansion", "price_increase", 10),
        ("expansion", "cross_sell", 20),
        ("contraction", "line_ended", -20),
    ]


def test_trial_and_discount_end_inside_a_version(larch, fill):
    make_version(
        larch,
        date(2024, 1, 1),
        trial_end=date(2024, 1, 15),
        discount_percent=Decimal(50),
        discount_until=date(2024, 3, 1),
    )
    fill()
    assert ledger(larch) == [
        (date(2024, 1, 15), "new", "trial_converted", 50),
        (date(2024, 3, 1), "expansion", "discount_ended", 50),
    ]
    states = LineSegment.objects.order_by("from_on").values_list("state", "counted", "mrr")
    assert list(states) == [("trialing", False, 0), ("active", True, 50), ("active", True, 100)]


@pytest.mark.parametrize(
    ("status", "churn_kind", "back"),
    [
        ("paused", "paused", "resumed"),
        ("unpaid", "involuntary", "recovered"),
        ("free", "downgraded_to_free", "won_back"),
    ],
)
def test_m_2_churn_kinds_and_the_way_back(larch, fill, status, churn_kind, back):
    make_version(larch, date(2024, 1, 1), date(2024, 3, 1))
    make_version(larch, date(2024, 3, 1), date(2024, 5, 1), status=status)
    make_version(larch, date(2024, 5, 1))
    fill()
    assert [row[1:3] for row in ledger(larch)] == [
        ("new", "sale"),
        ("churn", churn_kind),
        ("reactivation", back),
    ]


def test_a_stated_reason_is_kept_and_non_payment_is_involuntary(larch, fill):
    make_version(larch, date(2024, 1, 1), date(2024, 3, 1), reason="too expensive")
    make_version(larch, date(2024, 4, 1), date(2024, 5, 1), reason="payment_failed")
    fill()
    churns = Movement.objects.filter(kind="churn").order_by("day")
    assert list(churns.values_list("churn_kind", "stated_reason")) == [
        ("left", "too expensive"),
        ("involuntary", "payment_failed"),
    ]


def test_past_due_keeps_its_mrr(larch, fill):
    make_version(larch, date(2024, 1, 1), date(2024, 3, 1))
    make_version(larch, date(2024, 3, 1), status="past_due")
    fill()
    assert len(ledger(larch)) == 1


def test_nothing_after_the_last_day_is_booked_but_the_line_is_known(larch, fill):
    make_version(larch, date(2024, 1, 1), date(2025, 2, 1))
    fill()
    assert [row[1] for row in ledger(larch)] == ["new"]
    assert LineSegment.objects.get().to_on == date(2025, 2, 1)
    assert CustomerMonth.objects.order_by("-month").first().month == date(2024, 12, 1)


def test_x_4_a_falling_dollar_is_fx_and_no_movement(larch, fill):
    make_rate("USD", date(2024, 1, 1), "1.25")
    make_rate("USD", date(2024, 2, 10), "1.20")
    make_version(larch, date(2024, 1, 5), None, "500", currency="USD")
    fill(as_of=date(2024, 2, 29))
    assert [(row[1], row[3]) for row in ledger(larch)] == [("new", Decimal(400))]
    february = CustomerMonth.objects.get(month=date(2024, 2, 1))
    assert (february.opening, round(february.closing, 2), round(february.fx, 2)) == (
        400,
        Decimal("416.67"),
        Decimal("16.67"),
    )
    assert february.opening_at_close == february.closing


def test_x_3_a_line_without_any_rate_is_left_out(larch, fill):
    make_version(larch, date(2024, 1, 5), None, "500", currency="CHF")
    make_version(larch, date(2024, 1, 5), None, "50", product="other")
    fill()
    assert [(row[1], row[3]) for row in ledger(larch)] == [("new", Decimal(50))]


def test_c_2_churn_and_return_in_one_month_count_as_their_difference(larch, fill):
    make_version(larch, date(2024, 1, 1), date(2024, 2, 10), "100")
    make_version(larch, date(2024, 2, 20), None, "80")
    fill()
    february = CustomerMonth.objects.get(month=date(2024, 2, 1))
    assert (february.churn, february.reactivation) == (-100, 80)
    assert (february.base_churn, february.base_contraction, february.base_expansion) == (0, 20, 0)
    company = CompanyMonth.objects.get(month=date(2024, 2, 1))
    assert (company.lost_logos, company.churn_n, company.reactivation_n) == (0, 1, 1)


def test_a_customer_that_joins_and_leaves_in_a_month_is_outside_the_rates(larch, fill):
    make_version(make_payer("Oak"), date(2024, 1, 1))
    make_version(larch, date(2024, 2, 5), date(2024, 2, 20))
    fill()
    february = CompanyMonth.objects.get(month=date(2024, 2, 1))
    assert (february.new, february.churn, february.open_logos, february.lost_logos) == (100, -100, 1, 0)
    assert (february.base_churn, february.ever_paid) == (0, 2)


def test_cohorts_keep_their_size_and_take_back_who_returns(larch, fill):
    oak = make_payer("Oak")
    make_version(oak, date(2024, 1, 3), None, "40")
    make_version(larch, date(2024, 1, 1), date(2024, 2, 10), "100")
    make_version(larch, date(2024, 3, 5), None, "150")
    fill(as_of=date(2024, 4, 10))
    cells = CohortMonth.objects.order_by("k").values_list("k", "size", "paying", "initial", "kept", "mrr")
    assert list(cells) == [
        (0, 2, 2, 140, 140, 140),
        (1, 2, 1, 140, 40, 40),
        (2, 2, 2, 140, 140, 190),
    ]
    assert CustomerStart.objects.count() == 2


def test_twelve_months_ago_is_counted_even_for_customers_gone_long_since(larch, fill):
    make_version(larch, date(2024, 1, 1), date(2024, 3, 1))
    make_version(make_payer("Oak"), date(2024, 1, 1), None, "50")
    fill(as_of=date(2025, 1, 31))
    january = CompanyMonth.objects.get(month=date(2025, 1, 1))
    assert (january.then_12m, january.now_12m, january.kept_12m) == (150, 50, 50)
    assert (january.logos_12m, january.kept_logos_12m) == (2, 1)


def test_a_running_month_is_compared_with_the_same_day_of_last_year(larch, fill):
    make_version(larch, date(2024, 1, 20), None)
    fill(as_of=date(2025, 1, 19))
    assert CompanyMonth.objects.get(month=date(2025, 1, 1)).then_12m == 0
    fill(as_of=date(2025, 1, 20))
    assert CompanyMonth.objects.get(month=date(2025, 1, 1)).then_12m == 100


@pytest.mark.parametrize("seed", range(4))
def test_g_10_filling_twice_gives_the_same_rows(db, fill, seed):
    make_random_ledger(seed)
    fill(as_of=date(2025, 6, 15))
    before = checksum.of_tables()
    fill(as_of=date(2025, 6, 15))
    assert checksum.of_tables() == before


def test_facts_that_are_void_or_superseded_do_not_count(larch, fill):
    wrong = make_version(larch, date(2024, 1, 1), None, "100")
    right = make_version(larch, date(2024, 1, 1), None, "70", product="other")
    type(wrong).objects.filter(pk=wrong.pk).update(superseded_by=right)
    fill()
    assert [(row[1], row[3]) for row in ledger(larch)] == [("new", Decimal(70))]
