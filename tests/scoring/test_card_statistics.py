"""What the linter hears of a card that has scored everybody: shares that plain counting gives too."""

from fractions import Fraction

import pytest

from metrics.formulas.health_cards import parse_card
from metrics.scoring import card_statistics as statistics
from metrics.scoring.arrays import ReadingsMatrix, ReadingsRow
from metrics.scoring.engine import score_matrix

MICRO = 1_000_000
LINE = {"type": "linear", "points": [[0, 0], [100 * MICRO, 100 * MICRO]]}
WEIGHTED = {
    "kind": "weighted",
    "groups": [
        {
            "key": "use",
            "title": "Use",
            "weight": 10_000,
            "measures": [{"measure": key, "weight": 10_000, "curve": LINE} for key in ("a", "b", "c")],
        }
    ],
    "caps": [
        {"of": "a", "below": 10 * MICRO, "at_most": 50 * MICRO},
        {"of": "use", "below": 200 * MICRO, "at_most": 90 * MICRO},
        {"of": "gone", "below": 1, "at_most": 1},
    ],
    "min_coverage": 0,
}


def scored(values, card=WEIGHTED):
    """Rows of values, None for a missing reading."""
    rows = [
        ReadingsRow(
            number,
            [None if value is None else value * MICRO for value in row],
            [None] * len(row),
            ["no_facts" if value is None else "" for value in row],
            phase="adoption" if number % 2 else "",
            labels=["tier=gold"] if number < 5 else [],
        )
        for number, row in enumerate(values)
    ]
    matrix = ReadingsMatrix.from_rows(rows, len(values[0]))
    parsed = parse_card(card)
    return matrix, score_matrix(
        parsed, matrix, as_of_day=0, slots=list(range(len(parsed.measures))), parts=True
    )


@pytest.fixture(scope="module")
def hundred():
    """a: 0 to 99; b: twice the same order, missing for a quarter; c: everybody 50."""
    return scored([(n, None if n % 4 == 0 else n // 2, 50) for n in range(100)])


def test_shares_per_measure(hundred):
    _, found = hundred
    assert statistics.missing_shares(found) == [0, Fraction(1, 4), 0]
    assert statistics.red_shares(found) == [Fraction(2, 5), Fraction(4, 5), 0]
    assert statistics.alike_shares(found) == [Fraction(2, 100), Fraction(3, 75), 1]


def test_l_11_ranks_are_compared_where_both_are_known(hundred):
    _, found = hundred
    correlations = statistics.correlations(found)
    assert list(correlations) == [("a", "b")]  # c ranks nobody
    assert correlations["a", "b"] > Fraction(99, 100)
    mirrored = scored([(n, 99 - n, n * 37 % 100) for n in range(100)])[1]
    assert statistics.correlations(mirrored)["a", "b"] == -1
    assert abs(statistics.correlations(mirrored)["a", "c"]) < Fraction(3, 10)


def test_l_14_caps_on_measures_and_groups(hundred):
    _, found = hundred
    assert statistics.cap_shares(found) == {0: Fraction(1, 10), 1: 1}


def test_bands_add_up_to_everybody(hundred):
    _, found = hundred
    shares = statistics.band_shares(found)
    assert sum(shares.values()) == 1
    assert set(shares) == {"weak", "moderate", "healthy", "insufficient"}


def test_few_customers_say_nothing():
    _, found = scored([(n, n, n) for n in range(statistics.FEWEST - 1)])
    assert statistics.red_shares(found) == statistics.alike_shares(found) == [None] * 3
    assert statistics.correlations(found) == statistics.cap_shares(found) == {}


def test_l_12_points_per_action():
    card = {
        "kind": "actions",
        "actions": [
            {"measure": "a", "title": "A", "impact": 30_000},
            {"measure": "b", "title": "B", "impact": -10_000},
        ],
    }
    _, found = scored([(2, 2)] * 5, card)
    assert statistics.action_shares(found) == {"a": Fraction(3, 4), "b": Fraction(1, 4)}
    assert statistics.red_shares(found) == [None, None]
    assert statistics.action_shares(scored([(0, 0)], card)[1]) == {}


def test_whom_a_card_scores(hundred):
    matrix, _ = hundred
    chosen = ["tier=gold" in labels for labels in matrix.label_sets]
    assert statistics.chosen_or_all(matrix, chosen).sum() == 5
    assert statistics.chosen_or_all(matrix, [False] * len(chosen)).sum() == 100
    assert statistics.phases_in(matrix) == ("adoption",)
