"""Suggested weights on simulated customers, and the solver against a slow one that shares nothing with it."""

import numpy as np
import pytest

from metrics.scoring import curve_fit, fit

NOISE_SETS = 20  # 60 and more by hand


def simulated(seed, rows, true, intercept=0.0):
    source = np.random.default_rng(seed)
    x = source.random((rows, len(true)))
    chance = 1 / (1 + np.exp(-(intercept - x @ np.array(true))))
    return x, (source.random(rows) < chance).astype(float)


def slow_minimum(x, y, towards, strength, steps=60_000):
    """Accelerated projected gradient in small fixed steps."""
    design = np.column_stack([np.ones(len(y)), -x])
    reach = np.linalg.norm(design, 2) ** 2 / 4 + strength
    point = ahead = np.concatenate([[0.0], towards])
    centre, pull = point.copy(), np.array([0.0, *[strength] * len(towards)])
    pace = 1.0
    for _ in range(steps):
        slope = design.T @ (1 / (1 + np.exp(-design @ ahead)) - y) + pull * (ahead - centre)
        new = ahead - slope / reach
        new[1:] = np.maximum(new[1:], 0)
        if np.abs(new - point).max() < 1e-13:
            break
        faster = (1 + np.sqrt(1 + 4 * pace * pace)) / 2
        ahead, point, pace = new + (pace - 1) / faster * (new - point), new, faster
    return point


@pytest.mark.parametrize("strength", [0.1, 10.0, 320.0])
def test_hz_2_the_solver_finds_what_a_slow_one_finds(strength):
    x, y = simulated(4, 150, [4, 2, -3, 0, 1], 1.0)
    towards = np.full(5, 0.6)
    found = fit.minimise(x, y, np.ones(150), towards, strength)
    slow = slow_minimum(x, y, towards, strength)
    assert found.slope < 1e-6
    assert np.abs(np.array([found.intercept, *found.slopes]) - slow).max() < 1e-5
    assert (found.slopes >= 0).all()


def test_hz_2_separable_outcomes_still_end_flat():
    x = np.linspace(0, 1, 40)[:, None]
    found = fit.minimise(x, (x[:, 0] < 0.5).astype(float), np.ones(40), np.zeros(1), 0.0)
    assert found.slope < 1e-6


def test_hz_6_an_endless_pull_returns_the_present_shares():
    x, y = simulated(7, 400, [4, 2, 0, 0, 0, 0, 0, 0], 1.0)
    shares = np.array([0.3, 0.2, 0.15, 0.1, 0.1, 0.05, 0.05, 0.05])
    found = fit.free(x, y, np.ones(400), shares, 1e9)
    assert found.slopes / found.slopes.sum() == pytest.approx(shares, abs=1e-4)


def test_hz_6_two_drivers_get_the_largest_shares():
    x, y = simulated(5, 2000, [4, 2, 0, 0, 0, 0, 0, 0], 1.0)
    found = fit.propose(x, y, np.arange(2000), np.full(8, 1 / 8), seed=1)
    shares = [share.suggested for share in found.shares]
    assert found.better
    assert shares[0] > shares[1] > max(shares[2:])
    assert sum(shares[2:]) < 0.3
    assert found.auc_after > found.auc_before
    assert found.shares[0].label == fit.MORE
    assert found.shares[0].low <= shares[0] <= found.shares[0].high
    assert found == fit.propose(x, y, np.arange(2000), np.full(8, 1 / 8), seed=1)


def test_hz_6_noise_and_true_weights_give_no_better_weights():
    shares = np.array([0.3, 0.2, 0.15, 0.1, 0.1, 0.05, 0.05, 0.05])
    false_alarms = 0
    for seed in range(NOISE_SETS // 2):
        noise = simulated(1000 + seed, 300, [0] * 8, -1.4)
        true = simulated(2000 + seed, 300, 8 * shares, 2.5)
        for x, y in (noise, true):
            found = fit.propose(x, y, np.arange(300), shares, seed=1)
            false_alarms += found.better
            assert found.better or found.shares == ()
    assert false_alarms <= NOISE_SETS * 0.05


def test_hz_3_a_customer_is_left_out_with_all_its_rows():
    few = fit._left_outs(np.repeat(np.arange(150), 2), 1)
    assert len(few) == 150
    assert {int(out.sum()) for out in few} == {2}
    many = fit._left_outs(np.repeat(np.arange(250), 2), 1)
    assert len(many) == 5
    assert all((out[::2] == out[1::2]).all() for out in many)


def test_a_fitted_curve_follows_the_direction_of_its_measure():
    source = np.random.default_rng(2)
    values = source.integers(0, 90_000_000, 1500)
    churned = (source.random(1500) < 0.1 + 0.5 * values / 90_000_000).astype(float)
    everyone = np.ones(1500, bool)
    found = curve_fit.fit_curve(values, everyone, churned, "down")
    heights = [points for _, points in found.points]
    assert (found.kind, heights[0], heights[-1]) == ("linear", 100_000_000, 0)
    assert heights == sorted(heights, reverse=True)
    assert 2 <= len(heights) <= 20
    assert curve_fit.fit_curve(values, everyone, churned, "up") is None


def test_a_choice_gets_a_step_per_value_and_the_missing_their_own_points():
    values = np.repeat([0, 1_000_000, 2_000_000, 0], [300, 300, 300, 100])
    present = np.repeat([True, False], [900, 100])
    churned = np.concatenate(
        [np.tile([1, 0, 0], 100), np.tile([1, 1, 0], 100), np.zeros(300), np.tile([1, 0], 50)]
    )
    found = curve_fit.fit_curve(values, present, churned.astype(float), "free")
    assert (found.kind, [value for value, _ in found.points]) == ("step", [0, 1_000_000, 2_000_000])
    points = dict(found.points)
    assert points[1_000_000] == 0 < points[0] < points[2_000_000] == 100_000_000
    assert 0 < found.neutral < points[0]


def redesigned(values, churned, directions):
    """Curves and weights from readings alone, as a suggestion with curves fits them."""
    count, everyone = len(churned), np.ones(len(churned), bool)
    rows = curve_fit.Rows(
        values, np.ones(values.shape, bool), np.ones(values.shape), churned, (directions,) * values.shape[1]
    )
    reach = np.array([curve.reach if curve else 0.0 for curve in rows.curves(everyone)])
    return fit.propose(
        np.full(values.shape, 0.5),
        churned,
        np.arange(count),
        np.ones(values.shape[1]),
        seed=1,
        redesign=fit.Redesign(rows.evidence, reach),
    )


def test_curves_are_judged_on_customers_they_were_not_fitted_on():
    source = np.random.default_rng(9)
    values = source.integers(0, 100_000_000, (600, 3))
    noise = (source.random(600) < 0.3).astype(float)
    assert not redesigned(values, noise, "free").better
    churned = (source.random(600) < np.where(np.abs(values[:, 0] - 50e6) < 20e6, 0.6, 0.1)).astype(float)
    found = redesigned(values, churned, "free")
    assert found.better
    assert found.shares[0].suggested > 0.6
    assert found.auc_after > 0.7


def test_a_curve_weighs_what_it_says_however_many_others_say_nothing():
    source = np.random.default_rng(3)
    values = source.integers(0, 2, (700, 16)) * 1_000_000
    values[:, 0] = source.integers(0, 100_000_000, 700)
    churned = (source.random(700) < np.where(values[:, 0] < 30e6, 0.22, 0.03)).astype(float)
    found = redesigned(values, churned, "up")
    slopes = np.array(found.slopes)
    assert found.better
    assert slopes[0] > 2 * slopes[1:].max()
    assert slopes[0] / slopes.sum() > 0.4


def test_evidence_of_a_curve_is_log_odds_beside_those_of_all_rows():
    values = np.repeat([0, 1_000_000], [300, 300])[:, None]
    churned = np.concatenate([np.tile([1, 1, 0], 100), np.tile([1, 0, 0], 100)]).astype(float)
    present = np.ones((600, 1), bool)
    present[[0, 599]] = False
    rows = curve_fit.Rows(values, present, np.ones((600, 1)), churned, ("up",))
    found = rows.evidence(np.ones(600, bool))[:, 0]
    # 199 of 299 and 100 of 299 left, with 10 rows more at one half, each over 309
    assert found[1] == pytest.approx(np.log(105 / 204), abs=1e-3)
    assert found[400] == pytest.approx(np.log(204 / 105), abs=1e-3)
    assert found[[0, 599]] == pytest.approx(0.0, abs=0.01)  # nothing is known of them
    curve = rows.curves(np.ones(600, bool))[0]
    assert curve.low + curve.reach == pytest.approx(found[400], abs=1e-9)
    assert rows.points([curve])[[1, 400], 0] == pytest.approx([0.0, 1.0])
    assert (rows.points([None]) == 0.5).all()
