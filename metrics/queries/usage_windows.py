"""Product users in any window of days, from the day masks of at most two months at a time."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from typing import Any

from django.db.models import Count, F, Min, Q, QuerySet, Sum

from metrics.formulas import engagement
from metrics.formulas.engagement import SATURDAY, WEEK, WINDOW
from metrics.formulas.periods import Period, add_months, month_of, months_between, trailing
from metrics.formulas.result import Result, unknown
from metrics.models import DailyUsage, MonthlyUsage

SHORTER = {"wau_mau": WEEK, "single_day": 1}  # days whose users are compared with MAU, by stickiness mode

Ids = Iterable[int] | QuerySet[Any] | None


def masks_of(window: Period) -> Iterator[tuple[date, int]]:
    """(month, bits of the window's days in it) for each month the window touches; bit d - 1 is day d."""
    for month in months_between(window.start, window.last_day):
        first = max(window.start, month)
        last = min(window.end, add_months(month, 1)) - timedelta(days=1)
        yield month, (1 << last.day) - (1 << (first.day - 1))


def within(rows: QuerySet[Any], customers: Ids) -> QuerySet[Any]:
    """Rows of these customers; None means all."""
    return rows if customers is None else rows.filter(customer_id__in=customers)


def active_in(window: Period, *, customers: Ids = None) -> QuerySet[MonthlyUsage]:
    """Month rows of the users with at least one active day in the window; a user may have two."""
    rows = within(MonthlyUsage.objects.all(), customers)
    condition = Q(pk__in=[])
    for number, (month, mask) in enumerate(masks_of(window)):
        name = f"bits_{number}"
        rows = rows.annotate(**{name: F("days").bitand(mask)})
        condition |= Q(month=month) & ~Q(**{name: 0})
    return rows.filter(condition)


def active_users(window: Period, *, customers: Ids = None) -> int | None:
    """Distinct product users in the window; None when no single users are known in it."""
    rows = active_in(window, customers=customers)
    found = rows.order_by().values("customer_id", "user_ref").distinct().count()
    if found or within(MonthlyUsage.objects.filter(month__lte=window.last_day), customers).exists():
        return found
    return None


def known_from(*, customers: Ids = None) -> date | None:
    """The first day of which any product users are known; None when there is no such day."""
    first_month = within(MonthlyUsage.objects.order_by(), customers).aggregate(first=Min("month"))["first"]
    totals = within(DailyUsage.objects.filter(users__isnull=False).order_by(), customers)
    first_day = totals.aggregate(first=Min("day"))["first"]
    return min((day for day in (first_month, first_day) if day is not None), default=None)


def dau_mean(day: date, *, customers: Ids = None) -> Result:
    """Mean daily product users of the trailing 30 days, single users or a source's totals; none ever: no_data."""
    window = trailing(day, WINDOW)
    rows = within(DailyUsage.objects.filter(day__gte=window.start, day__lt=window.end), customers)
    users = rows.aggregate(users=Sum("users"))["users"]
    return unknown("no_data") if users is None else engagement.dau_mean([users], days=WINDOW)


def mau(day: date, *, customers: Ids = None) -> int | None:
    """Distinct product users of the trailing 30 days; None when no single users are known."""
    return active_users(trailing(day, WINDOW), customers=customers)


def stickiness(day: date, *, customers: Ids = None, mode: str = "mean_30") -> Result:
    """Active users of a day or week / MAU, both over known users, so never above 1. None known: no_data.

    `mean_30`: mean DAU of the trailing 30 days; `workdays`: the mean of their Mondays to Fridays; `wau_mau`: WAU;
    `single_day`: DAU. Source: stickiness_mode.
    """
    monthly = mau(day, customers=customers)
    if monthly is None:
        return unknown("no_data")
    if mode in SHORTER:
        users = active_users(trailing(day, SHORTER[mode]), customers=customers) or 0
        return engagement.stickiness(dau_mean=users, mau=monthly)
    window = trailing(day, WINDOW)
    days = [window.start + timedelta(days=offset) for offset in range(window.days)]
    counted = [when for when in days if mode == "mean_30" or when.weekday() < SATURDAY]
    mean = engagement.dau_mean([_user_days(counted, customers)], days=len(counted))
    return engagement.stickiness(dau_mean=mean.value or 0, mau=monthly)


def _user_days(days: Sequence[date], customers: Ids) -> int:
    """Sum over the days of the users active on them."""
    masks: dict[date, int] = defaultdict(int)
    for day in days:
        masks[month_of(day)] |= 1 << (day.day - 1)
    found = 0
    for month, mask in masks.items():
        rows = within(MonthlyUsage.objects.filter(month=month), customers)
        found += sum(
            value.bit_count() * number
            for value, number in rows.annotate(inside=F("days").bitand(mask))
            .order_by()
            .values_list("inside")
            .annotate(number=Count("pk"))
        )
    return found
