"""Support (section 18)."""

from collections.abc import Collection, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction

from metrics.formulas.activation import Watched, quantile_days
from metrics.formulas.mrr import exact
from metrics.formulas.result import Result, ratio, times

HOUR = 3600  # seconds
OPENS, CLOSES = time(9), time(17)
WORKDAYS = range(5)  # Monday to Friday
DAYS_OF_WEEK = 7


def fcr_rate(*, solved_first: int, solved: int, excluded: int = 0) -> Result:
    """Tickets solved with no customer reply after the first answer and not reopened / solved tickets.

    `excluded` leaves the base under fcr_base=net and for contacts abandoned while waiting. None solved: no_data.
    """
    return ratio(solved_first, solved - excluded, if_zero="no_data")


def ticket_load(*, tickets: int, active_users: int) -> Result:
    """Tickets per 100 active product users in 30 days. No active user: zero_denominator."""
    return times(ratio(tickets, active_users), Decimal(100))


def median_hours(watched: Sequence[Watched]) -> Result:
    """Median hours to the first answer or to the solution by Kaplan-Meier, open tickets censored. Source: section 18."""
    return quantile_days(watched)


def p90_hours(watched: Sequence[Watched]) -> Result:
    """Hours within which nine of ten tickets are answered or solved; open tickets censored, else not_reached."""
    return quantile_days(watched, left=Decimal("0.1"))


first_response = median_hours
time_to_resolve = median_hours


def clock_hours(start: datetime, end: datetime) -> Decimal:
    """Hours between two instants of one zone."""
    return exact(Fraction(round((end - start).total_seconds()), HOUR))


def business_hours(
    start: datetime,
    end: datetime,
    *,
    opens: time = OPENS,
    closes: time = CLOSES,
    days: Collection[int] = WORKDAYS,
) -> Decimal:
    """Hours between two local instants that fall into business hours (Monday = 0); an end before the start gives 0."""
    first, last = start.date(), end.date()
    seconds = sum(
        _worked(day, start, end, opens=opens, closes=closes) for day in {first, last} if day.weekday() in days
    )
    between = max((last - first).days - 1, 0)
    weeks, rest = divmod(between, DAYS_OF_WEEK)
    odd = sum(1 for step in range(1, rest + 1) if (first + timedelta(days=step)).weekday() in days)
    whole = datetime.combine(first, closes) - datetime.combine(first, opens)
    seconds += (weeks * len(set(days)) + odd) * round(whole.total_seconds())
    return exact(Fraction(seconds, HOUR))


def _worked(day: date, start: datetime, end: datetime, *, opens: time, closes: time) -> int:
    """Seconds of one day's business hours that lie between two instants."""
    begin = max(start, datetime.combine(day, opens, start.tzinfo))
    stop = min(end, datetime.combine(day, closes, end.tzinfo))
    return max(round((stop - begin).total_seconds()), 0)
