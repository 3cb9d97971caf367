"""Stored scores of many customers as columns: who had which score at a moment, the highest since, and trends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt

from metrics.formulas.health_numbers import MICRO, trend
from metrics.scoring.exact import Ints, Mask, half_even

COLUMNS = 5  # bigint each: customer, score row, from, to, score
OPEN = 2**62  # the end of a stretch that is in force, in microseconds
NO_SCORE = -(2**62)
NOBODY = -1  # no stretch at that moment
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOST = 10**12  # micro-points up to which the sums of a trend stay far below 2^62
TENTH = MICRO // 10
LEAST_DAYS = 14  # between the first and the last sample of a trend, as `trend` wants it


@dataclass(frozen=True, eq=False, slots=True)
class Histories:
    """Stretches of customers: `owners` are places in `customer_ids`, instants are microseconds since 1970.

    Ordered by customer and beginning; scores are micro-points, `NO_SCORE` without one.
    """

    customer_ids: Ints
    owners: Ints
    score_ids: Ints
    from_at: Ints
    to_at: Ints
    scores: Ints

    @classmethod
    def parse(cls, data: bytes, customer_ids: Sequence[int]) -> Histories:
        """The rows of a database, each `COLUMNS` numbers as it sends bigint, of these rising customers."""
        ids = np.array(customer_ids, dtype=np.int64)
        rows = np.frombuffer(data, dtype=">i8").astype(np.int64).reshape(-1, COLUMNS)
        return cls(ids, np.searchsorted(ids, rows[:, 0]), rows[:, 1], rows[:, 2], rows[:, 3], rows[:, 4])

    def at(self, moments: Sequence[datetime]) -> Ints:
        """Customers x moments: the place of the stretch in force, or `NOBODY`."""
        found = np.full((len(self.customer_ids), len(moments)), NOBODY, dtype=np.int64)
        for number, moment in enumerate(micros(moments)):
            places = np.flatnonzero((self.from_at <= moment) & (self.to_at > moment))
            found[self.owners[places], number] = places
        return found

    def scores_at(self, places: Ints) -> Ints:
        """The score at each place of `at`, `NO_SCORE` without one."""
        with_none = np.append(self.scores, NO_SCORE)
        found: Ints = with_none[places]  # NOBODY takes the last
        return found

    def score_ids_at(self, places: Ints) -> list[int]:
        """The row at each place, 0 for nobody."""
        found: list[int] = np.append(self.score_ids, 0)[places].tolist()
        return found

    def highest(self, since: datetime) -> dict[int, int]:
        """{customer: the highest score in force at or after a moment}; those without any are left out."""
        highest = np.full(len(self.customer_ids), NO_SCORE, dtype=np.int64)
        later = self.to_at > micros([since])[0]
        np.maximum.at(highest, self.owners[later], self.scores[later])
        known = highest != NO_SCORE
        return dict(zip(self.customer_ids[known].tolist(), highest[known].tolist(), strict=True))

    def samples(self, customer_ids: Sequence[int], moments: Sequence[datetime]) -> list[list[int | None]]:
        """The score of some customers at moments, None where there was none."""
        chosen = np.searchsorted(self.customer_ids, np.array(customer_ids, dtype=np.int64))
        return _plain(self.scores_at(self.at(moments)[chosen]))


def micros(moments: Sequence[datetime]) -> list[int]:
    """Microseconds since 1970, exact."""
    return [(moment - EPOCH) // timedelta(microseconds=1) for moment in moments]


def _plain(scores: Ints) -> list[list[int | None]]:
    found = scores.astype(object)
    found[scores == NO_SCORE] = None
    listed: list[list[int | None]] = found.tolist()
    return listed


def trends(scores: Ints, window: int) -> list[int | None]:
    """`trend` of each row of scores on consecutive days."""
    has: Mask = scores != NO_SCORE
    known = np.where(has, scores, 0)
    if np.abs(known).max(initial=0) > MOST:
        return [
            trend([(day, one) for day, one in enumerate(row) if one is not None], window)
            for row in _plain(scores)
        ]
    days: npt.NDArray[np.int64] = np.arange(scores.shape[1], dtype=np.int64)
    count, first_sum, total = has.sum(axis=1), (has * days).sum(axis=1), known.sum(axis=1)
    spread = count * (has * days * days).sum(axis=1) - first_sum * first_sum
    slope = count * (known * days).sum(axis=1) - first_sum * total
    last = scores.shape[1] - 1 - has[:, ::-1].argmax(axis=1)
    fits = has.any(axis=1) & (last - has.argmax(axis=1) >= LEAST_DAYS)
    found = half_even(slope * window, np.where(fits, spread, 1))
    pairs = zip(found.tolist(), fits.tolist(), strict=True)
    return [one if fit else None for one, fit in pairs]


def points(scores: Ints) -> list[list[float | None]]:
    """Scores at one digit after the point, half to even, for drawing only."""
    known = np.where(scores == NO_SCORE, 0, scores).ravel()  # division goes over one column
    tenths = half_even(known, TENTH).reshape(scores.shape)
    found = (tenths / 10).astype(object)
    found[scores == NO_SCORE] = None
    listed: list[list[float | None]] = found.tolist()
    return listed
