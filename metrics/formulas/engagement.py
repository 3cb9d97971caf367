"""Active users and stickiness (section 16)."""

from collections.abc import Hashable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from datetime import date, datetime, timedelta

from metrics.formulas.periods import trailing
from metrics.formulas.result import Number, Result, ratio

WINDOW = 30  # days of MAU and of the mean DAU
WEEK = 7  # days of WAU

Activity = Mapping[date, AbstractSet[Hashable]]  # local day -> product users with a core event


def active_users(activity: Activity, day: date, days: int) -> int:
    """Distinct product users in the trailing `days` local days: 1 = DAU, 7 = WAU, 30 = MAU."""
    window = trailing(day, days)
    seen: set[Hashable] = set()
    for when, users in activity.items():
        if window.start <= when < window.end:
            seen |= users
    return len(seen)


def dau(activity: Activity, day: date) -> int:
    """Distinct product users of the day."""
    return active_users(activity, day, 1)


def wau(activity: Activity, day: date) -> int:
    """Distinct product users of 7 trailing days."""
    return active_users(activity, day, WEEK)


def mau(activity: Activity, day: date) -> int:
    """Distinct product users of 30 trailing days."""
    return active_users(activity, day, WINDOW)


def dau_mean(daily: Iterable[int], *, days: int = WINDOW) -> Result:
    """Sum of daily active users / days of the window; days without activity count as 0. No days: no_data."""
    return ratio(sum(daily), days, if_zero="no_data")


def stickiness(*, dau_mean: Number, mau: int) -> Result:
    """Mean DAU of the trailing 30 days / MAU; 3,000/15,000 = 20 %. MAU 0: zero_denominator. Never above 1."""
    return ratio(dau_mean, mau)


def licence_use(*, mau: int, seats: int | None) -> Result:
    """MAU / seats bought. No seats: not_configured."""
    if not seats:
        return Result(None, "not_configured")
    return ratio(mau, seats)


def feature_adoption(*, adopters: int, active: int) -> Result:
    """Customers (users) with at least adoption_min_uses in 30 days / active ones. None active: zero_denominator."""
    return ratio(adopters, active)


def nday_retention(*, day0: AbstractSet[Hashable], active_on_k: AbstractSet[Hashable]) -> Result:
    """Users of the day-0 cohort active on day k / the whole cohort. Empty cohort: no_data."""
    return ratio(len(day0 & active_on_k), len(day0), if_zero="no_data")


def retention_day(first: datetime, second: datetime, *, rule: str = "calendar") -> int:
    """Day number of the second moment: difference of dates, whole 24-hour windows, or those after cutting to the hour."""
    if rule == "calendar":
        return (second.date() - first.date()).days
    if rule == "rolling_24h_hour_floor":
        first, second = _hour(first), _hour(second)
    return (second - first) // timedelta(days=1)


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)
