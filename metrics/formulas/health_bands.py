"""The settled band, which does not flicker at an edge, and when a change of a score is worth an alert.

Pure decisions over scores that are evaluated once per local day; what is sent to whom is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from fractions import Fraction

from metrics.formulas.health_cards import INSUFFICIENT, Bands
from metrics.formulas.health_change import CAUSES, CONFIG, UNIT, Change
from metrics.formulas.health_numbers import MICRO

MARGIN = 2 * MICRO  # this far beyond the edge a score settles at once
DWELL = 3  # daily evaluations on one side after which it settles without the margin
DROP, DROP_DAYS = 10 * MICRO, 14
RENEWAL_DAYS = 90
HALF = Fraction(1, 2)


@dataclass(frozen=True, slots=True)
class Settled:
    """The settled band, and for how many evaluations in a row the score has lain above (+) or below (-) it."""

    band: str
    streak: int = 0


def settle_band(
    bands: Bands, before: Settled | None, score: int | None, *, margin: int = MARGIN, dwell: int = DWELL
) -> Settled:
    """The settled band after one more daily evaluation.

    The first score, the first one after a gap without data, and one under a card without the settled band settle at
    once. So does the loss of the score: what is insufficient was never a matter of an edge.
    """
    if score is None:
        return Settled(INSUFFICIENT)
    band, places = bands.of(score), {one.key: place for place, one in enumerate(bands.bands)}
    if before is None or before.band not in places:
        return Settled(band)
    here, there = places[before.band], places[band]
    if here == there:
        return Settled(band)
    up = there > here
    edge = bands.edges[here if up else here - 1].at
    beyond = score - edge if up else edge - score
    days = abs(before.streak) + 1 if (before.streak > 0) == up else 1
    if beyond >= margin or days >= dwell:
        return Settled(band)
    return Settled(before.band, days if up else -days)


def settle(
    bands: Bands, scores: Sequence[int | None], *, margin: int = MARGIN, dwell: int = DWELL
) -> list[str]:
    """The settled band of each day of a history."""
    found: list[str] = []
    settled: Settled | None = None
    for score in scores:
        settled = settle_band(bands, settled, score, margin=margin, dwell=dwell)
        found.append(settled.band)
    return found


def band_move(bands: Bands, before: str, after: str) -> str:
    """How a settled band changed: worse, better, unscored, scored, or empty when it did not."""
    if before == after:
        return ""
    if INSUFFICIENT in {before, after}:
        return "unscored" if after == INSUFFICIENT else "scored"
    places = {one.key: place for place, one in enumerate(bands.bands)}
    if before not in places or after not in places:
        return ""
    return "worse" if places[after] < places[before] else "better"


@dataclass(frozen=True, slots=True)
class DropState:
    """The drop rule of one customer. `low` is None while it is armed; `since` is the day of the last turn."""

    low: int | None = None
    since: int | None = None

    @property
    def is_armed(self) -> bool:
        """Whether the next drop fires."""
        return self.low is None


def drop_step(
    state: DropState, samples: Sequence[tuple[int, int]], *, points: int = DROP, days: int = DROP_DAYS
) -> tuple[DropState, bool]:
    """One daily evaluation of the drop rule over (day number, score) samples, today last: (state, whether it fires).

    It fires when today's score lies `points` or more below the highest of the last `days` days, and then rests until
    the score has recovered half of `points` from its low, or for `days` days. After that only scores since the rest
    count, so that one fall is never told twice.
    """
    if not samples:
        return state, False
    today, score = samples[-1]
    if state.low is not None and state.since is not None:
        low = min(state.low, score)
        if 2 * (score - low) >= points or today - state.since >= days:
            return DropState(None, today), False
        return DropState(low, state.since), False
    first = max(today - days, today - days if state.since is None else state.since)
    highest = max(one for day, one in samples if first <= day <= today)
    if highest - score >= points:
        return DropState(score, today), True
    return state, False


def is_red_before_renewal(tone: str, days_to_renewal: int | None, *, within: int = RENEWAL_DAYS) -> bool:
    """Whether a red score meets a renewal that is due within so many days."""
    return tone == "red" and days_to_renewal is not None and 0 <= days_to_renewal <= within


def absolute_change(change: Change) -> int:
    """What all causes did without regard to the sign, in 1/24 micro-point."""
    return sum(abs(change.of(cause)) for cause in CAUSES)


def is_mostly_config(change: Change) -> bool:
    """Whether at least half of the absolute change is `config`: such a change gives a summary, no single alert."""
    whole = absolute_change(change)
    return whole > 0 and Fraction(abs(change.of(CONFIG)), whole) >= HALF


def rests_on(change: Change, keys: Collection[str]) -> bool:
    """Whether at least half of the absolute change lies on lines of these measures, held ones for instance."""
    whole = sum(abs(sum(line.parts)) for line in change.lines)
    part = sum(abs(sum(line.parts)) for line in change.lines if line.key in keys)
    return whole > 0 and 2 * part >= whole


def fall(change: Change) -> int:
    """How far the score fell, in micro-points; below 0 when it rose."""
    return -change.total // UNIT
