"""VM-9: usage of sampled days and survey scores of the months, counted again from events and answers."""

from collections import Counter
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from metrics.formulas.definition import Definition
from metrics.formulas.periods import month_period, months_between, trailing
from metrics.models import DailyUsage, MonthlyUsage
from metrics.queries import answers, usage_windows
from metrics.queries.checks.comparison import Check, Key, Rows
from metrics.queries.recounts import usage_again, users_of
from surveys.models import Response

SAMPLED_DAYS = 5
SCORED_MONTHS = 3
WINDOWS = {"dau": 1, "wau": 7, "mau": 30}
PROMOTER, PASSIVE = 9, 7


def activity(waiting: set[int], *, definition: Definition, as_of: date) -> Check:
    """The newest days with activity, and the latest months with their answers."""
    check = Check("VM-9", "usage of sampled days, scores of the latest months")
    newest = DailyUsage.objects.order_by("-day").values_list("day", flat=True).distinct()[:SAMPLED_DAYS]
    for day in list(newest):
        _usage(check, day, waiting)
    months = months_between(_earlier(as_of), as_of)
    zone = ZoneInfo(definition.timezone)
    for month in months:
        _scores(check, min(month_period(month).last_day, as_of), zone, definition)
    return check


def _earlier(as_of: date) -> date:
    day = as_of.replace(day=1)
    for _ in range(SCORED_MONTHS - 1):
        day = (day - timedelta(days=1)).replace(day=1)
    return day


def _usage(check: Check, day: date, waiting: set[int]) -> None:
    again, met = usage_again(day)
    stored = {
        (row.customer_id, row.day): (row.events, row.users) for row in DailyUsage.objects.filter(day=day)
    }
    check.compare("daily_usage", ("events", "users"), _without(stored, waiting), _without(again, waiting))
    bits = MonthlyUsage.objects.filter(month=day.replace(day=1))
    seen = {
        (pk, user): (True,)
        for pk, user, days in bits.values_list("customer_id", "user_ref", "days")
        if days >> (day.day - 1) & 1
    }
    check.compare("monthly_usage", ("active",), _without(seen, waiting), _without(met, waiting))
    if waiting:
        return
    shown: tuple[Any, ...] = tuple(
        usage_windows.active_users(trailing(day, days)) or 0 for days in WINDOWS.values()
    )
    counted: tuple[Any, ...] = tuple(len(users_of(trailing(day, days))) for days in WINDOWS.values())
    check.compare("active_users", tuple(WINDOWS), {(day,): shown}, {(day,): counted})


def _without(rows: Rows, waiting: set[int]) -> Rows:
    return {key: value for key, value in rows.items() if key[0] not in waiting}


def _scores(check: Check, day: date, zone: ZoneInfo, definition: Definition) -> None:
    """Promoters, passives, detractors and n of the relationship score at a close."""
    found = answers.nps_at(day, zone=zone, definition=definition)
    key: Key = (day, "nps")
    shown = {key: (found.hits, found.n - found.hits - found.misses, found.misses, found.n)}
    window = trailing(day, definition.nps_window_days)
    start, end = (datetime.combine(edge, time.min, tzinfo=zone) for edge in (window.start, window.end))
    newest: dict[Any, int] = {}
    rows = Response.objects.filter(
        status="counted",
        kind="nps",
        nature="relationship",
        scale_min=0,
        scale_max=10,
        answered_at__gte=start,
        answered_at__lt=end,
    )
    for pk, contact, score in rows.order_by("answered_at", "pk").values_list("pk", "contact_id", "score"):
        newest[contact or ("nobody", pk)] = score
    counts = Counter(
        "promoter" if score >= PROMOTER else "passive" if score >= PASSIVE else "detractor"
        for score in newest.values()
    )
    again = {key: (counts["promoter"], counts["passive"], counts["detractor"], len(newest))}
    check.compare("satisfaction", ("promoters", "passives", "detractors", "n"), shown, again)
