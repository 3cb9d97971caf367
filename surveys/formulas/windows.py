"""When a mail may leave: local days and hours in the contact's zone, answered in UTC (S-52)."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

WEEKDAYS = (0, 1, 2, 3, 4)
EVERY_DAY = (0, 1, 2, 3, 4, 5, 6)
MIDNIGHT = time(0)
LOOK_AHEAD_DAYS = 15  # two weeks and the rest of today: every weekday comes up


@dataclass(frozen=True)
class SendWindow:
    """Allowed local weekdays (Monday is 0) and hours `[opens, closes)`; closes at 00:00 means the end of the day."""

    days: tuple[int, ...] = WEEKDAYS
    opens: time = time(9)
    closes: time = time(16)

    def is_open(self, moment: datetime, zone: ZoneInfo) -> bool:
        """Whether the moment lies inside the window on a local clock."""
        local = moment.astimezone(zone)
        clock = local.time()
        return (
            local.weekday() in self.days
            and clock >= self.opens
            and (self.closes == MIDNIGHT or clock < self.closes)
        )


ANY_TIME = SendWindow(EVERY_DAY, MIDNIGHT, MIDNIGHT)


def utc_of_local(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """UTC of a local wall time. A missing time moves forward by the gap; a doubled one takes the first."""
    return datetime.combine(day, clock, tzinfo=zone).astimezone(UTC)


def next_open(moment: datetime, window: SendWindow, zone: ZoneInfo) -> datetime:
    """Earliest allowed moment at or after `moment`, in UTC. A window without days never opens and raises ValueError."""
    if window.is_open(moment, zone):
        return moment.astimezone(UTC)
    first = moment.astimezone(zone).date()
    for step in range(LOOK_AHEAD_DAYS):
        day = first + timedelta(days=step)
        opening = utc_of_local(day, window.opens, zone)
        if day.weekday() in window.days and opening >= moment:
            return opening
    message = "a send window needs at least one day"
    raise ValueError(message)


def opening_of_slot(moment: datetime, window: SendWindow, zone: ZoneInfo, slot: int) -> datetime:
    """First allowed moment on the sending day `slot` (0: the first one at or after `moment`), in UTC.

    Only days of the window count, so that a drip does not pile its weekend up on Monday.
    """
    start = next_open(moment, window, zone)
    if slot == 0:
        return start
    day = start.astimezone(zone).date()
    left = slot
    while left:
        day += timedelta(days=1)
        left -= day.weekday() in window.days
    return utc_of_local(day, window.opens, zone)
