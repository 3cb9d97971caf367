"""What the linter of scorecards wants to know of a card that has scored everybody: shares of customers, exact."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import combinations

import numpy as np

from metrics.formulas.health_cards import INSUFFICIENT, ActionsCard, WeightedCard
from metrics.formulas.health_numbers import MICRO
from metrics.scoring.arrays import ReadingsMatrix
from metrics.scoring.exact import Ints, Mask
from metrics.scoring.scored import Lines, Scored

RED = 40 * MICRO
ALIKE = MICRO  # points: readings that differ by less say the same
FEWEST = 20  # customers; shares of fewer say nothing
MOST_RANKED = 2_000  # customers whose ranks are compared; evenly taken
CORRELATION_UNIT = 10_000


def chosen_or_all(matrix: ReadingsMatrix, chosen: Sequence[bool]) -> Mask:
    """Customers whose set of labels was chosen; everybody when that is nobody."""
    table = np.array(chosen, dtype=np.bool_)
    mask: Mask = table[matrix.label_codes] if len(matrix) else np.zeros(0, dtype=np.bool_)
    return mask if mask.any() else np.ones(len(matrix), dtype=np.bool_)


def phases_in(matrix: ReadingsMatrix) -> tuple[str, ...]:
    """Lifecycle phases that customers are in."""
    return tuple(sorted({matrix.phases[code] for code in np.unique(matrix.phase_codes)} - {""}))


def share(mask: Mask) -> Fraction | None:
    """Part of the customers; None of nobody."""
    return Fraction(int(mask.sum()), len(mask)) if len(mask) else None


def band_shares(scored: Scored) -> dict[str, Fraction]:
    """Part of the customers per band, those without a score as `insufficient`."""
    keys = [*(band.key for band in scored.card.bands.bands), INSUFFICIENT]
    counts = scored.per_band().tolist()
    return {key: Fraction(count, max(1, len(scored))) for key, count in zip(keys, counts, strict=True)}


def missing_shares(scored: Scored) -> list[Fraction | None]:
    """Per measure: customers without a real reading."""
    if scored.parts is None or isinstance(scored.card, ActionsCard):
        return [None for _ in scored.card.measures]
    real = scored.parts.real
    return [share(~real[:, place]) for place in range(real.shape[1])]


def red_shares(scored: Scored) -> list[Fraction | None]:
    """Per measure: real readings under 40 points, of those that there are."""
    return [
        Fraction(int((points < RED).sum()), len(points)) if len(points) >= FEWEST else None
        for points in _real_points(scored)
    ]


def alike_shares(scored: Scored) -> list[Fraction | None]:
    """Per measure: the largest part of its readings within one point of each other."""
    found: list[Fraction | None] = []
    for points in _real_points(scored):
        if len(points) < FEWEST:
            found.append(None)
            continue
        rising = np.sort(points)
        ends = np.searchsorted(rising, rising + ALIKE, side="right")
        found.append(Fraction(int((ends - np.arange(len(rising))).max()), len(rising)))
    return found


def _real_points(scored: Scored) -> Iterator[Ints]:
    parts = scored.parts
    for place in range(len(scored.card.measures)):
        if parts is None or isinstance(scored.card, ActionsCard):
            yield np.zeros(0, dtype=np.int64)
        else:
            yield parts.points[:, place][parts.real[:, place]]


def correlations(scored: Scored) -> dict[tuple[str, str], Fraction]:
    """Rank correlation of the points of every two measures, where enough customers have both."""
    parts = scored.parts
    if parts is None or isinstance(scored.card, ActionsCard) or len(scored) < FEWEST:
        return {}
    step = max(1, len(scored) // MOST_RANKED)
    points, real = parts.points[::step], parts.real[::step]
    found = {}
    for one, other in combinations(range(points.shape[1]), 2):
        both = real[:, one] & real[:, other]
        value = _rank_correlation(points[both, one], points[both, other])
        if value is not None:
            measures = scored.card.measures
            found[measures[one].key, measures[other].key] = value
    return found


def _rank_correlation(one: Ints, other: Ints) -> Fraction | None:
    if len(one) < FEWEST:
        return None
    ranks = [_ranks(column) for column in (one, other)]
    deviations = [column - column.mean() for column in ranks]
    spread = float(np.sqrt((deviations[0] ** 2).sum() * (deviations[1] ** 2).sum()))
    if spread == 0:
        return None
    value = float((deviations[0] * deviations[1]).sum()) / spread
    return Fraction(round(value * CORRELATION_UNIT), CORRELATION_UNIT)


def _ranks(values: Ints) -> np.ndarray:
    """Ranks from 1 on, equal values share the mean of theirs."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    means: np.ndarray = (ends - (counts - 1) / 2)[places]
    return means


def cap_shares(scored: Scored) -> dict[int, Fraction]:
    """{place of the cap: part of the customers whose measure or group lies under its limit}."""
    card, parts, lines = scored.card, scored.parts, scored.lines
    if not isinstance(card, WeightedCard) or parts is None or lines is None or len(scored) < FEWEST:
        return {}
    measures = {measure.key: place for place, measure in enumerate(card.measures)}
    groups = {group.key: place for place, group in enumerate(card.groups)}
    found = {}
    for place, cap in enumerate(card.caps):
        if cap.key in measures:
            at = measures[cap.key]
            fires = parts.present[:, at] & (parts.points[:, at] < cap.below)
        elif cap.key in groups:
            fires = _group_under(lines, groups[cap.key], cap.below)
        else:
            continue
        found[place] = Fraction(int(fires.sum()), len(scored))
    return found


def _group_under(lines: Lines, place: int, below: int) -> Mask:
    under: Mask = lines.group_known[:, place] & (lines.group_points[:, place] < below)
    return under


def action_shares(scored: Scored) -> Mapping[str, Fraction]:
    """{action: part of all points given and taken}; empty while there are none."""
    if not isinstance(scored.card, ActionsCard) or scored.lines is None:
        return {}
    sums = [int(total) for total in np.abs(scored.lines.measures).sum(axis=0)]
    whole = sum(sums)
    if not whole:
        return {}
    return {
        action.key: Fraction(total, whole) for action, total in zip(scored.card.actions, sums, strict=True)
    }
