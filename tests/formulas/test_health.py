"""Golden numbers of the health arithmetic; a test names the rule or golden number it proves."""

from fractions import Fraction

import pytest

from metrics.formulas.health import Reading, Subject, explain, level, roll_up
from metrics.formulas.health_cards import (
    ACTION_BANDS,
    WEIGHTED_BANDS,
    Action,
    ActionsCard,
    Cap,
    CardMeasure,
    Group,
    SpecialCurve,
    WeightedCard,
)
from metrics.formulas.health_curves import Linear, Percentile, Step, Target, decayed, peer_counts, points_on
from metrics.formulas.health_numbers import MICRO, WEIGHT_UNIT, plain, shown, trend

IDENTITY = Linear(((0, 0), (100 * MICRO, 100 * MICRO)))


def micro(text) -> int:
    whole, _, rest = str(text).partition(".")
    sign = -1 if whole.startswith("-") else 1
    return int(whole) * MICRO + sign * int((rest + "000000")[:6])


def measure(key, weight=1, **kw):
    return CardMeasure(key=key, version=1, weight=weight * WEIGHT_UNIT, curve=kw.pop("curve", IDENTITY), **kw)


def group(key, weight, *measures, rule="mean"):
    return Group(key=key, title=key, weight=weight * WEIGHT_UNIT, measures=measures, rule=rule)


def single(weights: dict, **kw):
    return WeightedCard(groups=tuple(group(key, w, measure(key, **kw)) for key, w in weights.items()))


def read(*points):
    return [Reading() if p is None else Reading(micro(p), age=0) for p in points]


def lines(result) -> dict:
    return {line.key: plain(line.points) for line in result.lines}


def numbers(result) -> list:
    return [line.points for line in result.lines]


STARTER = {"usage": 35, "outcomes": 20, "sentiment": 20, "support": 10, "commercial": 15}


def test_g_1_one_group_of_three():
    card = WeightedCard(groups=(group("g", 1, measure("a"), measure("b"), measure("c")),))
    result = level(card, read(100, 100, 0))
    assert result.score == 66_666_667
    assert numbers(result) == [33_333_334, 33_333_333, 0]


def test_g_1_three_groups_give_the_same():
    result = level(single({"a": 1, "b": 1, "c": 1}), read(100, 100, 0))
    assert (result.score, numbers(result)) == (66_666_667, [33_333_334, 33_333_333, 0])


def test_g_2_four_equal_measures():
    assert level(single(dict.fromkeys("abcd", 1)), read(100, 50, 50, 50)).score == micro("62.5")


def test_g_3_weighted_mean_and_lines():
    result = level(single({"a": 50, "b": 30, "c": 20}), read(100, 75, 60))
    assert result.score == micro("84.5")
    assert numbers(result) == [micro(50), micro("22.5"), micro(12)]


def test_g_4_component_of_two_measures():
    card = WeightedCard(
        groups=(
            group("support", 2, measure("s")),
            group("engagement", 3, measure("e1"), measure("e2")),
            group("features", 3, measure("f")),
            group("csm", 2, measure("c")),
        )
    )
    result = level(card, read(80, 76, 65, 90, 54))
    assert result.score == micro("74.95")
    assert result.groups[1].points == micro("70.5")
    assert [plain(n, 2) for n in numbers(result)] == ["16.00", "11.40", "9.75", "27.00", "10.80"]


def test_g_5_one_action():
    card = ActionsCard(actions=(Action("a", "A", 4 * WEIGHT_UNIT),))
    result = level(card, [Reading(17 * MICRO)])
    assert (result.score, result.band) == (micro(68), "moderate")


def test_g_6_actions_may_take_points():
    many = ActionsCard(
        actions=tuple(Action(k, k, impact * WEIGHT_UNIT) for k, impact in [("a", 1), ("b", 3), ("c", -5)])
    )
    result = level(many, [Reading(20 * MICRO), Reading(10 * MICRO), Reading(4 * MICRO)])
    assert (result.score, result.band) == (micro(30), "weak")
    assert numbers(result) == [micro(20), micro(30), micro(-20)]


def test_ha_2_first_segment_of_the_customer_gives_the_impact():
    action = Action(
        "a", "A", 1 * WEIGHT_UNIT, impacts=(("big", 5 * WEIGHT_UNIT), ("old", 2 * WEIGHT_UNIT)), max_count=3
    )
    card = ActionsCard(actions=(action,))
    subject = Subject(segments=frozenset({"old", "big"}))
    assert level(card, [Reading(10 * MICRO)], subject).score == micro(15)
    assert level(card, [Reading(2 * MICRO)]).score == micro(2)


def test_ha_4_no_fact_ever_is_no_data_and_none_in_the_window_is_zero():
    card = ActionsCard(actions=(Action("a", "A", WEIGHT_UNIT), Action("b", "B", WEIGHT_UNIT)))
    nothing = level(card, [Reading(), Reading()])
    assert (nothing.score, nothing.band, nothing.reason, nothing.coverage) == (
        None,
        "insufficient",
        "no_data",
        0,
    )
    zero = level(card, [Reading(0), Reading()])
    assert (zero.score, zero.band, zero.coverage) == (0, "weak", 1)


def test_g_7_starter():
    result = level(single(STARTER), read(80, 60, 75, 90, 100))
    assert result.score == micro(79)
    assert numbers(result) == [micro(n) for n in (28, 12, 15, 9, 15)]
    assert (result.coverage, result.band) == (1, "healthy")


@pytest.mark.parametrize(
    ("policy", "score", "reason"),
    [("redistribute", 80, ""), ("neutral", 74, ""), ("worst", 64, ""), ("block", None, "blocked")],
)
def test_g_8_missing_policies(policy, score, reason):
    result = level(single(STARTER, missing=policy), read(80, 60, None, 90, 100))
    assert result.score == (None if score is None else micro(score))
    assert (result.reason, result.coverage) == (reason, Fraction(8, 10))
    assert sum(numbers(result)) == result.arithmetic


def test_g_9_two_groups_missing():
    result = level(single(STARTER), read(None, 60, 75, None, 100))
    assert (result.score, result.coverage) == (76_363_636, Fraction(55, 100))
    assert [n for n in numbers(result) if n] == [21_818_182, 27_272_727, 27_272_727]


def test_g_10_below_half_of_the_weight_there_is_no_score_but_the_arithmetic_stays():
    result = level(single(STARTER), read(None, None, 75, 90, 100))
    assert (result.score, result.band, result.reason) == (None, "insufficient", "coverage")
    assert result.coverage == Fraction(45, 100)
    assert result.arithmetic == sum(numbers(result)) == micro("86.666667")


def test_hw_8_nothing_present_is_no_data():
    result = level(single(STARTER), read(None, None, None, None, None))
    assert (result.score, result.arithmetic, result.band, result.reason) == (
        None,
        None,
        "insufficient",
        "no_data",
    )
    assert result.lines == ()


@pytest.mark.parametrize(
    ("age", "points"),
    [(0, 90), (30, 90), (31, "89.333333"), (45, 80), (60, 70), (89, "50.666667"), (90, "expired")],
)
def test_g_11_decay(age, points):
    expected = points if points == "expired" else micro(points)
    assert decayed(90 * MICRO, age, 30, 90, 50 * MICRO) == expected


def test_g_11_an_expired_reading_is_missing_with_its_reason():
    card = WeightedCard(groups=(group("g", 1, measure("a", fresh_for=30, expires_after=90), measure("b")),))
    result = explain(card, [Reading(90 * MICRO, age=90), Reading(40 * MICRO, age=0)])
    assert result.score == micro(40)
    assert (result.parts[0].reason, result.parts[0].points) == ("expired", None)
    assert result.parts[0].raw_points == micro(90)


def test_g_12_linear_clamped_and_bounded():
    knots = ((micro(10), 0), (micro(50), micro(100)))
    assert points_on(Linear(knots), micro(25)) == micro("37.5")
    assert points_on(Linear(knots), micro(60)) == micro(100)
    assert points_on(Linear(knots, bounded=True), micro(60)) == "out_of_range"


def test_g_13_target():
    curve = Target(micro(20), micro(40), micro(80), micro(120))
    values = (20, 30, 40, 80, 90, 120, 130)
    assert [points_on(curve, micro(v)) // MICRO for v in values] == [0, 50, 100, 100, 75, 0, 0]


def test_g_14_percentile():
    peers = [micro(n) for n in (1, 2, 2, 3, 5, 8, 13, 21)]
    assert points_on(Percentile(), micro(3), peer_counts(micro(3), peers)) == micro("43.75")
    assert points_on(Percentile(low_is_good=True), micro(3), peer_counts(micro(3), peers)) == micro("56.25")
    assert points_on(Percentile(), micro(3), peer_counts(micro(3), peers[:7])) == "thin_peers"
    assert points_on(Percentile(), micro(3)) == "thin_peers"


def test_step_takes_the_points_of_the_stretch():
    curve = Step(((micro(1), micro(100)), (micro(2), micro(60)), (micro(4), 0)))
    assert [points_on(curve, micro(v)) // MICRO for v in (0, 1, 2, 3, 4, 9)] == [100, 100, 60, 60, 0, 0]


def group_card(rule, caps=()):
    return WeightedCard(
        groups=(group("u", 60, measure("a", 2), measure("b", 1), rule=rule), group("s", 40, measure("c"))),
        caps=caps,
    )


@pytest.mark.parametrize(
    ("rule", "score", "parts"),
    [("mean", 70, (36, 6, 28)), ("min", 46, (0, 18, 28)), ("max", 82, (54, 0, 28))],
)
def test_g_15_group_rules(rule, score, parts):
    result = level(group_card(rule), read(90, 30, 70))
    assert (result.score, numbers(result)) == (micro(score), [micro(p) for p in parts])


def test_g_16_cap():
    cap = Cap("b", below=micro(35), at_most=micro(60))
    result = level(group_card("mean", (cap,)), read(90, 30, 70))
    assert result.score == micro(60)
    assert lines(result) == {"a": "36.000000", "b": "6.000000", "c": "28.000000", "cap": "-10.000000"}


def test_hw_3_the_lowest_cap_counts_and_a_higher_one_than_the_mean_is_a_line_of_zero():
    caps = (Cap("u", micro(75), micro(65)), Cap("b", micro(35), micro(60)))
    assert level(group_card("mean", caps), read(90, 30, 70)).score == micro(60)
    high = level(group_card("mean", (Cap("b", micro(35), micro(90)),)), read(90, 30, 70))
    assert (high.score, high.lines[-1].points) == (micro(70), 0)


def test_g_17_weighted_bands_and_shown_scores():
    scores = [39_999_999, micro(40), micro("69.96"), 69_999_999, micro(70)]
    assert [WEIGHTED_BANDS.of(s) for s in scores] == ["weak", "moderate", "moderate", "moderate", "healthy"]
    shown_scores = [shown(s, WEIGHTED_BANDS.of) for s in scores]
    assert shown_scores == ["39.999999", "40.0", "69.96", "69.999999", "70.0"]


def test_g_18_action_bands():
    bands = [ACTION_BANDS.of(s) for s in (-10_000, 0, micro("40.01"), micro("100.5"))]
    assert bands == ["critical", "weak", "moderate", "thriving"]


def test_ha_3_the_upper_edges_of_actions_belong_below():
    assert [ACTION_BANDS.of(micro(n)) for n in (40, 70, 100)] == ["weak", "moderate", "healthy"]


def test_g_19_roll_up():
    own = (micro(70), 1000, "green")
    result = roll_up(own, [(micro(80), 1000, "green"), (micro(40), 3000, "amber"), (None, 500, "")])
    assert (result.worst_child, result.weighted_mean) == (micro(40), micro(54))
    assert (result.good_share, result.scored, result.members) == (Fraction(40, 100), 3, 4)


def test_hl_1_trend():
    samples = list(zip((0, 7, 14, 21, 28), (micro(n) for n in (72, 70, 71, 66, 64)), strict=True))
    assert trend(samples, window=28) == micro(-8)
    assert trend(samples[:2]) is None
    assert trend([]) is None


def test_hw_4_curve_by_phase_and_by_tenure():
    flat = Linear(((0, micro(10)), (1, micro(10))))
    by_phase = measure("a", curves=(SpecialCurve(flat, phase="onboarding"),))
    card = WeightedCard(groups=(group("g", 1, by_phase),))
    assert level(card, read(80), Subject(phase="onboarding")).score == micro(10)
    assert level(card, read(80), Subject(phase="adoption")).score == micro(80)
    by_tenure = measure("a", curves=(SpecialCurve(flat, from_months=0, to_months=3),))
    card = WeightedCard(groups=(group("g", 1, by_tenure),))
    scores = [level(card, read(80), Subject(tenure_months=m)).score for m in (2, 3, None)]
    assert scores == [micro(10), micro(80), micro(80)]


def test_hw_2_base_and_effective_shares():
    card = WeightedCard(
        groups=(group("u", 60, measure("a", 2), measure("b", 1)), group("s", 40, measure("c")))
    )
    parts = explain(card, read(90, None, 70)).parts
    assert [p.base_share for p in parts] == [Fraction(4, 10), Fraction(2, 10), Fraction(4, 10)]
    assert [p.effective_share for p in parts] == [Fraction(6, 10), 0, Fraction(4, 10)]


def test_hw_2_weight_zero_is_shown_and_never_counted():
    card = WeightedCard(groups=(group("g", 1, measure("a", 0), measure("b", 1), rule="min"),))
    result = explain(card, read(10, 60))
    assert (result.score, numbers(result), result.coverage) == (micro(60), [0, micro(60)], 1)
    assert result.parts[0].points == micro(10)


def test_hr_2_zero_is_a_value_and_absence_is_not_zero():
    card = single({"a": 1, "b": 1})
    assert level(card, read(0, 80)).score == micro(40)
    assert level(card, read(None, 80)).score == micro(80)
