"""Two scorings side by side: exact sums of money, moves, orders and books."""

from decimal import Decimal

import numpy as np

from metrics.formulas.health_numbers import MICRO
from metrics.scoring.effect import BookMoves, Side, effect_of

STEPS = [[0, -1, -1], [1, 0, -1], [1, 1, 0]]  # good, weak, none
MOVES = [[row != column for column in range(3)] for row in range(3)]


def row(pk, *, mrr="0", owner=0, score=None, coverage=0):
    whole, small = divmod(int(Decimal(mrr) * 10**8), 10**8)
    return pk, whole, small, owner, score, coverage, ""


def effect(rows, before, after, scores):
    side = Side(
        scores=np.array([score or 0 for score in scores], dtype=np.int64),
        has=np.array([score is not None for score in scores], dtype=np.bool_),
        coverage=np.full(len(rows), MICRO, dtype=np.int64),
        bands=np.array(after, dtype=np.int64),
    )
    return effect_of(rows, before, side, STEPS, MOVES)


def book():
    rows = [
        row(1, mrr="100.00000001", owner=7, score=80 * MICRO, coverage=MICRO),
        row(2, mrr="900000000000", owner=7, score=75 * MICRO, coverage=MICRO),
        row(3, mrr="5.5", owner=8, score=20 * MICRO, coverage=0),
        row(4, owner=0),
    ]
    return effect(rows, [0, 0, 1, 2], [0, 1, 0, 2], [80 * MICRO, 30 * MICRO, 90 * MICRO, None])


def test_hv_5_cells_hold_everybody_once_and_money_to_the_last_digit():
    found = book()
    cells = found.cells()
    assert {place: cell.customers for place, cell in cells.items()} == {
        (0, 0): 1,
        (0, 1): 1,
        (1, 0): 1,
        (2, 2): 1,
    }
    assert sum(cell.mrr for cell in cells.values()) == Decimal("900000000105.50000001")
    assert found.total().mrr == Decimal("900000000105.50000001")


def test_movers_come_by_money_times_change_and_members_by_money():
    found = book()
    assert [int(found.ids[place]) for place in found.movers(9)] == [2, 3]
    assert [int(found.ids[place]) for place in found.members(0, 0)] == [1]
    assert found.movers(1) == [1]


def test_books_count_better_and_worse():
    assert book().books() == [BookMoves(7, 2, 0, 1), BookMoves(8, 1, 1, 0), BookMoves(0, 1, 0, 0)]


def test_coverage_is_weighted_by_money_and_plain_when_nobody_pays():
    found = book()
    everybody = np.ones(4, dtype=np.bool_)
    assert round(found.coverage(found.before, everybody), 9) == 1
    assert found.coverage(found.before, np.array([False, False, True, True])) == 0
    assert found.coverage(found.after, np.array([False, False, False, True])) == 1
    assert found.coverage(found.after, np.zeros(4, dtype=np.bool_)) == 0


def test_a_histogram_leaves_out_customers_without_a_score_and_keeps_outliers_at_the_ends():
    found = effect([row(pk) for pk in range(4)], [2] * 4, [0] * 4, [-5 * MICRO, 0, 250 * MICRO, None])
    everybody = np.ones(4, dtype=np.bool_)
    assert found.after.histogram(0, 100 * MICRO, 4, everybody) == [2, 0, 0, 1]
    assert found.reach(everybody) == (-20, 260)


def test_nobody_at_all_is_no_error():
    found = effect([], [], [], [])
    assert (found.cells(), found.movers(5), found.books(), found.total().customers) == ({}, [], [], 0)
