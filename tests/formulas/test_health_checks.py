"""The linter of scorecards: each rule fires where it should and is silent on a sound card."""

from dataclasses import replace
from fractions import Fraction
from itertools import product
from random import Random

import pytest

from metrics.formulas.health import Reading, level
from metrics.formulas.health_cards import (
    ACTION_BANDS,
    WEIGHTED_BANDS,
    Action,
    ActionsCard,
    Band,
    Bands,
    Cap,
    CardMeasure,
    Edge,
    Group,
    SpecialCurve,
    WeightedCard,
    read_card,
)
from metrics.formulas.health_checks import card_warnings, lint, lint_rules
from metrics.formulas.health_curves import Linear, Percentile, Step, Target
from metrics.formulas.health_facts import BacktestFacts, CardFacts, MeasureFacts
from metrics.formulas.health_numbers import FULL, MICRO, WEIGHT_UNIT
from metrics.formulas.health_reach import Reach, reach
from metrics.formulas.health_rules import CardRule, CardRules
from metrics.formulas.health_starter import starter_body
from tests.formulas.health_histories import random_card, random_reading

IDENTITY = Linear(((0, 0), (FULL, FULL)))
FINE = MeasureFacts("Fine", "points", "up", "Commercial", red=Fraction(1, 5), alike=Fraction(1, 5))
SOUND = BacktestFacts(Fraction(7, 10), mature=True)


def measure(key, weight=1, **kw):
    return CardMeasure(key, 1, weight, kw.pop("curve", IDENTITY), **kw)


def card_of(*measures, **kw):
    return WeightedCard((Group("g", "Group", 1, measures),), **kw)


def facts(**kw):
    of = {"a": FINE, "b": FINE, **kw.pop("measures", {})}
    return CardFacts(measures=of, backtest=kw.pop("backtest", SOUND), **kw)


def codes(card, known=None):
    return [one.code for one in lint(card, known)]


TWO = card_of(measure("a"), measure("b"))


def with_a(**kw):
    return facts(measures={"a": replace(FINE, **kw)})


def test_l_a_sound_card_has_no_finding():
    assert lint(TWO, facts()) == ()
    assert lint(read_card(starter_body())) == ()


def bands(*edges, keys="abc"):
    return Bands(tuple(Band(key, key, "red") for key in keys), tuple(Edge(at * MICRO) for at in edges))


@pytest.mark.parametrize(
    ("bad", "fires"),
    [
        (bands(40, 70), False),
        (bands(70, 40), True),
        (bands(40, 40), True),
        (bands(keys="a"), True),
        (bands(40, 70, keys="aba"), True),
        (bands(40), True),
        (Bands((Band("insufficient", "", "red"), Band("b", "", "red")), (Edge(5),)), True),
    ],
)
def test_l_01_bands(bad, fires):
    assert ("L-01" in codes(replace(TWO, bands=bad))) is fires


@pytest.mark.parametrize(
    ("curve", "fires"),
    [
        (Linear(((0, 0), (FULL, FULL))), False),
        (Linear(((0, 0), (0, FULL))), True),
        (Linear(((0, 0),)), True),
        (Linear(((0, -1), (FULL, FULL))), True),
        (Step(((5, 0), (4, FULL))), True),
        (Step(((5, FULL + 1),)), True),
        (Step(((5, FULL),)), False),
        (Target(0, MICRO, MICRO, FULL), False),
        (Target(0, 0, MICRO, FULL), True),
        (Percentile(), False),
    ],
)
def test_l_02_curves(curve, fires):
    found = lint(card_of(measure("a"), measure("b", curves=(SpecialCurve(curve, phase="x"),))))
    assert any((one.code, one.key) == ("L-02", "b") for one in found) is fires


def flat(low, high):
    return Linear(((0, low * MICRO), (FULL, high * MICRO)))


def unreached(card, known=None):
    return [one.key for one in lint(card, known) if one.code == "L-03"]


def test_l_03_a_card_that_cannot_be_red_or_green():
    assert unreached(card_of(measure("a", curve=flat(45, 100)), measure("b"))) == []
    assert unreached(card_of(measure("a", curve=flat(45, 100)))) == ["weak"]
    assert unreached(card_of(measure("a", curve=flat(0, 69)))) == ["healthy"]


def test_l_03_a_measure_may_be_missing_as_far_as_coverage_allows():
    card = WeightedCard(
        (Group("g", "G", 10, (measure("a"),)), Group("h", "H", 90, (measure("b", curve=flat(60, 100)),)))
    )
    assert reach(card) == Reach(54 * MICRO, FULL)
    assert unreached(card) == ["weak"]
    assert reach(replace(card, min_coverage=1_000)) == Reach(0, FULL)


def test_l_03_policies_stand_in_for_missing_readings():
    narrow = {"curve": flat(45, 60)}
    assert reach(card_of(measure("a", **narrow), measure("b", missing="worst", **narrow))).low == 22_500_000
    neutral = card_of(measure("a", **narrow), measure("b", missing="neutral", neutral=FULL, **narrow))
    assert reach(neutral).high == 80 * MICRO
    block = card_of(measure("a", missing="block", **narrow), measure("b", missing="block", **narrow))
    assert reach(replace(block, min_coverage=10_000)) == Reach(45 * MICRO, 60 * MICRO)


def test_l_03_caps_lower_the_lowest_and_may_bar_the_highest():
    low = card_of(measure("a", curve=flat(45, 100)), caps=(Cap("a", 50 * MICRO, 30 * MICRO),))
    assert unreached(low) == []
    always = card_of(measure("a", curve=flat(0, 30), missing="block"), measure("b", 9), min_coverage=0)
    barred = replace(always, caps=(Cap("a", 31 * MICRO, 60 * MICRO),))
    assert (reach(always).high, reach(barred).high) == (93 * MICRO, 60 * MICRO)
    assert unreached(barred) == ["healthy"]
    loose = card_of(measure("a", curve=flat(0, 30)), measure("b"), caps=barred.caps)
    assert reach(loose).high == FULL


def test_l_03_decay_bounds_and_plausible_values_count():
    ageing = card_of(measure("a", curve=flat(60, 100), fresh_for=30, expires_after=90, neutral=0))
    assert reach(ageing).low == 0
    wide = card_of(measure("a", curve=Linear(((0, 0), (4 * FULL, FULL)))))
    assert unreached(wide, facts()) == ["moderate", "healthy"]
    bounded = Linear(((0, 0), (4 * FULL, FULL)), bounded=True)
    assert unreached(card_of(measure("a", curve=bounded)), facts()) == ["moderate", "healthy"]


def test_l_03_groups_that_take_the_weakest_or_the_best():
    pair = (measure("a", missing="block"), measure("b", curve=flat(50, 60), missing="block"))
    ranges = [reach(WeightedCard((Group("g", "G", 1, pair, rule),))) for rule in ("mean", "min", "max")]
    assert ranges == [Reach(25 * MICRO, 80 * MICRO), Reach(0, 60 * MICRO), Reach(50 * MICRO, FULL)]


def test_l_03_actions_without_a_most_have_no_end():
    good = ActionsCard((Action("a", "A", 5),))
    assert unreached(good) == ["critical"]
    assert unreached(ActionsCard((Action("a", "A", 5), Action("b", "B", -5)))) == []
    few = ActionsCard((Action("a", "A", 10 * WEIGHT_UNIT, max_count=5), Action("b", "B", -5)))
    assert unreached(few) == ["healthy", "thriving"]
    assert ACTION_BANDS.bands[0].key == "critical"


def test_l_03_a_card_without_any_score():
    card = card_of(measure("a", curve=Linear(((200 * MICRO, 0), (300 * MICRO, FULL)), bounded=True)))
    assert [one.text for one in lint(card, facts()) if one.code == "L-03"] == [
        "No score can come out of this card."
    ]


def test_l_03_no_score_lies_outside_the_reach():
    rng = Random(3)
    for _ in range(150):
        card = random_card(rng)
        found = reach(card)
        for _ in range(20):
            row = [random_reading(rng) for _ in card.measures]
            if isinstance(card, ActionsCard):  # counts are never below 0
                row = [replace(one, value=one.value and abs(one.value)) for one in row]
            score = level(card, row).score
            assert score is None or found.low <= score <= found.high


def test_l_03_the_reach_of_a_small_card_is_exact():
    rng = Random(4)
    for _ in range(60):
        card = random_card(rng)
        if not isinstance(card, WeightedCard) or len(card.measures) > 4:
            continue
        plain = tuple(
            replace(
                group,
                measures=tuple(
                    replace(
                        one,
                        curve=flat(*sorted(rng.sample(range(101), 2))),
                        curves=(),
                        fresh_for=None,
                        expires_after=None,
                    )
                    for one in group.measures
                ),
            )
            for group in card.groups
        )
        card = replace(card, groups=plain, caps=())
        row = [Reading(), Reading(0, 0), Reading(FULL, 0)]
        scores = [level(card, pick).score for pick in product(row, repeat=len(card.measures))]
        scores = [score for score in scores if score is not None]
        found = reach(card)
        assert (found and (found.low, found.high)) == ((scores and (min(scores), max(scores))) or None)


def test_l_03_many_measures_are_bounded_without_trying_every_combination():
    rng = Random(5)
    groups = tuple(
        Group(
            f"g{g}",
            "G",
            rng.randint(1, 10**6),
            tuple(measure(f"m{g}{m}", rng.randint(1, 10**6)) for m in range(size)),
        )
        for g, size in enumerate((12, 4, 4, 4))
    )
    assert reach(WeightedCard(groups)) == Reach(0, FULL)


@pytest.mark.parametrize(
    ("change", "fires"),
    [
        ({}, False),
        ({"retired": True}, True),
        ({"connected": False}, True),
        ({"silent_days": 14}, False),
        ({"silent_days": 15}, True),
    ],
)
def test_l_04_retired_and_silent(change, fires):
    assert ("L-04" in codes(TWO, with_a(**change))) is fires
    actions = ActionsCard((Action("a", "A", 5), Action("b", "B", -5)))
    assert ("L-04" in codes(actions, with_a(**change))) is fires


@pytest.mark.parametrize(
    ("unit", "edges", "fires"),
    [
        ("percent", (0, 1), True),
        ("percent", (-60, 15), False),
        ("share", (0, 100), True),
        ("share", (0, 1), False),
        ("level", (1, 5), False),
        ("level", (0, 10), True),
        ("number", (0, 10**6), False),
        ("points", (0, 101), True),
    ],
)
def test_l_05_units(unit, edges, fires):
    curve = Linear(tuple((at * MICRO, points) for at, points in zip(edges, (0, FULL), strict=True)))
    card = card_of(measure("a", curve=curve), measure("b"))
    assert ("L-05" in codes(card, with_a(unit=unit))) is fires


def test_l_05_limits_of_a_measure_of_ones_own():
    known = with_a(unit="number", low=0, high=10 * MICRO)
    assert "L-05" in codes(TWO, known)
    assert "L-05" not in codes(TWO, with_a(unit="number"))


@pytest.mark.parametrize(
    ("card", "fires"),
    [
        (card_of(measure("a", 0), measure("b", 0)), True),
        (WeightedCard((Group("g", "G", 0, (measure("a"),)),)), True),
        (WeightedCard((Group("g", "G", 1, (measure("a"),)), Group("h", "H", 1, (measure("b", 0),)))), True),
        (card_of(measure("a"), measure("b", 0)), False),
        (card_of(measure("a", fresh_for=30, expires_after=30), measure("b")), True),
        (card_of(measure("a", fresh_for=30), measure("b")), True),
        (card_of(measure("a", fresh_for=0, expires_after=1), measure("b")), False),
    ],
)
def test_l_06_weights_and_freshness(card, fires):
    assert ("L-06" in codes(card)) is fires


def test_l_07_card_rules():
    sound = CardRules((CardRule(("tier=gold", "region=EU"), "x"), CardRule(("tier=gold",), "y")), "core")
    assert lint_rules(sound) == ()
    assert [one.code for one in lint_rules(replace(sound, rules=sound.rules[::-1]))] == ["L-07"]
    assert [one.level for one in lint_rules(replace(sound, default=""))] == ["E"]


def test_l_08_direction():
    down = with_a(better="down")
    assert "L-08" in codes(TWO, down)
    assert "L-08" not in codes(TWO, with_a(better=""))
    assert "L-08" in codes(card_of(measure("a", curve=Percentile()), measure("b")), down)
    fine = [flat(100, 0), Target(0, MICRO, MICRO, FULL), Percentile(low_is_good=True)]
    assert not any("L-08" in codes(card_of(measure("a", curve=one), measure("b")), down) for one in fine)
    actions = ActionsCard((Action("a", "A", 5), Action("b", "B", 5)))
    assert [one.key for one in lint(actions, down) if one.code == "L-08"] == ["a"]


@pytest.mark.parametrize(("red", "fires"), [(0, True), (1, True), (Fraction(1, 100), False), (None, False)])
def test_l_09_never_red(red, fires):
    assert ("L-09" in codes(TWO, with_a(red=red))) is fires


@pytest.mark.parametrize(("alike", "fires"), [("0.95", True), ("0.94", False)])
def test_l_10_constant(alike, fires):
    assert ("L-10" in codes(TWO, with_a(alike=Fraction(alike)))) is fires


@pytest.mark.parametrize(
    ("pair", "rank", "fires"), [("ab", "0.91", True), ("ab", "0.9", False), ("ax", "1", False)]
)
def test_l_11_counted_twice(pair, rank, fires):
    found = lint(TWO, facts(correlations={tuple(pair): Fraction(rank)}))
    assert [one.code for one in found] == (["L-11"] if fires else [])


def test_l_12_one_decides():
    assert "L-12" not in codes(TWO)
    assert [one.key for one in lint(card_of(measure("a", 51), measure("b", 49))) if one.code == "L-12"] == [
        "a"
    ]
    actions = ActionsCard((Action("a", "A", 5), Action("b", "B", -5)))
    shares = [facts(action_points={"a": Fraction(share)}) for share in ("0.6", "0.61")]
    assert ["L-12" in codes(actions, one) for one in shares] == [False, True]


@pytest.mark.parametrize("name", ["insufficient", "insufficient_mrr"])
def test_l_13_insufficient(name):
    shares = [facts(**{name: Fraction(share)}) for share in ("0.1", "0.11")]
    assert [codes(TWO, one) for one in shares] == [[], ["L-13"]]


@pytest.mark.parametrize(("share", "fires"), [("0", True), ("0.21", True), ("0.2", False), ("0.01", False)])
def test_l_14_caps(share, fires):
    card = replace(TWO, caps=(Cap("a", 30 * MICRO, 30 * MICRO),))
    assert ("L-14" in codes(card, facts(caps={0: Fraction(share)}))) is fires


def test_l_15_peers():
    ranked = card_of(measure("a", curve=Percentile()), measure("b"))
    cases = [{"least_peers": 19}, {"least_peers": 20}, {"peers_of_other_card": True}]
    assert ["L-15" in codes(ranked, with_a(**case)) for case in cases] == [True, False, True]
    assert "L-15" not in codes(TWO, with_a(least_peers=1))


def test_l_16_missing():
    much = with_a(missing=Fraction(41, 100))
    assert "L-16" in codes(TWO, much)
    assert "L-16" not in codes(TWO, with_a(missing=Fraction(40, 100)))
    assert "L-16" not in codes(card_of(measure("a", missing="neutral"), measure("b")), much)


def test_l_17_by_hand():
    card = card_of(measure("pulse", 31, curve=Linear(((MICRO, 0), (5 * MICRO, FULL)))), measure("b", 69))
    assert "L-17" in codes(card)
    assert "L-17" not in codes(card_of(measure("pulse", 30), measure("b", 70)))
    both = facts(measures={key: replace(FINE, by_hand=True) for key in "ac"})
    assert "L-17" in codes(card_of(measure("a", 2), measure("b", 6), measure("c", 2)), both)


def test_l_18_size():
    eight = tuple(measure(f"m{n}") for n in range(8))
    assert "L-18" not in codes(card_of(*eight))
    assert "L-18" in codes(card_of(*eight, measure("m8")))
    groups = tuple(Group(f"g{g}", "G", 1, tuple(measure(f"m{g}{n}") for n in range(7))) for g in range(3))
    assert "L-18" in codes(WeightedCard(groups))


def test_l_19_phases_and_renewals():
    own = card_of(measure("a", curves=(SpecialCurve(IDENTITY, phase="onboarding"),)), measure("b"))
    assert "L-19" in codes(own, facts(phases=("onboarding", "renewal")))
    assert "L-19" not in codes(own, facts(phases=("onboarding",)))
    assert "L-19" not in codes(TWO, facts(phases=("onboarding",), renewals_soon=3))
    usage = replace(FINE, family="Usage")
    known = facts(measures={"a": usage, "b": usage}, renewals_soon=3)
    assert "L-19" in codes(TWO, known)


@pytest.mark.parametrize(("share", "fires"), [("0.95", True), ("0.94", False)])
def test_l_20_one_band(share, fires):
    assert ("L-20" in codes(TWO, facts(bands={"healthy": Fraction(share)}))) is fires


@pytest.mark.parametrize(
    ("backtest", "fires"),
    [
        (None, True),
        (BacktestFacts(None, mature=False), True),
        (BacktestFacts(Fraction(59, 100), mature=True), True),
        (BacktestFacts(Fraction(60, 100), mature=True), False),
    ],
)
def test_l_21_backtest(backtest, fires):
    assert ("L-21" in codes(TWO, facts(backtest=backtest))) is fires
    assert "L-21" not in codes(TWO)


@pytest.mark.parametrize(("share", "fires"), [("0.26", True), ("0.25", False)])
def test_l_22_drift(share, fires):
    assert ("L-22" in codes(TWO, with_a(drift=Fraction(share)))) is fires


def test_hw_2_a_measure_stands_once_and_no_weight_lies_below_zero():
    assert "HW-2" in codes(card_of(measure("a"), measure("a")))
    assert "HW-2" in codes(card_of(measure("a", 3), measure("b", -1)))


def test_hw_3_a_cap_names_something_on_the_card():
    assert "HW-3" in codes(replace(TWO, caps=(Cap("x", MICRO, MICRO),)))
    assert "HW-3" not in codes(replace(TWO, caps=(Cap("g", MICRO, MICRO),)))
    assert "HA-1" in codes(ActionsCard(()))


def test_l_12_warnings_as_sentences_and_errors_before_warnings():
    card = card_of(measure("active_seat_share", 9, curve=flat(60, 100)), measure("b"))
    assert card_warnings(card) == ("Active seats has more than half of the weight: it decides alone.",)
    assert [one.level for one in lint(card)] == sorted(one.level for one in lint(card))
    assert WEIGHTED_BANDS.bands[0].key == "weak"
