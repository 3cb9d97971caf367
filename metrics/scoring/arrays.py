"""Readings of many customers as aligned columns, and the values of their peers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from metrics.formulas.health_measures import NO_DAY, REASONS
from metrics.formulas.health_rules import segment_of
from metrics.scoring.exact import Ints, Mask

Int32s = npt.NDArray[np.int32]
Int8s = npt.NDArray[np.int8]
Picks = npt.NDArray[np.integer] | Mask
Scalar = TypeVar("Scalar", bound=np.generic)

NO_FACTS = REASONS.index("no_facts")
NO_TENURE = -(2**31)  # the months of a customer whose start is unknown


class ReadingsRow(NamedTuple):
    """One customer in plain values, in slot order."""

    customer_id: int
    values: Sequence[int | None]
    days: Sequence[int | None]
    reasons: Sequence[str]
    phase: str = ""
    tenure_months: int | None = None
    labels: Iterable[str] = ()


@dataclass(frozen=True, eq=False, slots=True)
class ReadingsMatrix:
    """Customers x slots. The columns of the two-dimensional arrays lie together in memory.

    `values` are in 10^-6 (0 where none), `days` count from 2000-01-01 (`NO_DAY` where none), `reasons` are positions in
    REASONS, where 0 means that there is a value. Phases and sets of labels stand once, customers hold their places.
    """

    customer_ids: Ints
    values: Ints
    days: Int32s
    reasons: Int8s
    phases: tuple[str, ...]
    phase_codes: Int32s
    tenure: Int32s
    label_sets: tuple[frozenset[str], ...]
    label_codes: Int32s
    _holders: dict[str, Mask] = field(
        default_factory=dict, repr=False
    )  # which label sets hold a segment, once asked

    def __len__(self) -> int:
        return len(self.customer_ids)

    @property
    def slots(self) -> int:
        """How many slots every customer has."""
        return int(self.values.shape[1])

    def select(self, rows: Picks) -> ReadingsMatrix:
        """The customers at these places, or where a mask is set, in that order."""
        places = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows
        return ReadingsMatrix(
            customer_ids=self.customer_ids[places],
            values=self.values.T.take(places, axis=1).T,
            days=self.days.T.take(places, axis=1).T,
            reasons=self.reasons.T.take(places, axis=1).T,
            phases=self.phases,
            phase_codes=self.phase_codes[places],
            tenure=self.tenure[places],
            label_sets=self.label_sets,
            label_codes=self.label_codes[places],
            _holders=self._holders,
        )

    def between(self, start: int, stop: int) -> ReadingsMatrix:
        """The customers at places [start, stop), without copying."""
        return ReadingsMatrix(
            customer_ids=self.customer_ids[start:stop],
            values=self.values[start:stop],
            days=self.days[start:stop],
            reasons=self.reasons[start:stop],
            phases=self.phases,
            phase_codes=self.phase_codes[start:stop],
            tenure=self.tenure[start:stop],
            label_sets=self.label_sets,
            label_codes=self.label_codes[start:stop],
            _holders=self._holders,
        )

    def spread(self, slots: Sequence[int], width: int) -> ReadingsMatrix:
        """The same readings with column i at slot `slots[i]` of `width`; in other slots nothing is known."""
        shape = (len(self), width)
        values = np.zeros(shape, dtype=np.int64, order="F")
        days = np.full(shape, NO_DAY, dtype=np.int32, order="F")
        reasons = np.full(shape, NO_FACTS, dtype=np.int8, order="F")
        for place, slot in enumerate(slots):
            values[:, slot] = self.values[:, place]
            days[:, slot] = self.days[:, place]
            reasons[:, slot] = self.reasons[:, place]
        return replace(self, values=values, days=days, reasons=reasons)

    def in_phase(self, phase: str) -> Mask:
        """Who is in this phase."""
        table = np.array([word == phase for word in self.phases], dtype=np.bool_)
        return _taken(table, self.phase_codes)

    def holds(self, segment: str) -> Mask:
        """Who holds a label, or every one of several joined by " & "; "" is held by everybody."""
        if segment not in self._holders:
            wanted = frozenset(segment_of(segment))
            found = [wanted <= labels for labels in self.label_sets]
            self._holders[segment] = np.array(found, dtype=np.bool_)
        return _taken(self._holders[segment], self.label_codes)

    @classmethod
    def from_rows(cls, rows: Sequence[ReadingsRow], slots: int) -> ReadingsMatrix:
        """The matrix of plain rows. A value wins over a reason; none without a reason is `no_facts`."""
        phases: dict[str, int] = {}
        labels: dict[frozenset[str], int] = {}
        shape = (len(rows), slots)
        return cls(
            customer_ids=np.array([row.customer_id for row in rows], dtype=np.int64),
            values=_columns([[value or 0 for value in row.values] for row in rows], shape, np.int64),
            days=_columns(
                [[NO_DAY if day is None else day for day in row.days] for row in rows], shape, np.int32
            ),
            reasons=_columns([_codes(row) for row in rows], shape, np.int8),
            phase_codes=np.array([phases.setdefault(row.phase, len(phases)) for row in rows], dtype=np.int32),
            tenure=np.array(
                [NO_TENURE if row.tenure_months is None else row.tenure_months for row in rows],
                dtype=np.int32,
            ),
            label_codes=np.array(
                [labels.setdefault(frozenset(row.labels), len(labels)) for row in rows], dtype=np.int32
            ),
            phases=tuple(phases),
            label_sets=tuple(labels),
        )


def _taken(table: Mask, codes: Int32s) -> Mask:
    return table.take(codes) if len(codes) else np.zeros(0, dtype=np.bool_)


def _codes(row: ReadingsRow) -> list[int]:
    return [
        0 if value is not None else REASONS.index(reason) or NO_FACTS
        for value, reason in zip(row.values, row.reasons, strict=True)
    ]


def _columns(rows: object, shape: tuple[int, int], dtype: type[Scalar]) -> npt.NDArray[Scalar]:
    return np.asfortranarray(np.array(rows, dtype=dtype).reshape(shape))


class PeerCounts(NamedTuple):
    """How the peers of each customer compare with its value; `size` is `NO_PEERS` where nobody was compared."""

    below: Ints
    equal: Ints
    size: Ints


NO_PEERS = -1


@dataclass(frozen=True, eq=False, slots=True)
class PeerColumn:
    """Readings of one group of peers: `values` rise; `own` belong to `customer_ids`, which rise."""

    values: Ints
    customer_ids: Ints
    own: Ints

    @classmethod
    def of(cls, values: Sequence[int] | Ints, customer_ids: Sequence[int] | Ints) -> PeerColumn:
        """The group of these readings, each with its customer, in any order."""
        given, names = np.array(values, dtype=np.int64), np.array(customer_ids, dtype=np.int64)
        order = np.argsort(names)
        return cls(np.sort(given), names[order], given[order])

    def counts(self, customer_ids: Ints, values: Ints) -> PeerCounts:
        """Peers below and equal to each value, without the customer itself."""
        below = np.searchsorted(self.values, values, side="left").astype(np.int64)
        equal = np.searchsorted(self.values, values, side="right").astype(np.int64) - below
        size = np.full(len(values), len(self.values), dtype=np.int64)
        if len(self.own):
            places = np.minimum(np.searchsorted(self.customer_ids, customer_ids), len(self.own) - 1)
            itself = self.customer_ids[places] == customer_ids
            own = self.own[places]
            below -= itself & (own < values)
            equal -= itself & (own == values)
            size -= itself
        return PeerCounts(below, equal, size)


Peers = Mapping[tuple[int, str], PeerColumn]  # by (slot, segment), "" for all customers


def peer_counts(peers: Peers, group: tuple[int, str], customer_ids: Ints, values: Ints) -> PeerCounts:
    """Counts in one group; a group that nobody noted has no peers."""
    column = peers.get(group)
    if column is None:
        return PeerCounts(*(np.zeros(len(values), dtype=np.int64) for _ in PeerCounts._fields))
    return column.counts(customer_ids, values)
