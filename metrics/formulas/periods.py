"""Calendar arithmetic on local days: half-open periods, clamped months with their anchor (P-1 to P-6, N-10)."""

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

MONTHS_OF_GRAIN = {"month": 1, "quarter": 3, "year": 12}


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """Local days [start, end); the last day inside is end - 1 day."""

    start: date
    end: date

    @property
    def last_day(self) -> date:
        """The closing day, whose end decides the closing values (G-6)."""
        return self.end - timedelta(days=1)

    @property
    def opening_day(self) -> date:
        """The day before the period: MRR at its end is the opening (G-6)."""
        return self.start - timedelta(days=1)

    @property
    def days(self) -> int:
        """Length in local days."""
        return (self.end - self.start).days


def month_of(day: date) -> date:
    """First day of the day's month."""
    return day.replace(day=1)


def month_number(day: date) -> int:
    """Year x 12 + month - 1, so that months subtract."""
    return day.year * 12 + day.month - 1


def add_months(day: date, months: int, *, anchor: int | None = None) -> date:
    """The day `months` later, clamped to the month's last day; `anchor` keeps the wanted day of month.

    31 Jan + 1 = 28 Feb, and with anchor 31 the next step is 31 Mar. Source: P-5, RT-4.
    """
    year, month = divmod(month_number(day) + months, 12)
    wanted = anchor or day.day
    return date(year, month + 1, min(wanted, monthrange(year, month + 1)[1]))


def months_between(first: date, last: date) -> list[date]:
    """First days of all months from the month of `first` to the month of `last`, both included."""
    start, stop = month_number(first), month_number(last)
    return [add_months(month_of(first), step) for step in range(stop - start + 1)]


def month_period(month: date) -> Period:
    """The whole calendar month of a day."""
    start = month_of(month)
    return Period(start, add_months(start, 1))


def period_of(day: date, grain: str, *, fiscal_start: int = 1) -> Period:
    """The month, quarter or year that holds the day; years start in `fiscal_start`. Source: P-1."""
    length = MONTHS_OF_GRAIN[grain]
    offset = (month_number(day) - (fiscal_start - 1)) % length
    start = add_months(month_of(day), -offset)
    return Period(start, add_months(start, length))


def periods_between(first: date, last: date, grain: str, *, fiscal_start: int = 1) -> Iterator[Period]:
    """All periods of the grain that touch the days first to last, in order."""
    period = period_of(first, grain, fiscal_start=fiscal_start)
    while period.start <= last:
        yield period
        period = period_of(period.end, grain, fiscal_start=fiscal_start)


def trailing(day: date, days: int) -> Period:
    """Trailing n days at d = local days d-n+1 to d. Source: P-4."""
    return Period(day - timedelta(days=days - 1), day + timedelta(days=1))


def months_ago(day: date, months: int) -> date:
    """Same day of month, clamped; a month end goes to a month end. Source: P-4."""
    if (day + timedelta(days=1)).day == 1:
        return add_months(month_of(day), 1 - months) - timedelta(days=1)
    return add_months(day, -months)


def local_day(instant: datetime, zone: str) -> date:
    """The date an aware instant carries in the zone. Source: P-2. A naive instant is a ValueError."""
    if instant.tzinfo is None:
        raise ValueError("an instant needs an offset")
    return instant.astimezone(ZoneInfo(zone)).date()


def step(start: date, interval: str, count: int, steps: int) -> date:
    """Start + steps billing intervals; months clamp and keep the start's day of month. Source: N-10, P-5."""
    if interval in {"day", "week"}:
        return start + timedelta(days=steps * count * (7 if interval == "week" else 1))
    return add_months(start, steps * count * MONTHS_OF_GRAIN[interval])


def period_end_after(start: date, interval: str, count: int, day: date) -> date:
    """End of the billing period that runs on `day`: start + k intervals, smallest k later than day. Source: N-10."""
    steps = 1
    while (end := step(start, interval, count, steps)) <= day:
        steps += 1
    return end
