"""Section 5: kinds, churn kinds, and the identity over random ledgers (M-1, M-8, M-9, I-3)."""

from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.formulas import movements as m
from metrics.formulas.mrr import Stretch


def stretch(start, end, amount, state="active", *, counted=True):
    return Stretch(start, end, Decimal(amount), state, counted)


@pytest.mark.parametrize(
    ("before", "after", "paid", "kind"),
    [
        (20, 5, True, "contraction"),
        (5, 0, True, "churn"),
        (0, 5, False, "new"),
        (0, 5, True, "reactivation"),
        (5, 20, True, "expansion"),
        (5, 5, True, None),
        (0, 0, False, None),
    ],
)
def test_movement_kinds(before, after, paid, kind):
    assert m.movement_kind(Decimal(before), Decimal(after), paid_before=paid) == kind


def test_m_2_churn_kinds_in_their_order():
    assert m.churn_kind(["unpaid", "paused"], has_free_line=True) == "involuntary"
    assert m.churn_kind([], has_free_line=True, ended_for_non_payment=True) == "involuntary"
    assert m.churn_kind(["paused"], has_free_line=True) == "paused"
    assert m.churn_kind(["active"], has_free_line=True) == "downgraded_to_free"
    assert m.churn_kind([], has_free_line=False) == "left"


def test_a_customer_of_the_dbt_playbook():
    first = [
        stretch(date(2018, 11, 1), date(2019, 2, 1), 50),
        stretch(date(2019, 4, 1), date(2019, 6, 1), 50),
        stretch(date(2019, 6, 1), date(2019, 8, 1), 75),
    ]
    assert [(x.day, x.kind, x.amount, x.mrr_after) for x in m.movements(first)] == [
        (date(2018, 11, 1), "new", 50, 50),
        (date(2019, 2, 1), "churn", -50, 0),
        (date(2019, 4, 1), "reactivation", 50, 50),
        (date(2019, 6, 1), "expansion", 25, 75),
        (date(2019, 8, 1), "churn", -75, 0),
    ]


def test_h_18_a_renewal_starting_the_day_the_last_term_ends_is_no_movement():
    renewed = [
        stretch(date(2022, 1, 1), date(2022, 2, 1), 50),
        stretch(date(2022, 2, 1), date(2022, 3, 1), 50),
    ]
    assert [(x.day, x.kind) for x in m.movements(renewed)] == [
        (date(2022, 1, 1), "new"),
        (date(2022, 3, 1), "churn"),
    ]


def test_pause_and_return():
    line = [
        stretch(date(2024, 1, 1), date(2024, 3, 1), 80),
        stretch(date(2024, 3, 1), date(2024, 5, 1), 0, "paused", counted=False),
        stretch(date(2024, 5, 1), None, 80),
    ]
    assert [(x.kind, x.churn_kind, x.amount) for x in m.movements(line)] == [
        ("new", "", 80),
        ("churn", "paused", -80),
        ("reactivation", "", 80),
    ]


def test_downgrade_to_free_keeps_the_customer_as_free():
    line = [stretch(date(2024, 1, 1), date(2024, 3, 1), 80), stretch(date(2024, 3, 1), None, 0)]
    assert m.movements(line)[-1].churn_kind == "downgraded_to_free"


def test_x_4_a_change_of_rate_alone_is_fx_only():
    assert m.fx_residual(Decimal(400), Decimal("416.67"), []) == Decimal("16.67")
    factors = {date(2024, 1, 1): Decimal("0.8")}
    assert [x.amount for x in m.movements([stretch(date(2024, 1, 1), None, 500)], factors=factors)] == [
        Decimal(400)
    ]


def test_counts_and_net_new():
    assert m.closing_logos(10, new=3, reactivated=1, churned=2) == 12
    net = m.net_new_mrr(
        new=Decimal(8),
        reactivation=Decimal(1),
        expansion=Decimal(4),
        contraction=Decimal(-2),
        churn=Decimal(-3),
    )
    assert net == Decimal(8)
    assert m.closing_mrr(Decimal(50), [net], Decimal("-0.5")) == Decimal("57.5")


START = date(2022, 1, 1)
amounts = st.decimals(0, 10000, places=8)
ranges = st.tuples(st.integers(0, 400), st.integers(1, 200), amounts)
ledgers = st.lists(ranges, min_size=1, max_size=8).map(
    lambda rows: [
        stretch(START + timedelta(days=a), START + timedelta(days=a + length), amount)
        for a, length, amount in rows
    ]
)


@given(ledgers)
def test_m_1_and_m_8_movements_rebuild_every_day(ledger):
    found = m.movements(ledger)
    for offset in range(0, 620, 31):
        day = START + timedelta(days=offset)
        assert sum((x.amount for x in found if x.day <= day), Decimal(0)) == m.mrr_on(ledger, day)


@given(ledgers)
def test_i_3_first_is_new_and_only_a_return_follows_a_churn(ledger):
    kinds = [x.kind for x in m.movements(ledger)]
    assert kinds[:1] in ([], ["new"])
    assert kinds.count("new") <= 1
    for before, after in pairwise(kinds):
        assert (before == "churn") == (after == "reactivation")


@given(ledgers, st.randoms())
def test_m_9_order_and_splitting_change_nothing(ledger, random):
    mixed = list(ledger)
    random.shuffle(mixed)
    halves = [
        piece
        for line in mixed
        for piece in (
            stretch(line.from_on, line.to_on, line.mrr - Decimal("0.00000001") if line.mrr else Decimal(0)),
            stretch(line.from_on, line.to_on, Decimal("0.00000001") if line.mrr else Decimal(0)),
        )
    ]
    assert m.movements(mixed) == m.movements(ledger) == m.movements(halves)
