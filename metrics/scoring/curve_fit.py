"""Curves that past outcomes speak for: points by smoothed observed churn, monotone where the measure has a direction.

The readings are cut into parts of about equal size; each part's churn is drawn towards the overall churn, turned into
log odds of staying, made monotone by pooling neighbours, and stretched to 0-100. Values with few distinct readings get
a step each, others straight lines between the parts. What is fitted is an ordinary curve: it can be read and edited.
How far it was stretched is kept beside it, because that is how much the measure says: weights are fitted to log odds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from metrics.formulas.health_numbers import FULL, MICRO

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
Direction = Literal["up", "down", "free"]

MOST_PARTS = 20  # a curve has at most 20 knots
LEAST_PART = 25  # rows of a part
PRIOR = 10.0  # imagined rows at the overall rate in every part
FEW_VALUES = 12  # distinct readings up to which each has its own step
LEAST_MISSING = 20  # rows without a reading from which their own churn sets the neutral points
LEAST_REACH = 0.05  # log odds between the best and the worst part below which a curve says nothing


@dataclass(frozen=True, slots=True)
class FittedCurve:
    """A curve as a card stores it, and the points of a customer without a reading.

    `low` is what 0 points say: log odds of staying beside those of all rows. 100 points say `reach` more.
    """

    kind: Literal["linear", "step"]
    points: tuple[tuple[int, int], ...]
    neutral: int
    low: float = 0.0
    reach: float = 0.0


@dataclass(frozen=True, eq=False, slots=True)
class Rows:
    """Readings behind the rows of a fit, customers x measures.

    `fade` is what age has left of a reading's points (1 fresh, 0 expired); the rest is the neutral points.
    """

    values: Ints
    present: Mask
    fade: Floats
    churned: Floats
    directions: tuple[Direction, ...]

    def curves(self, rows: Mask) -> list[FittedCurve | None]:
        """A curve per measure from these rows only."""
        return [
            fit_curve(self.values[rows, n], self.present[rows, n], self.churned[rows], direction)
            for n, direction in enumerate(self.directions)
        ]

    def evidence(self, rows: Mask) -> Floats:
        """Log odds of staying that the curves of these rows give to all rows; nothing where there is no curve."""
        found = np.zeros(self.values.shape)
        for n, curve in enumerate(self.curves(rows)):
            if curve is not None:
                found[:, n] = curve.low + curve.reach * self._heights(n, curve)
        return found

    def points(self, curves: Sequence[FittedCurve | None]) -> Floats:
        """Points / 100 of all rows; a measure without a curve is the same for all."""
        found = np.full(self.values.shape, 0.5)
        for n, curve in enumerate(curves):
            if curve is not None:
                found[:, n] = self._heights(n, curve)
        return found

    def _heights(self, measure: int, curve: FittedCurve) -> Floats:
        fade, neutral = self.fade[:, measure], curve.neutral / FULL
        heights = on_curve(curve, self.values[:, measure]) / FULL
        counts = self.present[:, measure] & (fade > 0)
        return np.where(counts, neutral + (heights - neutral) * fade, neutral)


def on_curve(curve: FittedCurve, values: Ints) -> Floats:
    """Points of values on a fitted curve, as the card will give them but for rounding."""
    places = np.array([place for place, _ in curve.points], dtype=float)
    heights = np.array([height for _, height in curve.points], dtype=float)
    if curve.kind == "linear":
        return np.asarray(np.interp(values, places, heights))
    return np.asarray(heights[np.maximum(np.searchsorted(places, values, side="right") - 1, 0)])


def fit_curve(values: Ints, present: Mask, churned: Floats, direction: Direction) -> FittedCurve | None:
    """The curve of one measure from readings in 10^-6; None when churn does not differ along it.

    `present` tells which rows have a reading. Knots never fall for `up`, never rise for `down`.
    """
    known, gone = values[present], churned[present]
    overall = _odds(float(churned.sum()), float(len(churned)), _rate(churned))
    if len(np.unique(known)) < 2:  # noqa: PLR2004 - one value makes no curve
        return None
    starts, centres, parts = _parts(known)
    count = np.bincount(parts).astype(float)
    odds = np.array(
        [_odds(k, n, _rate(churned)) for k, n in zip(np.bincount(parts, gone), count, strict=True)]
    )
    if direction != "free":
        odds = monotone(odds if direction == "up" else -odds, count)
        odds = odds if direction == "up" else -odds
    absent = churned[~present]
    neutral = (
        _odds(float(absent.sum()), float(len(absent)), _rate(churned))
        if len(absent) >= LEAST_MISSING
        else overall
    )
    low, high = float(odds.min()), float(odds.max())
    if high - low < LEAST_REACH:
        return None
    heights = [round(FULL * (float(value) - low) / (high - low) / MICRO) * MICRO for value in odds]
    between = round(FULL * min(1.0, max(0.0, (neutral - low) / (high - low))) / MICRO) * MICRO
    is_step = len(np.unique(known)) <= FEW_VALUES
    places = starts if is_step else centres
    return FittedCurve(
        kind="step" if is_step else "linear",
        points=_knots(places, heights, is_step=is_step),
        neutral=between,
        low=low - overall,
        reach=high - low,
    )


def _rate(churned: Floats) -> float:
    """Overall churn, kept off 0 and 1 so that its odds exist."""
    return (float(churned.sum()) + 0.5) / (len(churned) + 1)


def _odds(churned: float, count: float, overall: float) -> float:
    rate = (churned + PRIOR * overall) / (count + PRIOR)
    return float(np.log((1 - rate) / rate))


def _parts(known: Ints) -> tuple[list[int], list[int], Ints]:
    """(first value of each part, mean value of each part, part of every row)."""
    distinct = np.unique(known)
    if len(distinct) <= FEW_VALUES:
        starts = distinct
    else:
        number = max(2, min(MOST_PARTS, len(known) // LEAST_PART))
        ordered = np.sort(known)
        starts = np.unique(ordered[(np.arange(number) * len(ordered)) // number])
    parts = np.searchsorted(starts, known, side="right") - 1
    centres = [int(known[parts == part].astype(float).mean()) for part in range(len(starts))]
    return [int(start) for start in starts], centres, np.asarray(parts, dtype=np.int64)


def monotone(values: Floats, weights: Floats) -> Floats:
    """The nearest sequence that never falls, by pooling adjacent violators."""
    blocks: list[tuple[float, float, int]] = []
    for value, weight in zip(values, weights, strict=True):
        mean, mass, size = float(value), float(weight), 1
        while blocks and blocks[-1][0] > mean:
            earlier, more, count = blocks.pop()
            mean = (mean * mass + earlier * more) / (mass + more)
            mass, size = mass + more, size + count
        blocks.append((mean, mass, size))
    return np.array([mean for mean, _, size in blocks for _ in range(size)])


def _knots(places: list[int], heights: list[int], *, is_step: bool) -> tuple[tuple[int, int], ...]:
    """Knots without those that lie on the line of their neighbours, so that a reader sees only what matters."""
    kept: list[tuple[int, int]] = []
    for index, (place, height) in enumerate(zip(places, heights, strict=True)):
        last = index == len(places) - 1
        is_level = bool(kept) and kept[-1][1] == height
        if is_level and (is_step or (not last and heights[index + 1] == height)):
            continue
        kept.append((place, height))
    return tuple(kept)
