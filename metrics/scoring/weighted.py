"""Weighted cards for columns: groups, overall mean, caps, guards, bands and exact lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from metrics.formulas.health_cards import Bands
from metrics.scoring.arrays import Int8s, ReadingsMatrix
from metrics.scoring.exact import LIMIT, Ints, Mask, apportioned, half_even
from metrics.scoring.measured import Measured, Setting, measured
from metrics.scoring.plan import GroupPlan, WeightedPlan, members
from metrics.scoring.scored import NO_BAND, SCORE_REASONS, Parts, Scored

IS_THIN, IS_BLOCKED, IS_EMPTY = (SCORE_REASONS.index(word) for word in ("coverage", "blocked", "no_data"))


@dataclass(frozen=True, eq=False, slots=True)
class Joined:
    """A group by its rule: points (0 where nothing counts) and where something does."""

    plan: GroupPlan
    points: Ints
    known: Mask


def fill_weighted(plan: WeightedPlan, rows: ReadingsMatrix, setting: Setting, out: Scored) -> None:
    """Score these customers into the columns of `out`."""
    found = [measured(one, rows, setting) for one in plan.measures]
    groups = [_joined(group, plan, found) for group in plan.groups]
    weights = _weighed([(one.plan.weight, one.known) for one in groups], len(rows))
    known = weights > 0
    mean = half_even(_total([(one.plan.weight, one.points) for one in groups]), np.maximum(weights, 1))
    cap, capped = _caps(plan, found, groups, mean)
    capped &= known
    out.arithmetic[:] = mean + cap * capped
    out.known[:] = known
    out.covered[:] = _covered(plan, found, len(rows))
    out.reason[:] = _reasons(plan, found, known, out.covered)
    out.band[:] = banded(plan.card.bands, out.arithmetic, out.reason == 0)
    for place, counts in out.peers.items():
        for column, part in zip(counts, found[place].peers or (), strict=True):
            column[:] = part
    if out.lines is not None:
        out.lines.cap[:] = cap * capped
        out.lines.capped[:] = capped
    _fill_lines(plan, found, groups, mean, out)
    if out.parts is not None:
        _fill_parts(plan, found, rows, out.parts)


def _total(terms: Sequence[tuple[int, Ints]]) -> Ints:
    """Sum of weight x column."""
    total = np.zeros_like(terms[0][1])
    for weight, column in terms:
        if weight == 1:
            total += column
        elif weight:
            total += column * weight
    return total


def _weighed(terms: Sequence[tuple[int, Mask]], size: int) -> Ints:
    """Sum of the weights of what is set."""
    everywhere = 0
    total = np.zeros(size, dtype=np.int64)
    for weight, mask in terms:
        if weight and mask.all():
            everywhere += weight
        elif weight:
            total += mask * np.int64(weight)
    total += everywhere
    return total


def _joined(group: GroupPlan, plan: WeightedPlan, found: Sequence[Measured]) -> Joined:
    inside = [
        (plan.measures[place].weight, found[place])
        for place in range(group.start, group.stop)
        if plan.measures[place].weight
    ]
    size = len(found[0].points)
    if not inside:
        return Joined(group, np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.bool_))
    if group.rule == "mean":
        weights = _weighed([(weight, one.present) for weight, one in inside], size)
        points = half_even(_total([(weight, one.points) for weight, one in inside]), np.maximum(weights, 1))
        return Joined(group, points, weights > 0)
    nothing, choose = (LIMIT, np.minimum) if group.rule == "min" else (-1, np.maximum)
    points = np.full(size, nothing, dtype=np.int64)
    known = np.zeros(size, dtype=np.bool_)
    for _, one in inside:
        choose(points, np.where(one.present, one.points, nothing), out=points)
        known |= one.present
    points[~known] = 0
    return Joined(group, points, known)


def _caps(
    plan: WeightedPlan, found: Sequence[Measured], groups: Sequence[Joined], mean: Ints
) -> tuple[Ints, Mask]:
    """What the lowest cap that fires takes away, and where one fires. A key means the last that has a value."""
    lowest = np.full(len(mean), LIMIT, dtype=np.int64)
    for cap in plan.card.caps:
        fires = np.zeros(len(mean), dtype=np.bool_)
        of_measures, of_groups = members(plan.card, cap.key)
        sources = [(found[place].points, found[place].real) for place in of_measures]
        sources += [(groups[place].points, groups[place].known) for place in of_groups]
        for points, known in sources:
            fires = np.where(known, points < cap.below, fires)
        lowest[fires & (lowest > cap.at_most)] = cap.at_most
    return np.minimum(lowest - mean, 0), lowest < LIMIT


def _covered(plan: WeightedPlan, found: Sequence[Measured], size: int) -> Ints:
    """Base shares with a real reading, exact also where they do not fit int64."""
    if plan.whole < LIMIT:
        terms = [(one.base, m.real) for one, m in zip(plan.measures, found, strict=True)]
        return _weighed(terms, size)
    patterns = np.ascontiguousarray(np.packbits(np.stack([one.real for one in found]), axis=0).T)
    known, places = np.unique(patterns, axis=0, return_inverse=True)
    sums = np.empty(len(known), dtype=object)
    for number, pattern in enumerate(known):
        real = np.unpackbits(pattern, count=len(found))
        sums[number] = sum(one.base for one, bit in zip(plan.measures, real, strict=True) if bit)
    return sums[places.reshape(-1)]


def _reasons(plan: WeightedPlan, found: Sequence[Measured], known: Mask, covered: Ints) -> Int8s:
    """Why there is no score: blocked before coverage, and before nothing present."""
    thin = (covered < plan.needed).astype(np.bool_)
    reasons = np.where(known, np.where(thin, IS_THIN, 0), IS_EMPTY).astype(np.int8)
    for one, points in zip(plan.measures, found, strict=True):
        if one.measure.missing == "block":
            reasons[~points.real] = IS_BLOCKED
    return reasons


def banded(bands: Bands, scores: Ints, has_score: Mask) -> Int8s:
    """Position of the band of each score."""
    place = np.zeros(len(scores), dtype=np.int8)
    for edge in bands.edges:
        passed = scores >= edge.at if edge.side == "upper" else scores > edge.at
        place += passed.view(np.int8)
    place[~has_score] = NO_BAND
    return place


def _fill_lines(
    plan: WeightedPlan, found: Sequence[Measured], groups: Sequence[Joined], mean: Ints, out: Scored
) -> None:
    lines = out.lines
    if lines is None:
        return
    weighted = [one.points * one.plan.weight for one in groups]
    for number, (group, part) in enumerate(zip(groups, apportioned(mean, weighted), strict=True)):
        lines.group_points[:, number] = group.points * out.known
        lines.group_known[:, number] = group.known & out.known
        lines.groups[:, number] = part
        _split(plan, found, group, part, lines.measures)


def _split(plan: WeightedPlan, found: Sequence[Measured], group: Joined, part: Ints, lines: Ints) -> None:
    """A group's part over its measures: by weight x points, or whole to the first measure that binds."""
    places = [p for p in range(group.plan.start, group.plan.stop) if plan.measures[p].weight]
    if not places:
        return
    if group.plan.rule == "mean":
        shares = [found[place].points * plan.measures[place].weight for place in places]
        for place, line in zip(places, apportioned(part, shares), strict=True):
            lines[:, place] = line
        return
    free = group.known.copy()
    for place in places:
        binds = free & found[place].present & (found[place].points == group.points)
        lines[:, place] = part * binds
        free &= ~binds


def _fill_parts(plan: WeightedPlan, found: Sequence[Measured], rows: ReadingsMatrix, out: Parts) -> None:
    for place, (one, points) in enumerate(zip(plan.measures, found, strict=True)):
        given = rows.reasons[:, one.slot]
        has_raw = given == 0 if points.lost is None else (given == 0) & (points.lost == 0)
        out.raw[:, place] = np.where(has_raw, points.raw, 0)
        out.has_raw[:, place] = has_raw
        out.points[:, place] = points.points
        out.present[:, place] = points.present
        out.real[:, place] = points.real
        out.reasons[:, place] = points.reasons(given)
