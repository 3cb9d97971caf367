"""Engagement beyond active users: seats used, features adopted, users that come and go, contacts (section 16)."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Case, CharField, Count, Exists, F, Min, OuterRef, Q, QuerySet, Sum, When

from customers.choices import Direction, TouchpointKind
from customers.models import Touchpoint, UsageEvent
from metrics.formulas import engagement
from metrics.formulas.engagement import WEEK, WINDOW
from metrics.formulas.periods import Period, add_months, month_number, month_of, trailing
from metrics.formulas.result import Result, known, ratio, unknown
from metrics.models import LineSegment, MonthlyUsage
from metrics.queries import usage_windows
from metrics.queries.paying import counts_until
from metrics.queries.questions import Question, Values
from metrics.queries.usage_windows import within

NO_USAGE = unknown("no_data")
SENT_AROUND = timedelta(days=3)  # events are partitioned by the sender's time, which lies near the local day
USER = ("customer_id", "user_ref")
User = tuple[int, str]


def usage_metrics(question: Question) -> list[Values]:
    """dau_mean, wau, mau, stickiness (under `stickiness_mode`) and licence_use at each close. No single users: no_data."""
    rows: list[Values] = []
    known_from = usage_windows.known_from(customers=question.customers)
    for period in question.periods:
        day, mine = question.close_on(period), question.customers
        if known_from is None or day < known_from:
            rows.append(dict.fromkeys(("dau_mean", "wau", "mau", "stickiness"), NO_USAGE))
            continue
        monthly = usage_windows.mau(day, customers=mine)
        weekly = usage_windows.active_users(trailing(day, WEEK), customers=mine)
        rows.append(
            {
                "dau_mean": usage_windows.dau_mean(day, customers=mine),
                "wau": NO_USAGE if weekly is None else known(weekly),
                "mau": NO_USAGE if monthly is None else known(monthly),
                "stickiness": usage_windows.stickiness(
                    day, customers=mine, mode=question.definition.stickiness_mode
                ),
            }
        )
    return rows


def licence_metrics(question: Question) -> list[Values]:
    """licence_use at each close: users of 30 days of customers with seats / their seats, those of the main paying line.

    No seats: not_configured; no single users known: no_data.
    """
    return [{"licence_use": _licence_use(question, question.close_on(period))} for period in question.periods]


def _licence_use(question: Question, day: date) -> Result:
    lines = within(
        LineSegment.objects.filter(mrr__gt=0, quantity__gt=0, from_on__lte=day), question.customers
    )
    held = lines.filter(Q(to_on=None) | Q(to_on__gt=day))
    main = held.order_by("customer_id", "-mrr", "subscription_id").distinct("customer_id")
    seats = sum(main.values_list("quantity", flat=True), Decimal(0))
    if not seats:
        return engagement.licence_use(mau=0, seats=None)
    monthly = usage_windows.mau(day, customers=held.order_by().values("customer_id"))
    return NO_USAGE if monthly is None else ratio(monthly, seats)


def feature_adoption(question: Question, *, day: date, by_user: bool = False) -> Mapping[str, Result]:
    """{feature: share of active customers (users) with at least `adoption_min_uses` uses in 30 days}, largest first.

    An event without a feature is named by itself. Source: feature_adoption.
    """
    window = trailing(day, WINDOW)
    who = USER if by_user else ("customer_id",)
    events = _events(question, window)
    events = events.exclude(user_ref="") if by_user else events
    name = Case(When(feature="", then=F("event")), default=F("feature"), output_field=CharField())
    uses = events.annotate(name=name).exclude(name="").values_list("name", *who).annotate(uses=Sum("count"))
    adopters: dict[str, int] = defaultdict(int)
    for row in uses:
        adopters[row[0]] += row[-1] >= question.definition.adoption_min_uses
    active = events.values(*who).distinct().count()
    found = {
        feature: engagement.feature_adoption(adopters=number, active=active)
        for feature, number in adopters.items()
    }
    return dict(sorted(found.items(), key=lambda pair: (-(pair[1].value or 0), pair[0])))


def _events(question: Question, window: Period) -> QuerySet[UsageEvent]:
    rows = within(UsageEvent.objects.filter(day__gte=window.start, day__lt=window.end), question.customers)
    return rows.filter(
        occurred_at__gt=_midnight(window.start) - SENT_AROUND,
        occurred_at__lt=_midnight(window.end) + SENT_AROUND,
    ).order_by()


def lifecycle_metrics(question: Question) -> list[Values]:
    """users_new, users_returning, users_resurrecting (together the active ones) and users_dormant of each period.

    Periods are whole months, the one before is as long. New are users first seen in the period, for products tell of
    use and not of accounts. No single users known: no_data.
    """
    names = ("users_new", "users_returning", "users_resurrecting", "users_dormant")
    known_months = within(MonthlyUsage.objects.filter(month__lte=question.as_of), question.customers)
    if not question.periods or not known_months.exists():
        return [dict.fromkeys(names, NO_USAGE) for _ in question.periods]
    users = active_months(question, known_months)
    sums: dict[str, Count] = {}
    for number, period in enumerate(question.periods):
        now, before = Q(**{f"now_{number}__gt": 0}), Q(**{f"before_{number}__gt": 0})
        fresh = Q(first__gte=month_of(period.start), first__lt=period.end)
        for name, condition in zip(
            names, (now & fresh, now & before, now & ~fresh & ~before, before & ~now), strict=True
        ):
            sums[f"{name}_{number}"] = Count("user_ref", filter=condition)
    found = users.aggregate(**sums)
    return [
        {name: known(found[f"{name}_{number}"]) for name in names} for number in range(len(question.periods))
    ]


def active_months(question: Question, rows: QuerySet[MonthlyUsage]) -> QuerySet[Any]:
    """Per user: the first month of use, and months of use in each period and in the one before it."""
    open_month = month_of(question.as_of)
    until = (1 << question.as_of.day) - 1
    seen = rows.annotate(seen=F("days").bitand(until)).exclude(month=open_month, seen=0)
    counts: dict[str, Count] = {}
    for number, period in enumerate(question.periods):
        length = month_number(period.end) - month_number(period.start)
        earlier = Q(month__gte=add_months(period.start, -length), month__lt=period.start)
        counts[f"now_{number}"] = Count("pk", filter=Q(month__gte=period.start, month__lt=period.end))
        counts[f"before_{number}"] = Count("pk", filter=earlier)
    return seen.order_by().values(*USER).annotate(first=Min("month"), **counts)


def nday_retention(question: Question, *, ks: Sequence[int]) -> list[dict[int, Result]]:
    """{k: users first seen in each period that are retained on day k}, under `retention_rule`; day 0 is their first.

    Day k not yet over for the whole cohort: immature. Only days of use are kept, so `retention_day` other than
    calendar: not_configured. Source: nday_retention.
    """
    if question.definition.retention_day != "calendar":
        return [dict.fromkeys(ks, unknown("not_configured")) for _ in question.periods]
    cohorts: list[dict[Hashable, set[int]]] = [{} for _ in question.periods]
    for user, days in days_of_new_users(question).items():
        first = min(days)
        for period, cohort in zip(question.closed, cohorts, strict=True):
            if period.start <= first < period.end:
                cohort[user] = {(day - first).days for day in days}
    return [
        {k: retained(question, period, cohort, k) for k in ks}
        for period, cohort in zip(question.closed, cohorts, strict=True)
    ]


def retained(question: Question, period: Period, cohort: Mapping[Hashable, set[int]], k: int) -> Result:
    """Share of a cohort that is retained on day k; not yet over for all of it: immature."""
    rule = question.definition.retention_rule
    last = k + WEEK - 1 if rule == "bracket" else k
    if cohort and period.last_day + timedelta(days=last) > question.as_of:
        return unknown("immature")
    return engagement.nday_retention_of(cohort, k, rule=rule)


def days_of_new_users(question: Question) -> dict[User, set[date]]:
    """Days of use of the users first seen in the months of the periods."""
    if not question.periods:
        return {}
    first = month_of(min(period.start for period in question.periods))
    earlier = MonthlyUsage.objects.filter(
        customer_id=OuterRef("customer_id"), user_ref=OuterRef("user_ref"), month__lt=first
    )
    rows = within(
        MonthlyUsage.objects.filter(month__gte=first, month__lte=question.as_of), question.customers
    )
    users: dict[User, set[date]] = defaultdict(set)
    for customer, user, month, bits in rows.filter(~Exists(earlier)).values_list(*USER, "month", "days"):
        users[customer, user].update(day for day in _days_of(month, bits) if day <= question.as_of)
    return {user: days for user, days in users.items() if days}


def _days_of(month: date, bits: int) -> Iterable[date]:
    return (month + timedelta(days=offset) for offset in range(bits.bit_length()) if bits >> offset & 1)


def contact_metrics(question: Question) -> list[Values]:
    """contact_frequency at each close: contacts made in 30 days / customers paying at the close.

    Notes and internal touchpoints are no contact, and support tickets are a series of their own. Nobody paying:
    zero_denominator.
    """
    windows = [trailing(question.close_on(period), WINDOW) for period in question.periods]
    made = contacts_made(question, windows)
    counts = counts_until(question.as_of, customers=question.customers)
    return [
        {"contact_frequency": ratio(number, counts.paying_on(window.last_day))}
        for window, number in zip(windows, made, strict=True)
    ]


def contacts_made(question: Question, windows: Sequence[Period]) -> list[int]:
    """Calls, meetings, mails and reviews in each window."""
    inside = {
        f"made_{number}": Count("pk", filter=Q(occurred_at__gte=start, occurred_at__lt=end))
        for number, (start, end) in enumerate(question.instants(window) for window in windows)
    }
    contacts = (
        question.facts(Touchpoint).exclude(kind=TouchpointKind.NOTE).exclude(direction=Direction.INTERNAL)
    )
    found = contacts.aggregate(**inside)
    return [found[name] for name in inside]


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=UTC)
