"""Rounding and calendar of the recount."""

from datetime import date, timedelta
from fractions import Fraction

ZERO = Fraction(0)
FOREVER = date.max
DAY = timedelta(days=1)
KINDS = ("new", "reactivation", "expansion", "contraction", "churn")


def half_away(value: Fraction, digits: int) -> Fraction:
    """Rounded to so many digits, halves away from zero."""
    scaled = abs(value) * 10**digits
    whole = int(scaled + Fraction(1, 2))
    return Fraction(whole if value >= 0 else -whole, 10**digits)


def later(day: date, months: int) -> date:
    """The same day of a later month, or the last one it has."""
    number = day.year * 12 + day.month - 1 + months
    first = date(number // 12, number % 12 + 1, 1)
    following = date((number + 1) // 12, (number + 1) % 12 + 1, 1)
    return min(first + timedelta(days=day.day - 1), following - DAY)


def month_end(start: date, as_of: date) -> date:
    """The last day of a month, or `as_of` where the month still runs."""
    return min(later(start, 1) - DAY, as_of)


def year_before(close: date) -> date:
    """The same day a year before; the end of a month for the end of a month."""
    following = close + DAY
    if following.day == 1:
        return later(following, -12) - DAY
    return later(close, -12)
