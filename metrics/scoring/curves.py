"""Curves for whole columns. A curve is prepared once; whatever could pass 2^62 is left to the reference."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import gcd

import numpy as np

from metrics.formulas.health_curves import Curve, Linear, Percentile, Step, Target
from metrics.formulas.health_numbers import FULL
from metrics.scoring.arrays import PeerCounts
from metrics.scoring.exact import LIMIT, Ints, Mask, half_even


@dataclass(frozen=True, slots=True)
class Stairs:
    """`Step`: the points by how many edges lie at or below the value."""

    edges: tuple[int, ...]  # without the first, below which nothing else begins
    points: Ints

    def on(self, values: Ints) -> tuple[Ints, Mask | None]:
        """Points, and where a reading is lost (never)."""
        return self.points.take(_above(values, self.edges, np.greater_equal)), None


@dataclass(frozen=True, slots=True)
class Knots:
    """`Linear` and `Target`: points = (value x slope + offset) / run, of the stretch in which the value lies."""

    first: int
    last: int
    inner: tuple[int, ...]
    slope: Ints
    offset: Ints
    run: Ints
    bounded: bool

    def on(self, values: Ints) -> tuple[Ints, Mask | None]:
        """Points, and where a bounded curve loses a reading. Values are clamped before they are multiplied."""
        lost = (values < self.first) | (values > self.last) if self.bounded else None
        inside = np.clip(values, self.first, self.last)
        if not self.inner:
            return half_even(inside * self.slope[0] + self.offset[0], int(self.run[0])), lost
        place = _above(inside, self.inner, np.greater)
        inside *= self.slope.take(place)
        inside += self.offset.take(place)
        return half_even(inside, self.run.take(place)), lost


@dataclass(frozen=True, slots=True)
class ByReference:
    """A curve with bounds too wide for int64: the reference, once per value."""

    curve: Step | Linear | Target

    def on(self, values: Ints) -> tuple[Ints, Mask | None]:
        """Points, and where the reference loses a reading."""
        known, places = np.unique(values, return_inverse=True)
        found = [self.curve.points(int(value)) for value in known]
        points = np.array([0 if isinstance(one, str) else one for one in found], dtype=np.int64)
        lost = np.array([isinstance(one, str) for one in found], dtype=np.bool_)
        return points[places], lost[places]


@dataclass(frozen=True, slots=True)
class Rank:
    """`Percentile`: the rank among the peers of a segment."""

    least: int
    low_is_good: bool
    peers: str

    def on(self, counts: PeerCounts) -> tuple[Ints, Mask]:
        """Points, and where there are too few peers."""
        rank = 2 * counts.below + counts.equal
        if self.low_is_good:
            rank = 2 * counts.size - rank
        thin = counts.size < self.least
        return half_even(FULL * rank, 2 * np.maximum(counts.size, 1)), thin


Plan = Stairs | Knots | ByReference | Rank


def prepared(curve: Curve) -> Plan:
    """The plan of a curve that has no problems."""
    if isinstance(curve, Percentile):
        return Rank(max(1, curve.min_peers), curve.low_is_good, curve.peers)
    if isinstance(curve, Step):
        return _stairs(curve)
    if isinstance(curve, Target):
        top = ((curve.b, FULL),) if curve.b == curve.c else ((curve.b, FULL), (curve.c, FULL))
        return _knots(curve, ((curve.a, 0), *top, (curve.d, 0)))
    return _knots(curve, curve.knots, bounded=curve.bounded)


def _stairs(curve: Step) -> Plan:
    edges = tuple(edge for edge, _ in curve.edges[1:])
    if any(abs(edge) >= LIMIT for edge in edges):
        return ByReference(curve)
    return Stairs(edges, np.array([points for _, points in curve.edges], dtype=np.int64))


def _knots(curve: Linear | Target, knots: tuple[tuple[int, int], ...], *, bounded: bool = False) -> Plan:
    slopes, offsets, runs = [], [], []
    for (x0, y0), (x1, y1) in pairwise(knots):
        shared = gcd(x1 - x0, y1 - y0)
        run, slope = (x1 - x0) // shared, (y1 - y0) // shared
        offset = y0 * run - x0 * slope
        widest = max(abs(x0), abs(x1)) * abs(slope)
        if widest + abs(offset) >= LIMIT or 2 * run >= LIMIT or max(abs(x0), abs(x1)) >= LIMIT:
            return ByReference(curve)
        slopes.append(slope)
        offsets.append(offset)
        runs.append(run)
    return Knots(
        first=knots[0][0],
        last=knots[-1][0],
        inner=tuple(x for x, _ in knots[1:-1]),
        slope=np.array(slopes, dtype=np.int64),
        offset=np.array(offsets, dtype=np.int64),
        run=np.array(runs, dtype=np.int64),
        bounded=bounded,
    )


def _above(values: Ints, edges: tuple[int, ...], compare: np.ufunc) -> Ints:
    """How many edges each value has passed."""
    place = np.zeros(len(values), dtype=np.int8)
    for edge in edges:
        place += compare(values, edge).view(np.int8)
    return place.astype(np.intp)
