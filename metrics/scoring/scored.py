"""Scores of many customers under one card, every field of `Level` as a column."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from metrics.formulas.health import BLOCKED, CAP_LINE, COVERAGE, NO_DATA, GroupPart, Level, Line
from metrics.formulas.health_cards import INSUFFICIENT, Action, Card, CardMeasure, WeightedCard
from metrics.formulas.health_numbers import MICRO
from metrics.scoring.arrays import NO_PEERS, Int8s, PeerCounts
from metrics.scoring.exact import LIMIT, Ints, Mask

SCORE_REASONS = ("", COVERAGE, BLOCKED, NO_DATA)  # why there is no score; columns hold positions
NO_BAND = -1  # the band of a customer without a score


@dataclass(frozen=True, eq=False, slots=True)
class Lines:
    """What adds up to the arithmetic: customers x measures in card order, the cap, and what groups gave.

    All are 0 where there is no arithmetic; `capped` tells a cap that fired and took nothing from one that did not fire.
    """

    measures: Ints
    cap: Ints
    capped: Mask
    group_points: Ints
    group_known: Mask
    groups: Ints


@dataclass(frozen=True, eq=False, slots=True)
class Parts:
    """Customers x measures of a weighted card: points before and after decay, and why a reading is missing."""

    raw: Ints
    has_raw: Mask
    points: Ints
    present: Mask
    real: Mask
    reasons: Int8s  # positions in REASONS

    def points_or(self, instead: Sequence[int]) -> list[list[int]]:
        """Points per customer, and for what is missing those given per measure."""
        filler = np.array(instead, dtype=np.int64)
        found: list[list[int]] = np.where(self.present, self.points, filler).tolist()
        return found


@dataclass(frozen=True, eq=False, slots=True)
class Scored:
    """Columns in the order of the matrix. `covered` / `whole` is the exact coverage of each customer.

    `arithmetic` is 0 where it is not `known`. `peers` are the counts of percentile measures by place on the card.
    """

    card: Card
    arithmetic: Ints
    known: Mask
    reason: Int8s
    band: Int8s
    covered: Ints
    whole: int
    lines: Lines | None = None
    parts: Parts | None = None
    peers: dict[int, PeerCounts] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.arithmetic)

    @property
    def has_score(self) -> Mask:
        """Who has a score; for them it is the arithmetic."""
        found: Mask = self.reason == 0
        return found

    def coverage(self, place: int) -> Fraction:
        """The exact coverage of one customer."""
        return Fraction(int(self.covered[place]), self.whole)

    def coverage_millionths(self) -> Ints:
        """Coverage in 10^-6, rounded down: 1,000,000 only when it is exactly 1."""
        if self.whole * MICRO < LIMIT:
            return self.covered * MICRO // self.whole
        known, places = np.unique(self.covered, return_inverse=True)
        floors = [int(covered) * MICRO // self.whole for covered in known]
        return np.array(floors, dtype=np.int64)[places]

    def per_band(self) -> Ints:
        """Customers per band in card order, those without a score last."""
        bands = len(self.card.bands.bands)
        counts = np.bincount(np.where(self.band < 0, bands, self.band), minlength=bands + 1)
        return counts.astype(np.int64)

    def between(self, start: int, stop: int) -> Scored:
        """The same columns of the customers at places [start, stop), to read or to fill."""
        return Scored(
            card=self.card,
            arithmetic=self.arithmetic[start:stop],
            known=self.known[start:stop],
            reason=self.reason[start:stop],
            band=self.band[start:stop],
            covered=self.covered[start:stop],
            whole=self.whole,
            lines=None if self.lines is None else Lines(*_cut(self.lines, start, stop)),
            parts=None if self.parts is None else Parts(*_cut(self.parts, start, stop)),
            peers={
                place: PeerCounts(*(column[start:stop] for column in counts))
                for place, counts in self.peers.items()
            },
        )

    def level(self, place: int) -> Level:
        """The result of one customer as the reference gives it. Needs lines."""
        if self.lines is None:
            raise ValueError("scored without lines")
        known, reason = bool(self.known[place]), SCORE_REASONS[self.reason[place]]
        total = int(self.arithmetic[place]) if known else None
        return Level(
            score=None if reason else total,
            arithmetic=total,
            band=INSUFFICIENT if reason else self.card.bands.bands[self.band[place]].key,
            reason=reason,
            coverage=self.coverage(place),
            lines=tuple(_lines(self.card, self.lines, place)) if known else (),
            groups=_groups(self.card, self.lines, place),
        )


def _cut(columns: Lines | Parts, start: int, stop: int) -> Iterator[Any]:
    return (getattr(columns, one.name)[start:stop] for one in fields(columns))


def _lines(card: Card, lines: Lines, place: int) -> Iterator[Line]:
    measures: Sequence[CardMeasure | Action] = card.measures
    for measure, points in zip(measures, lines.measures[place], strict=True):
        yield Line(measure.key, int(points))
    if lines.capped[place]:
        yield Line(CAP_LINE, int(lines.cap[place]))


def _groups(card: Card, lines: Lines, place: int) -> tuple[GroupPart, ...]:
    if not isinstance(card, WeightedCard):
        return ()
    return tuple(
        GroupPart(
            group.key,
            int(lines.group_points[place, number]) if lines.group_known[place, number] else None,
            int(lines.groups[place, number]),
        )
        for number, group in enumerate(card.groups)
    )


def blank(card: Card, size: int, whole: int, *, lines: bool, parts: bool, ranked: tuple[int, ...]) -> Scored:
    """Columns to fill. `ranked` are the places of measures whose peers are counted."""
    measures = len(card.measures)
    groups = len(card.groups) if isinstance(card, WeightedCard) else 0
    wide, flag, code = np.int64, np.bool_, np.int8

    def table(columns: int, kind: type[Any]) -> npt.NDArray[Any]:
        return np.zeros((size, columns), dtype=kind, order="F")

    return Scored(
        card=card,
        arithmetic=np.zeros(size, dtype=wide),
        known=np.zeros(size, dtype=flag),
        reason=np.zeros(size, dtype=code),
        band=np.full(size, NO_BAND, dtype=code),
        covered=np.zeros(size, dtype=wide if whole < LIMIT else object),
        whole=whole,
        lines=Lines(
            measures=table(measures, wide),
            cap=np.zeros(size, dtype=wide),
            capped=np.zeros(size, dtype=flag),
            group_points=table(groups, wide),
            group_known=table(groups, flag),
            groups=table(groups, wide),
        )
        if lines
        else None,
        parts=Parts(
            raw=table(measures, wide),
            has_raw=table(measures, flag),
            points=table(measures, wide),
            present=table(measures, flag),
            real=table(measures, flag),
            reasons=table(measures, code),
        )
        if parts
        else None,
        peers={
            place: PeerCounts(*(np.full(size, NO_PEERS, dtype=wide) for _ in PeerCounts._fields))
            for place in ranked
        },
    )
