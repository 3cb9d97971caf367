"""One measure for a column of customers: pick the curve, points, decay, missing policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from metrics.formulas.health_cards import SpecialCurve
from metrics.formulas.health_curves import EXPIRED, OUT_OF_RANGE, THIN_PEERS
from metrics.formulas.health_measures import NO_DAY, REASONS
from metrics.scoring.arrays import (
    NO_PEERS,
    NO_TENURE,
    Int8s,
    Int32s,
    PeerCounts,
    Peers,
    ReadingsMatrix,
    peer_counts,
)
from metrics.scoring.curves import Plan, Rank
from metrics.scoring.exact import Ints, Mask, half_even
from metrics.scoring.plan import MeasurePlan

IS_EXPIRED, IS_OUTSIDE, IS_THIN = (REASONS.index(word) for word in (EXPIRED, OUT_OF_RANGE, THIN_PEERS))


@dataclass(frozen=True, eq=False, slots=True)
class Setting:
    """The day of scoring, the peers, and by place on the card the day at which the age of a held measure stands."""

    as_of_day: int
    peers: Peers
    held: Mapping[int, int]


@dataclass(frozen=True, eq=False, slots=True)
class Measured:
    """Points of a measure, 0 where there are none. `real`: from a reading; `present`: real or filled in."""

    points: Ints
    real: Mask
    present: Mask
    raw: Ints
    lost: Int8s | None  # positions of the reasons why the curve lost a reading, 0 where it did not
    expired: Mask | None
    peers: PeerCounts | None

    def reasons(self, given: Int8s) -> Int8s:
        """Positions of the reasons why readings are missing, 0 where they are not."""
        found = given.copy()
        if self.lost is not None:
            found = np.where(given == 0, self.lost, given)
        if self.expired is not None:
            found[(found == 0) & self.expired] = IS_EXPIRED
        return found


@dataclass(frozen=True, eq=False, slots=True)
class _Curved:
    """Points before decay."""

    points: Ints
    lost: Int8s | None
    peers: PeerCounts | None = None


def measured(plan: MeasurePlan, rows: ReadingsMatrix, setting: Setting) -> Measured:
    """The measure of a plan for these customers."""
    peers, as_of_day = setting.peers, setting.held.get(plan.place, setting.as_of_day)
    has = rows.reasons[:, plan.slot] == 0
    curved = _by_customer(plan, rows, has, peers) if plan.special else _on(plan.curve, plan, rows, has, peers)
    points = curved.points
    real = has if curved.lost is None else has & (curved.lost == 0)
    expired = None
    if plan.measure.fresh_for is not None and plan.measure.expires_after is not None:
        days = rows.days[:, plan.slot]
        expired = (days <= as_of_day - plan.measure.expires_after) & (days != NO_DAY)
        points = _decayed(plan, points, days, as_of_day)
        real = real & ~expired
    present = real
    if not real.all():
        points = np.where(real, points, plan.fill or 0)
        present = real if plan.fill is None else np.ones(len(rows), dtype=np.bool_)
    return Measured(points, real, present, curved.points, curved.lost, expired, curved.peers)


def _decayed(plan: MeasurePlan, raw: Ints, days: Int32s, as_of_day: int) -> Ints:
    """Points of readings between fresh and expired drawn towards neutral; others stay."""
    fresh_for, expires_after = plan.measure.fresh_for or 0, plan.measure.expires_after or 0
    ageing = np.flatnonzero((days < as_of_day - fresh_for) & (days > as_of_day - expires_after))
    if not ageing.size:
        return raw
    left = days[ageing] + np.int64(expires_after - as_of_day)
    neutral = plan.measure.neutral
    points = raw.copy()
    points[ageing] = neutral + half_even((raw[ageing] - neutral) * left, expires_after - fresh_for)
    return points


def _on(
    curve: Plan,
    plan: MeasurePlan,
    rows: ReadingsMatrix,
    has: Mask,
    peers: Peers,
    places: Ints | slice = slice(None),
) -> _Curved:
    """One curve for the customers at these places."""
    values = rows.values[places, plan.slot]
    if isinstance(curve, Rank):
        counts = peer_counts(peers, (plan.slot, curve.peers), rows.customer_ids[places], values)
        points, thin = curve.on(counts)
        compared = PeerCounts(*(np.where(has[places], column, NO_PEERS) for column in counts))
        return _Curved(points, np.where(thin, np.int8(IS_THIN), np.int8(0)), compared)
    points, outside = curve.on(values)
    lost = None if outside is None else np.where(outside, np.int8(IS_OUTSIDE), np.int8(0))
    return _Curved(points, lost)


def _by_customer(plan: MeasurePlan, rows: ReadingsMatrix, has: Mask, peers: Peers) -> _Curved:
    """The curve of each customer's phase or tenure: the first that fits, else the measure's own."""
    picked = np.full(len(rows), len(plan.special), dtype=np.intp)
    for number, (special, _) in reversed(list(enumerate(plan.special))):
        picked[_fits(special, rows)] = number
    points = np.zeros(len(rows), dtype=np.int64)
    lost = np.zeros(len(rows), dtype=np.int8)
    counts = PeerCounts(*(np.full(len(rows), NO_PEERS, dtype=np.int64) for _ in PeerCounts._fields))
    for number, curve in enumerate((*(curve for _, curve in plan.special), plan.curve)):
        places = np.flatnonzero(picked == number)
        if not places.size:
            continue
        found = _on(curve, plan, rows, has, peers, places)
        points[places] = found.points
        if found.lost is not None:
            lost[places] = found.lost
        if found.peers is not None:
            for column, part in zip(counts, found.peers, strict=True):
                column[places] = part
    compared = any(isinstance(curve, Rank) for curve in (plan.curve, *(one for _, one in plan.special)))
    return _Curved(points, lost, counts if compared else None)


def _fits(special: SpecialCurve, rows: ReadingsMatrix) -> Mask:
    if special.phase is not None:
        return rows.in_phase(special.phase)
    fits: Mask = (rows.tenure != NO_TENURE) & (rows.tenure >= special.from_months)
    return fits if special.to_months is None else fits & (rows.tenure < special.to_months)
