"""Settled bands, alert decisions and overrides."""

from itertools import pairwise

import pytest

from metrics.formulas.health_bands import (
    DropState,
    Settled,
    band_move,
    drop_step,
    fall,
    is_mostly_config,
    is_red_before_renewal,
    rests_on,
    settle,
    settle_band,
)
from metrics.formulas.health_cards import ACTION_BANDS, WEIGHTED_BANDS
from metrics.formulas.health_change import CAUSES, UNIT, Change, LineChange
from metrics.formulas.health_numbers import MICRO
from metrics.formulas.health_override import Override, effective, override_part, raises


def points(*texts):
    return [None if text is None else round(text * MICRO) for text in texts]


def test_hl_3_the_settled_band_does_not_flicker_at_the_edge():
    scores = points(71, 69.5, 70.5, 69.8, 69.2, 69.0, 70.1, 69.9, 72.0, 67.9, 39.0, 38.0)
    found = settle(WEIGHTED_BANDS, scores)
    assert found == ["healthy"] * 5 + ["moderate"] * 3 + ["healthy", "moderate", "moderate", "weak"]
    moves = [band_move(WEIGHTED_BANDS, a, b) for a, b in pairwise(found)]
    assert [move for move in moves if move] == ["worse", "better", "worse", "worse"]


@pytest.mark.parametrize(
    ("before", "score", "after"),
    [
        (Settled("healthy"), 68.000001, Settled("healthy", -1)),
        (Settled("healthy"), 68.0, Settled("moderate")),
        (Settled("healthy", -2), 69.9, Settled("moderate")),
        (Settled("healthy", -2), 70.0, Settled("healthy")),
        (Settled("moderate", -2), 70.5, Settled("moderate", 1)),
        (Settled("moderate", 2), 39.5, Settled("moderate", -1)),
        (Settled("healthy"), 39.9, Settled("weak")),
        (Settled("healthy", -2), None, Settled("insufficient")),
        (Settled("insufficient"), 69.9, Settled("moderate")),
        (Settled("thriving"), 69.9, Settled("moderate")),
        (None, 69.9, Settled("moderate")),
    ],
)
def test_hl_2_margin_dwell_and_starts(before, score, after):
    assert settle_band(WEIGHTED_BANDS, before, points(score)[0]) == after


def test_hl_2_two_bands_in_steps_under_other_edges():
    assert settle(ACTION_BANDS, points(40, 40.5, 40.5, 40.5, 103)) == ["weak"] * 3 + ["moderate", "thriving"]


def test_hl_4_kinds_of_moves():
    pairs = [
        ("healthy", "weak"),
        ("weak", "healthy"),
        ("weak", "insufficient"),
        ("insufficient", "weak"),
        ("weak", "weak"),
        ("thriving", "weak"),
    ]
    moves = [band_move(WEIGHTED_BANDS, *pair) for pair in pairs]
    assert moves == ["worse", "better", "unscored", "scored", "", ""]


def test_hl_4_red_before_a_renewal():
    cases = [("red", 90), ("red", 0), ("red", 91), ("red", -1), ("red", None), ("amber", 10)]
    assert [is_red_before_renewal(*case) for case in cases] == [True, True, False, False, False, False]


def drops(*scores):
    """Days on which the drop rule fires."""
    samples = list(enumerate(points(*scores)))
    state, fired = DropState(), []
    for day in range(len(samples)):
        state, fires = drop_step(state, samples[: day + 1])
        fired += [day] if fires else []
    return fired


def test_hl_4_a_drop_is_measured_from_the_highest_of_the_last_days():
    assert drops(80, 70) == [1]
    assert drops(80, 70.1) == []
    assert drops(80, *[75] * 13, 70) == [14]
    assert drops(80, *[75] * 14, 70) == []


def test_hl_5_a_drop_fires_once_until_it_recovers_by_half():
    assert drops(80, 68, 66, 65, 64) == [1]
    assert drops(80, 68, 72.9, 60) == [1]
    assert drops(80, 68, 73, 62.9) == [1, 3]
    assert drops(80, 60, 65.1, 65) == [1]


def test_hl_5_a_drop_is_armed_again_after_its_days():
    assert drops(80, 65, *[64] * 13, 64, 54) == [1, 16]
    assert drops(80, 65, *[64] * 12, 54) == [1]


def test_hl_4_no_sample_no_drop():
    assert drop_step(DropState(), []) == (DropState(), False)
    assert DropState().is_armed


def change(**by_cause):
    parts = tuple(by_cause.get(cause, 0) * MICRO * UNIT for cause in CAUSES)
    return Change("change", 0, 0, (LineChange("usage", 0, 0, parts), LineChange("nps", 0, 0, (0,) * 6)))


@pytest.mark.parametrize(
    ("parts", "mostly"),
    [
        ({"config": -5, "data": -5}, True),
        ({"config": -5, "data": -6}, False),
        ({"config": 8, "data": -10}, False),
        ({"config": -8, "data": 6}, True),
        ({}, False),
    ],
)
def test_hl_6_a_change_that_is_half_config_gives_no_single_alert(parts, mostly):
    assert is_mostly_config(change(**parts)) is mostly


def test_hl_6_a_change_that_rests_on_held_measures():
    assert rests_on(change(data=-5), {"usage"})
    assert not rests_on(change(data=-5), {"nps"})
    assert not rests_on(change(), {"usage"})
    assert fall(change(data=-5)) == 5 * MICRO


@pytest.mark.parametrize(
    ("kind", "number", "computed", "score"),
    [
        ("value", 45, 62, 45),
        ("value", 80, 62, 80),
        ("cap", 45, 62, 45),
        ("cap", 80, 62, 62),
        ("value", 45, None, None),
        ("cap", 45, None, None),
    ],
)
def test_hp_6_the_effective_score(kind, number, computed, score):
    override = Override(kind, number)
    assert effective(computed, override) == score
    assert override_part(computed, override) == (0 if score is None else score - computed)


def test_hp_5_only_an_override_above_the_computed_score_raises_it():
    cases = [("value", 63), ("value", 62), ("cap", 90)]
    assert [raises(62, Override(kind, number)) for kind, number in cases] == [True, False, False]
    assert effective(62, None) == 62
