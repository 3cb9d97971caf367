"""Two scorings of the same customers side by side: who moves where, with how much money. Whole columns, no database.

Money comes as whole units and 10^-8 of them, so that sums stay exact in int64. Scores and coverage are in 10^-6.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from metrics.formulas.health_curves import Peers as Counts
from metrics.formulas.health_numbers import MICRO
from metrics.scoring.arrays import PeerColumn, Peers, ReadingsMatrix
from metrics.scoring.exact import Ints, Mask
from metrics.scoring.scored import Scored

MONEY_PLACES = 8  # digits of the small part of an amount


Row = tuple[
    int, int, int, int, int | None, int, str
]  # customer, MRR, its small part, owner, score, coverage, band


@dataclass(frozen=True, eq=False, slots=True)
class Side:
    """Scores of all customers on one side. `has` tells who has a score; `bands` are places in the side's vocabulary."""

    scores: Ints
    has: Mask
    coverage: Ints
    bands: Ints

    @classmethod
    def blank(cls, size: int, band: int) -> Side:
        """Nobody has a score; everybody is in one band."""
        zero = np.zeros(size, dtype=np.int64)
        return cls(zero, np.zeros(size, dtype=np.bool_), zero.copy(), np.full(size, band, dtype=np.int64))

    def fill(self, places: Ints, scored: Scored, bands: Sequence[int], insufficient: int) -> None:
        """Take over the scores of the customers at these places; `bands` name the place of each band of the card."""
        codes = np.array(
            [*bands, insufficient], dtype=np.int64
        )  # a customer without a band stands at -1, the last
        self.scores[places] = np.where(scored.has_score, scored.arithmetic, 0)
        self.has[places] = scored.has_score
        self.coverage[places] = scored.coverage_millionths()
        self.bands[places] = codes[scored.band]

    def histogram(self, low: int, high: int, bins: int, mask: Mask) -> list[int]:
        """Customers of a mask with a score per equal stretch of [low, high]; those outside stand in the end columns."""
        scores = self.scores[self.has & mask]
        places = np.clip((scores - low) * bins // max(1, high - low), 0, bins - 1)
        found: list[int] = np.bincount(places, minlength=bins).tolist()
        return found


class Sum(NamedTuple):
    """Customers and their MRR."""

    customers: int
    mrr: Decimal


class BookMoves(NamedTuple):
    """How many customers of one owner move to a better and to a worse band; 0 stands for no owner."""

    owner_id: int
    customers: int
    better: int
    worse: int


@dataclass(frozen=True, eq=False, slots=True)
class Effect:
    """Customers by id with both sides. `steps[row][column]`: 1 better, -1 worse, 0 the same for a move between bands."""

    ids: Ints
    mrr: Ints
    mrr_small: Ints
    owners: Ints
    before: Side
    after: Side
    steps: npt.NDArray[np.int64]
    moves: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.ids)

    def total(self, mask: Mask | None = None) -> Sum:
        """All customers, or those of a mask, with the exact sum of their MRR."""
        whole, small = (self.mrr, self.mrr_small) if mask is None else (self.mrr[mask], self.mrr_small[mask])
        money = Decimal(int(whole.sum())) + Decimal(int(small.sum())).scaleb(-MONEY_PLACES)
        return Sum(len(whole), money)

    def reach(self, mask: Mask) -> tuple[int, int]:
        """Whole points, in twenties and around 0 to 100, between which the scores of a mask lie; at most 1,000 each way."""
        scores = np.concatenate([side.scores[side.has & mask] for side in (self.before, self.after)])
        low, high = (int(scores.min()), int(scores.max())) if len(scores) else (0, 0)
        step = 20 * MICRO
        return max(-1_000, min(0, low // step * 20)), min(1_000, max(100, -(-high // step) * 20))

    @property
    def moved(self) -> Mask:
        """Who changes band."""
        found: Mask = self.moves[self.before.bands, self.after.bands]
        return found

    def cells(self) -> dict[tuple[int, int], Sum]:
        """{(band before, band after): who goes there}; empty cells are left out."""
        columns = self.steps.shape[1]
        codes = self.before.bands * columns + self.after.bands
        return {
            (int(code) // columns, int(code) % columns): self.total(codes == code)
            for code in np.unique(codes)
        }

    def members(self, before: int, after: int) -> list[int]:
        """Places of the customers of one cell, the largest MRR first."""
        mask = (self.before.bands == before) & (self.after.bands == after)
        return self._by(mask, self.mrr.astype(np.float64))

    def movers(self, most: int) -> list[int]:
        """Places of the customers that change band, by MRR x change; a score won or lost counts as one point."""
        both = self.before.has & self.after.has
        change = np.where(both, np.abs(self.after.scores - self.before.scores), MICRO)
        size: npt.NDArray[np.float64] = np.multiply(self.mrr, change, dtype=np.float64)
        return self._by(self.moved, size)[:most]

    def _by(self, mask: Mask, size: npt.NDArray[np.float64]) -> list[int]:
        """Places of a mask, the largest first; float is enough for an order, ids settle ties."""
        places = np.flatnonzero(mask)
        found: list[int] = places[np.lexsort((self.ids[places], -size[places]))].tolist()
        return found

    def sums_by(self, words: Sequence[str]) -> dict[str, Sum]:
        """Customers and MRR per word, from one word per customer."""
        column = np.array(words, dtype=np.str_)
        return {str(word): self.total(column == word) for word in np.unique(column)}

    def books(self) -> list[BookMoves]:
        """Moves per owner, the book with most of them first."""
        step = np.where(self.moved, self.steps[self.before.bands, self.after.bands], 0)
        owners, places = np.unique(self.owners, return_inverse=True)
        size = len(owners)
        columns = [
            np.bincount(places, minlength=size),
            np.bincount(places[step > 0], minlength=size),
            np.bincount(places[step < 0], minlength=size),
        ]
        rows = zip(owners.tolist(), *(column.tolist() for column in columns), strict=True)
        found = [BookMoves(*row) for row in rows]
        return sorted(found, key=lambda one: (-one.better - one.worse, -one.customers, one.owner_id))

    def coverage(self, side: Side, mask: Mask) -> Decimal:
        """Coverage weighted by whole units of MRR among those of a mask; the plain mean when nobody pays."""
        weights = self.mrr[mask].astype(object)
        whole = int(weights.sum()) if len(weights) else 0
        if whole:
            return Decimal(int((weights * side.coverage[mask]).sum())) / (whole * MICRO)
        shares = side.coverage[mask]
        return Decimal(int(shares.sum())) / (len(shares) * MICRO) if len(shares) else Decimal(0)


def effect_of(
    rows: Sequence[Row],
    bands: Sequence[int],
    after: Side,
    steps: Sequence[Sequence[int]],
    moves: Sequence[Sequence[bool]],
) -> Effect:
    """The rows as lists show them beside a second scoring in the same order."""
    columns: list[Sequence[Any]] = list(zip(*rows, strict=True)) or [()] * 7
    ids, mrr, small, owners, scores, coverage, _ = columns
    before = Side(
        scores=np.array([score or 0 for score in scores], dtype=np.int64),
        has=np.array([score is not None for score in scores], dtype=np.bool_),
        coverage=_ints(coverage),
        bands=_ints(bands),
    )
    return Effect(
        ids=_ints(ids),
        mrr=_ints(mrr),
        mrr_small=_ints(small),
        owners=_ints(owners),
        before=before,
        after=after,
        steps=np.array(steps, dtype=np.int64),
        moves=np.array(moves, dtype=np.bool_),
    )


def _ints(values: Sequence[int]) -> Ints:
    return np.array(values, dtype=np.int64)


def places_of(matrix: ReadingsMatrix, customer_ids: Sequence[int]) -> tuple[Ints, Ints]:
    """(places in the matrix, places in the list) of the customers that are in both; both rise by customer id."""
    _, inside, given = np.intersect1d(
        matrix.customer_ids, _ints(customer_ids), assume_unique=True, return_indices=True
    )
    return inside.astype(np.int64), given.astype(np.int64)


def chosen_rows(matrix: ReadingsMatrix, places: Ints) -> ReadingsMatrix:
    """The rows at rising places; the matrix itself, uncopied, when that is all of them."""
    return matrix if len(places) == len(matrix) else matrix.select(places)


def picks(matrix: ReadingsMatrix, choices: Sequence[int]) -> dict[int, Ints]:
    """{what was chosen: places in the matrix}, from one choice per set of labels."""
    if not len(matrix):
        return {}
    found = np.array(choices, dtype=np.int64)[matrix.label_codes]
    return {int(one): np.flatnonzero(found == one) for one in np.unique(found)}


def peers_in(
    matrix: ReadingsMatrix, groups: Mapping[tuple[int, str], object] | set[tuple[int, str]]
) -> Peers:
    """The peers of these groups as the matrix shows them."""
    found = {}
    for slot, segment in groups:
        rows = np.flatnonzero((matrix.reasons[:, slot] == 0) & matrix.holds(segment))
        found[slot, segment] = PeerColumn.of(matrix.values[rows, slot], matrix.customer_ids[rows])
    return found


def counts_for(column: PeerColumn, customer_id: int, value: int) -> Counts:
    """How one customer's value stands among its peers."""
    below, equal, size = column.counts(_ints([customer_id]), _ints([value]))
    return Counts(int(below[0]), int(equal[0]), int(size[0]))
