"""Is a source feed broken, or have its customers really gone quiet? Pure decisions over counts of one hourly check."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

WEEKS = 8  # of the same weekday, whose median is the usual volume
LEARNING_DAYS = 14  # history that is needed before anything is judged
BROKEN_BELOW = Fraction(30, 100)  # of the usual volume
BACK_FROM = Fraction(50, 100)
SILENT_FROM = Fraction(20, 100)  # share of usually active customers
REFUSED_ABOVE = Fraction(20, 100)  # share of rows
LEAST_USUAL = 10  # facts in 24 hours; below that a quiet day says nothing
LEAST_SILENT = 2  # a single silent customer is data
LEAST_ROWS = 20  # rows of files; fewer say nothing about a feed
GOOD_CHECKS = 2  # in a row, that end a hold
LOST_AFTER_DAYS = 14


@dataclass(frozen=True, slots=True)
class Seen:
    """What one check found: days of history, facts of the last 24 hours, and the usual number of them.

    `active` customers are usually heard of on this weekday, `silent` of them were not, though they were within the week
    before. `rows` and `refused` are rows of the files of the last 24 hours.
    """

    history_days: int
    received: int
    usual: Fraction
    active: int = 0
    silent: int = 0
    rows: int = 0
    refused: int = 0

    @property
    def is_learning(self) -> bool:
        """Whether there is too little history to judge."""
        return self.history_days < LEARNING_DAYS

    @property
    def is_thin(self) -> bool:
        """Whether the feed usually carries too little for its volume to say anything."""
        return self.usual < LEAST_USUAL


def weeks_known(history_days: int) -> int:
    """How many of the same weekdays before lie wholly within the history."""
    return min(WEEKS, max(0, (history_days - 1) // 7))


def usual_volume(by_age: Mapping[int, int], history_days: int) -> Fraction:
    """Median over the same weekday of the weeks that are known; `by_age` counts facts by whole days back."""
    counts = [by_age.get(7 * week, 0) for week in range(1, weeks_known(history_days) + 1)]
    return median(counts)


def median(counts: Sequence[int]) -> Fraction:
    """The middle one, or the mean of the two in the middle; 0 of nothing.

    >>> median([5, 1, 9]), median([4, 1]), median([])
    (Fraction(5, 1), Fraction(5, 2), Fraction(0, 1))
    """
    if not counts:
        return Fraction(0)
    ranked, half = sorted(counts), len(counts) // 2
    if len(counts) % 2:
        return Fraction(ranked[half])
    return Fraction(ranked[half - 1] + ranked[half], 2)


def weeks_wanted(history_days: int) -> int:
    """On how many of the known weekdays a customer must have been heard of to count as usually active."""
    known = weeks_known(history_days)
    return max(1, known - 1 if known > WEEKS // 2 else known)


def broken_by(seen: Seen) -> tuple[str, ...]:
    """What is wrong: `volume`, `silent`, `refused`; nothing while learning."""
    if seen.is_learning:
        return ()
    found = []
    if not seen.is_thin and seen.received < BROKEN_BELOW * seen.usual:
        found.append("volume")
    if seen.silent >= LEAST_SILENT and Fraction(seen.silent, seen.active) >= SILENT_FROM:
        found.append("silent")
    if seen.rows >= LEAST_ROWS and Fraction(seen.refused, seen.rows) > REFUSED_ABOVE:
        found.append("refused")
    return tuple(found)


def is_back(seen: Seen) -> bool:
    """Whether a held feed carries half of the usual again, and nothing else is wrong with it."""
    return not broken_by(seen) and seen.received >= BACK_FROM * seen.usual
