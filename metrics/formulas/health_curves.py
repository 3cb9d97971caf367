"""Curves of health measures: a raw value in, points between 0 and 100 out.

Every curve divides at most once (`div`), so the result is the exact value rounded half to even.
All numbers are integers of 10^-6 (see `health_numbers`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from metrics.formulas.health_numbers import FULL, div

OUT_OF_RANGE = "out_of_range"
THIN_PEERS = "thin_peers"
EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Peers:
    """How the peers of a customer (itself left out) compare with its value."""

    below: int
    equal: int
    count: int


@dataclass(frozen=True, slots=True)
class Step:
    """Value v takes the points of [edge k, edge k + 1); below the first edge the first points."""

    edges: tuple[tuple[int, int], ...]

    def points(self, value: int) -> int | str:
        """Points of the last edge at or below the value."""
        found = self.edges[0][1]
        for edge, points in self.edges:
            if value >= edge:
                found = points
        return found


@dataclass(frozen=True, slots=True)
class Linear:
    """Straight lines between knots (value, points). Outside: the end knot, or missing when bounded."""

    knots: tuple[tuple[int, int], ...]
    bounded: bool = False

    def points(self, value: int) -> int | str:
        """Points on the line through the two knots around the value."""
        first, last = self.knots[0], self.knots[-1]
        if self.bounded and not first[0] <= value <= last[0]:
            return OUT_OF_RANGE
        if value <= first[0]:
            return first[1]
        for (x0, y0), (x1, y1) in pairwise(self.knots):
            if value <= x1:
                return between(value, x0, y0, x1, y1)
        return last[1]


@dataclass(frozen=True, slots=True)
class Target:
    """0 up to a, rising to 100 at b, 100 on [b, c], falling to 0 at d and beyond."""

    a: int
    b: int
    c: int
    d: int

    def points(self, value: int) -> int | str:
        """Points by the side of the target band on which the value lies."""
        if value <= self.a or value >= self.d:
            return 0
        if value < self.b:
            return between(value, self.a, 0, self.b, FULL)
        if value > self.c:
            return between(value, self.c, FULL, self.d, 0)
        return FULL


@dataclass(frozen=True, slots=True)
class Percentile:
    """100 x (peers below + half of the equal peers) / peers; `low_is_good` turns it round.

    `peers` names the segment they come from; empty for all customers.
    """

    min_peers: int = 8
    low_is_good: bool = False
    peers: str = ""

    def points(self, peers: Peers | None) -> int | str:
        """Rank among the peers; missing with too few of them."""
        if peers is None or peers.count < max(1, self.min_peers):
            return THIN_PEERS
        rank = 2 * peers.below + peers.equal
        if self.low_is_good:
            rank = 2 * peers.count - rank
        return div(FULL * rank, 2 * peers.count)


Curve = Step | Linear | Target | Percentile


def points_on(curve: Curve, value: int, peers: Peers | None = None) -> int | str:
    """Points of a value on a curve, or the reason why the reading counts as missing."""
    if isinstance(curve, Percentile):
        return curve.points(peers)
    return curve.points(value)


def between(value: int, x0: int, y0: int, x1: int, y1: int) -> int:
    """The point at `value` on the straight line from (x0, y0) to (x1, y1), rounded once."""
    return div(y0 * (x1 - x0) + (value - x0) * (y1 - y0), x1 - x0)


def peer_counts(value: int, peers: Sequence[int]) -> Peers:
    """Count the peers below and equal to a value; the customer itself must not be among them."""
    return Peers(below=sum(p < value for p in peers), equal=sum(p == value for p in peers), count=len(peers))


def decayed(
    points: int, age: int | None, fresh_for: int | None, expires_after: int | None, neutral: int
) -> int | str:
    """Points of a reading that is `age` whole local days old.

    Full up to fresh_for, then in a straight line towards neutral, missing (`expired`) from expires_after on.
    Without limits, or without a date, nothing decays.
    """
    if fresh_for is None or expires_after is None or age is None or age <= fresh_for:
        return points
    if age >= expires_after:
        return EXPIRED
    return neutral + div((points - neutral) * (expires_after - age), expires_after - fresh_for)
