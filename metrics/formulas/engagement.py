"""Active users and stickiness (section 16)."""

from collections.abc import Collection, Hashable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from metrics.formulas.periods import trailing
from metrics.formulas.result import Number, Result, ratio

WINDOW = 30  # days of MAU and of the mean DAU
WEEK = 7  # days of WAU
SATURDAY = 5  # weekday number from which a day is no workday

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


def stickiness_of(activity: Activity, day: date, *, mode: str = "mean_30") -> Result:
    """Stickiness at the end of a local day under every `stickiness_mode`. MAU 0: zero_denominator. Source: section 16.

    `mean_30`: mean DAU of 30 trailing days / MAU; `workdays`: the mean over Monday to Friday only; `wau_mau`: WAU/MAU;
    `single_day`: DAU/MAU. Another mode is a ValueError.
    """
    month = mau(activity, day)
    if mode == "wau_mau":
        return ratio(wau(activity, day), month)
    if mode == "single_day":
        return ratio(dau(activity, day), month)
    if mode not in {"mean_30", "workdays"}:
        raise ValueError(f"unknown stickiness mode: {mode}")
    days = [day - timedelta(days=back) for back in range(WINDOW)]
    counted = [when for when in days if mode == "mean_30" or when.weekday() < SATURDAY]
    return ratio(sum(len(activity.get(when, ())) for when in counted), len(counted) * month)


def retained_on(
    days_active: Collection[int], k: int, *, rule: str = "on", bracket: tuple[int, int] | None = None
) -> bool:
    """Whether a user with activity on these day numbers (day 0 = first use) counts as retained on day k.

    `on`: active on day k; `on_or_after`: on day k or later; `bracket`: on a day of [from, to], by default from k on for
    7 days; `unbroken`: on every day 1 to k. Another rule is a ValueError. Source: retention_rule.
    """
    if rule == "on":
        return k in days_active
    if rule == "on_or_after":
        return any(day >= k for day in days_active)
    if rule == "bracket":
        first, last = bracket or (k, k + WEEK - 1)
        return any(first <= day <= last for day in days_active)
    if rule == "unbroken":
        return all(day in days_active for day in range(1, k + 1))
    raise ValueError(f"unknown retention rule: {rule}")


def nday_retention_of(
    cohort: Mapping[Hashable, Collection[int]],
    k: int,
    *,
    rule: str = "on",
    bracket: tuple[int, int] | None = None,
) -> Result:
    """Share of the whole cohort (user -> day numbers with activity) retained on day k. Empty cohort: no_data."""
    kept = {user for user, days in cohort.items() if retained_on(days, k, rule=rule, bracket=bracket)}
    return nday_retention(day0=set(cohort), active_on_k=kept)


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """Users of one interval: new + returning + resurrecting = active; dormant were active before and are not now."""

    new: int
    returning: int
    resurrecting: int
    dormant: int

    @property
    def active(self) -> int:
        """Everybody active in the interval."""
        return self.new + self.returning + self.resurrecting


def user_lifecycle(
    *,
    created: AbstractSet[Hashable],
    active: AbstractSet[Hashable],
    active_before: AbstractSet[Hashable],
) -> Lifecycle:
    """Users of an interval by what they did: `created` in it, `active` in it, or active in the one before.

    New = created in the interval and active; returning = active in both; resurrecting = active now, not in the
    interval before; dormant = active in the interval before and not now. Source: section 16.
    """
    new = active & created
    returning = (active - created) & active_before
    return Lifecycle(
        new=len(new),
        returning=len(returning),
        resurrecting=len(active - created - active_before),
        dormant=len(active_before - active),
    )


def feature_adoption_of(uses: Mapping[Hashable, int], *, active: int, min_uses: int = 3) -> Result:
    """Customers (users) with at least `min_uses` uses in 30 days / active ones; `min_uses=1` is the first-use variant."""
    return feature_adoption(adopters=sum(1 for number in uses.values() if number >= min_uses), active=active)


def contact_frequency(
    touchpoints: Mapping[str, int], *, weights: Mapping[str, Number] | None = None
) -> Decimal:
    """Touchpoints of 30 days by channel, summed; `weights` of channels are 1 unless given. Support tickets do not count.

    Source: section 16, ruling 16.
    """
    chosen = weights or {}
    counted = {channel: number for channel, number in touchpoints.items() if channel != "ticket"}
    return sum((number * Decimal(chosen.get(channel, 1)) for channel, number in counted.items()), Decimal(0))
