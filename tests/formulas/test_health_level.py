"""The rules of numbers, weighted cards, actions and explanations that no golden number covers alone."""

from dataclasses import fields, is_dataclass
from fractions import Fraction

import pytest

from metrics.formulas.health import Reading, Subject, explain, level
from metrics.formulas.health_cards import (
    ACTION_BANDS,
    WEIGHTED_BANDS,
    Action,
    ActionsCard,
    Band,
    Bands,
    CardMeasure,
    Edge,
    Group,
    WeightedCard,
    card_problems,
)
from metrics.formulas.health_curves import Linear, decayed
from metrics.formulas.health_numbers import FULL, MICRO, WEIGHT_UNIT

IDENTITY = Linear(((0, 0), (FULL, FULL)))


def group(key, weight, *keys, rule="mean", **kw):
    return Group(key, key, weight, tuple(CardMeasure(one, 1, 1, IDENTITY, **kw) for one in keys), rule)


def read(*points):
    return [Reading() if one is None else Reading(one * MICRO, age=0) for one in points]


def lines(result):
    return [line.points for line in result.lines]


def numbers_in(value):
    """Every number of a result, however deep."""
    if is_dataclass(value):
        for one in fields(value):
            yield from numbers_in(getattr(value, one.name))
    elif isinstance(value, tuple):
        for one in value:
            yield from numbers_in(one)
    elif isinstance(value, (int, float, Fraction)):
        yield value


def test_hn_1_a_result_holds_integers_and_exact_shares_only():
    card = WeightedCard((group("g", 3, "a", "b"), group("h", 7, "c")))
    assert not [n for n in numbers_in(explain(card, read(33, 50, None))) if isinstance(n, float)]


def test_hn_4_points_above_and_below_the_scale_cannot_come_out():
    card = WeightedCard((group("g", 1, "a", "b"),))
    assert [level(card, read(*pair)).score for pair in [(-900, -5), (900, 101)]] == [0, FULL]
    actions = ActionsCard((Action("a", "A", -3 * WEIGHT_UNIT),))
    assert level(actions, read(500)).score == -1500 * MICRO


def test_hn_4_a_score_keeps_all_its_digits():
    card = WeightedCard((group("g", 1, "a", "b", "c"),))
    result = level(card, [Reading(69_960_001, 0), Reading(69_960_001, 0), Reading(69_960_000, 0)])
    assert (result.score, result.band) == (69_960_001, "moderate")


def test_hw_1_groups_weigh_by_their_weight_and_measures_inside_them():
    card = WeightedCard((group("g", 3, "a", "b"), group("h", 1, "c")))
    assert level(card, read(100, 50, 20)).score == (3 * 75 + 20) * MICRO // 4


@pytest.mark.parametrize("rule", ["min", "max"])
def test_hw_1_ties_go_to_the_first_measure(rule):
    card = WeightedCard((group("g", 1, "a", "b", "c", rule=rule),))
    assert lines(level(card, read(60, 60, 60))) == [60 * MICRO, 0, 0]


def test_hw_5_limits_of_freshness():
    ages = [0, 30, 31, 59, 60, None]
    found = [decayed(80 * MICRO, age, 30, 60, 20 * MICRO) for age in ages]
    assert found == [80 * MICRO, 80 * MICRO, 78 * MICRO, 22 * MICRO, "expired", 80 * MICRO]
    assert decayed(80 * MICRO, 9_999, None, None, 20 * MICRO) == 80 * MICRO


def test_hw_6_a_group_with_nothing_in_it_is_left_out():
    card = WeightedCard((group("g", 3, "a", "b"), group("h", 1, "c")), min_coverage=0)
    result = level(card, read(None, None, 20))
    assert (result.score, lines(result)) == (20 * MICRO, [0, 0, 20 * MICRO])
    assert result.groups[0].points is None


def test_hw_7_coverage_counts_old_readings_and_no_imputed_ones():
    decaying = {"fresh_for": 10, "expires_after": 50, "missing": "neutral"}
    card = WeightedCard((group("g", 1, "a", "b", **decaying), group("h", 1, "c")))
    row = [Reading(80 * MICRO, age=30), Reading(80 * MICRO, age=50), Reading(10 * MICRO, age=0)]
    result = explain(card, row)
    assert result.coverage == Fraction(3, 4)
    assert [part.imputed for part in result.parts] == [False, True, False]
    assert sum(part.base_share for part in result.parts if not part.imputed) == result.coverage


def test_hw_8_coverage_exactly_at_the_limit_is_enough():
    card = WeightedCard((group("g", 1, "a"), group("h", 1, "b")))
    assert level(card, read(60, None)).score == 60 * MICRO
    assert level(WeightedCard(card.groups, min_coverage=5_001), read(60, None)).reason == "coverage"


def test_hw_11_the_side_of_an_edge_decides_for_a_score_on_it():
    three = tuple(Band(key, key, "red") for key in "abc")
    bands = Bands(three, (Edge(10, "upper"), Edge(20, "lower")))
    assert [bands.of(score) for score in (-(10**9), 9, 10, 20, 21, 10**9)] == ["a", "a", "b", "b", "c", "c"]


@pytest.mark.parametrize(("count", "fits"), [(1, False), (2, True), (7, True), (8, False)])
def test_hw_11_a_card_has_two_to_seven_bands(count, fits):
    bands = Bands(
        tuple(Band(f"b{n}", "B", "red") for n in range(count)), tuple(Edge(n) for n in range(count - 1))
    )
    assert (card_problems(WeightedCard((group("g", 1, "a"),), bands=bands)) == ()) is fits


def test_hw_12_the_default_bands():
    assert [(band.key, band.tone) for band in WEIGHTED_BANDS.bands] == [
        ("weak", "red"),
        ("moderate", "amber"),
        ("healthy", "green"),
    ]
    assert [(edge.at // MICRO, edge.side) for edge in WEIGHTED_BANDS.edges] == [(40, "upper"), (70, "upper")]


def test_ha_1_impacts_may_be_negative_and_a_most_is_off_by_default():
    card = ActionsCard((Action("a", "A", 15_000), Action("b", "B", -20_000, max_count=2)))
    assert card.window_days == 30
    result = level(card, read(1_000, 9))
    assert lines(result) == [1_500 * MICRO, -4 * MICRO]
    assert result.score == 1_496 * MICRO


def test_ha_3_the_default_bands_of_actions():
    tones = [(band.key, band.tone) for band in ACTION_BANDS.bands]
    assert tones == [
        ("critical", "red"),
        ("weak", "red"),
        ("moderate", "amber"),
        ("healthy", "green"),
        ("thriving", "blue"),
    ]
    sides = [(edge.at // MICRO, edge.side) for edge in ACTION_BANDS.edges]
    assert sides == [(0, "upper"), (40, "lower"), (70, "lower"), (100, "lower")]


def test_he_1_the_binding_measure_takes_the_part_of_its_group():
    card = WeightedCard((group("g", 1, "a", "b", rule="min"), group("h", 1, "c")))
    assert lines(level(card, read(90, 31, 50))) == [0, 15_500_000, 25_000_000]


def test_he_2_points_lost_add_up_to_what_is_missing_to_a_hundred():
    card = WeightedCard((group("g", 3, "a", "b"), group("h", 1, "c")))
    result = explain(card, read(33, None, 80))
    lost = [FULL * part.effective_share - part.contribution for part in result.parts]
    assert sum(lost) == FULL - result.score
    assert all(-1 <= one <= FULL for one in lost)


def test_he_3_the_values_of_actions_add_up_to_the_score():
    action = Action("a", "A", 10_000, impacts=(("tier=gold", 25_000),))
    card = ActionsCard((action, Action("b", "B", -5_000)))
    result = explain(card, read(4, 3), Subject(segments=frozenset({"tier=gold"})))
    assert lines(result) == [10 * MICRO, -1_500_000]
    assert sum(lines(result)) == result.score
