"""The reference for the rows of a matrix: it scores the cards that int64 cannot hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from metrics.formulas.health import Level, Reading, Subject, curve_for, explain
from metrics.formulas.health_cards import Card, CardMeasure, WeightedCard
from metrics.formulas.health_curves import Peers as Compared
from metrics.formulas.health_curves import Percentile
from metrics.formulas.health_measures import NO_DAY, REASONS
from metrics.scoring.arrays import NO_PEERS, NO_TENURE, PeerCounts, ReadingsMatrix, peer_counts
from metrics.scoring.exact import LIMIT
from metrics.scoring.measured import Setting
from metrics.scoring.scored import NO_BAND, SCORE_REASONS, Lines, Parts, Scored

Row = tuple[list[Reading], Subject]


def plain_rows(card: Card, rows: ReadingsMatrix, slots: Sequence[int], setting: Setting) -> Iterator[Row]:
    """What the reference takes of every customer, in the order of the matrix."""
    columns = [
        _Column(place, measure, slot, rows, setting)
        for place, (measure, slot) in enumerate(zip(card.measures, slots, strict=True))
    ]
    for place in range(len(rows)):
        tenure = int(rows.tenure[place])
        subject = Subject(
            phase=rows.phases[rows.phase_codes[place]],
            tenure_months=None if tenure == NO_TENURE else tenure,
            segments=rows.label_sets[rows.label_codes[place]],
        )
        yield [column.reading(place, subject) for column in columns], subject


class _Column:
    """Readings of one measure in plain values."""

    def __init__(self, at: int, measure: Any, slot: int, rows: ReadingsMatrix, setting: Setting) -> None:
        self.measure = measure
        self.today = setting.held.get(at, setting.as_of_day)
        self.values = rows.values[:, slot].tolist()
        self.days = rows.days[:, slot].tolist()
        self.reasons = rows.reasons[:, slot].tolist()
        self.counts: dict[str, PeerCounts] = {}
        if isinstance(measure, CardMeasure):
            for curve in (measure.curve, *(special.curve for special in measure.curves)):
                if isinstance(curve, Percentile):
                    self.counts[curve.peers] = peer_counts(
                        setting.peers, (slot, curve.peers), rows.customer_ids, rows.values[:, slot]
                    )

    def reading(self, place: int, subject: Subject) -> Reading:
        day = self.days[place]
        age = None if day == NO_DAY else max(0, self.today - day)
        if self.reasons[place]:
            return Reading(None, age, REASONS[self.reasons[place]])
        return Reading(self.values[place], age, "", self._compared(place, subject))

    def _compared(self, place: int, subject: Subject) -> Compared | None:
        if not self.counts:
            return None
        curve = curve_for(self.measure, subject)
        if not isinstance(curve, Percentile):
            return None
        return Compared(*(int(column[place]) for column in self.counts[curve.peers]))  # below, equal, count


def by_reference(card: Card, rows: ReadingsMatrix, slots: Sequence[int], setting: Setting) -> Scored:
    """All columns from `explain`, one customer after the other. Numbers beyond int64 stay Python integers."""
    given = list(plain_rows(card, rows, slots, setting))
    levels = [explain(card, readings, subject) for readings, subject in given]
    weighted = isinstance(card, WeightedCard)
    whole = card.base_total if isinstance(card, WeightedCard) else 1
    bands = {band.key: place for place, band in enumerate(card.bands.bands)}
    return Scored(
        card=card,
        arithmetic=_ints([one.arithmetic or 0 for one in levels]),
        known=np.array([one.arithmetic is not None for one in levels], dtype=np.bool_),
        reason=np.array([SCORE_REASONS.index(one.reason) for one in levels], dtype=np.int8),
        band=np.array([bands.get(one.band, NO_BAND) for one in levels], dtype=np.int8),
        covered=_ints([_times(one.coverage, whole) for one in levels]),
        whole=whole,
        lines=_lines(card, levels),
        parts=_parts(card, levels) if weighted else None,
        peers=_peers(card, [readings for readings, _ in given]) if weighted else {},
    )


def _times(share: Fraction, whole: int) -> int:
    return int(share * whole)


def _ints(numbers: Any, shape: tuple[int, ...] | None = None) -> npt.NDArray[np.int64]:
    """A column of int64, or of Python integers when one is too large."""
    column = np.array(numbers, dtype=object)
    if all(abs(number) < LIMIT for number in column.flat):
        column = column.astype(np.int64)
    return column if shape is None else column.reshape(shape)


def _lines(card: Card, levels: Sequence[Level]) -> Lines:
    size, measures = len(levels), len(card.measures)
    groups = len(card.groups) if isinstance(card, WeightedCard) else 0
    capped = [one.arithmetic is not None and len(one.lines) > measures for one in levels]
    points = [[line.points for line in one.lines[:measures]] or [0] * measures for one in levels]
    known = [[part.points is not None for part in one.groups] for one in levels]
    return Lines(
        measures=_ints(points, (size, measures)),
        cap=_ints([one.lines[-1].points if fired else 0 for one, fired in zip(levels, capped, strict=True)]),
        capped=np.array(capped, dtype=np.bool_),
        group_points=_ints([[part.points or 0 for part in one.groups] for one in levels], (size, groups)),
        group_known=np.array(known, dtype=np.bool_).reshape(size, groups),
        groups=_ints([[part.contribution for part in one.groups] for one in levels], (size, groups)),
    )


def _parts(card: Card, levels: Sequence[Level]) -> Parts:
    shape = len(levels), len(card.measures)
    found = [part for one in levels for part in one.parts]
    flags = {
        "has_raw": [part.raw_points is not None for part in found],
        "present": [part.points is not None for part in found],
        "real": [part.points is not None and not part.imputed for part in found],
    }
    return Parts(
        raw=_ints([part.raw_points or 0 for part in found], shape),
        points=_ints([part.points or 0 for part in found], shape),
        reasons=np.array([REASONS.index(part.reason) for part in found], dtype=np.int8).reshape(shape),
        **{name: np.array(column, dtype=np.bool_).reshape(shape) for name, column in flags.items()},
    )


def _peers(card: Card, rows: Sequence[Sequence[Reading]]) -> dict[int, PeerCounts]:
    found = {}
    for place in ranked(card):
        counts = [row[place].peers for row in rows]
        table = [(NO_PEERS,) * 3 if one is None else (one.below, one.equal, one.count) for one in counts]
        found[place] = PeerCounts(*np.array(table, dtype=np.int64).reshape(-1, 3).T)
    return found


def ranked(card: Card) -> tuple[int, ...]:
    """Places of the measures that any customer may be ranked by."""
    if not isinstance(card, WeightedCard):
        return ()
    return tuple(
        place
        for place, measure in enumerate(card.measures)
        if any(
            isinstance(curve, Percentile)
            for curve in (measure.curve, *(special.curve for special in measure.curves))
        )
    )
