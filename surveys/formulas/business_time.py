"""Working time of a person: moments after so many working hours, in one zone with working days, hours and holidays.

All lengths are whole seconds of working time, all answers UTC. A deadline that ends with a working day is the end of
that day, never the next morning.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from surveys.formulas.windows import EVERY_DAY, MIDNIGHT, WEEKDAYS, utc_of_local

HOUR = 3600  # seconds
REMIND_AT = 75  # per cent of the time used up
LOOK_AHEAD_DAYS = 3660  # ten years; whoever works less often has no working time
A_DAY = timedelta(days=1)


class NoWorkingTimeError(ValueError):
    """The calendar has no working day, or days without an hour."""


@dataclass(frozen=True)
class Calendar:
    """Local working weekdays (Monday is 0) and hours `[opens, closes)`; closes at 00:00 means the end of the day."""

    zone: ZoneInfo
    days: tuple[int, ...] = WEEKDAYS
    opens: time = time(9)
    closes: time = time(17)
    holidays: frozenset[date] = frozenset()

    @property
    def day_s(self) -> int:
        """Seconds of a plain working day by the wall clock; 0 when it closes before it opens."""
        closes = 24 * HOUR if self.closes == MIDNIGHT else _seconds_of(self.closes)
        return max(0, closes - _seconds_of(self.opens))

    @property
    def is_usable(self) -> bool:
        """Whether anybody works by it at all."""
        return self.day_s > 0 and any(day in EVERY_DAY for day in self.days)

    def hours_of(self, day: date) -> tuple[datetime, datetime] | None:
        """Beginning and end of the work of a local day, or None when nobody works."""
        if day.weekday() not in self.days or day in self.holidays or not self.day_s:
            return None
        last = day + A_DAY if self.closes == MIDNIGHT else day
        start, end = utc_of_local(day, self.opens, self.zone), utc_of_local(last, self.closes, self.zone)
        return (start, end) if end > start else None  # a clock change may swallow a short day

    def after(self, start: datetime, seconds: int) -> datetime:
        """The moment when `seconds` of working time have passed since `start`.

        No time at all gives `start` itself. Raises NoWorkingTimeError when nobody ever works.
        """
        left = timedelta(seconds=seconds)
        if not left:
            return start.astimezone(UTC)
        for opens, closes in self._from(start):
            begin = max(opens, start)
            if closes - begin >= left:
                return begin + left
            left -= max(closes - begin, timedelta(0))
        message = "nobody works by this calendar"
        raise NoWorkingTimeError(message)

    def between(self, start: datetime, end: datetime) -> int:
        """Seconds of working time from `start` to `end`, half-open; 0 when the end is not later."""
        total = timedelta(0)
        for opens, closes in self._from(start):
            if opens >= end:
                break
            total += max(min(closes, end) - max(opens, start), timedelta(0))
        return int(total.total_seconds())

    def _from(self, start: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Working hours day by day, from the local day of `start`."""
        if not self.is_usable:
            return
        first = start.astimezone(self.zone).date()
        for step in range(LOOK_AHEAD_DAYS):
            hours = self.hours_of(first + timedelta(days=step))
            if hours is not None:
                yield hours


def due_after_waits(
    calendar: Calendar,
    *,
    start: datetime,
    budget_s: int,
    waits: Iterable[tuple[datetime, datetime]],
    most_wait_s: int,
) -> datetime:
    """When a budget of working time is used up, the waits (in order, apart) left out, at most `most_wait_s` of them.

    A wait that begins when the time is up already moves nothing.
    """
    due, left = calendar.after(start, budget_s), most_wait_s
    for begin, end in waits:
        if begin < due:
            counted = min(calendar.between(begin, end), left)
            due, left = calendar.after(due, counted), left - counted
    return due


def is_soon(calendar: Calendar, *, now: datetime, due: datetime, budget_s: int) -> bool:
    """Whether three quarters of the budget are used up: at most a quarter is left."""
    return calendar.between(now, due) * 100 <= budget_s * (100 - REMIND_AT)


def median(values: Sequence[int]) -> float | None:
    """The middle value; between two middle ones their mean. None of nothing."""
    if not values:
        return None
    found, half = sorted(values), len(values) // 2
    return float(found[half]) if len(found) % 2 else (found[half - 1] + found[half]) / 2


def nearest_rank(values: Sequence[int], per_cent: int) -> int | None:
    """The smallest value that `per_cent` of all values do not exceed. None of nothing."""
    if not values:
        return None
    return sorted(values)[max(0, -(-len(values) * per_cent // 100) - 1)]


def _seconds_of(clock: time) -> int:
    return clock.hour * HOUR + clock.minute * 60 + clock.second
