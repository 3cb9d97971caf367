"""Usage of one customer: product users by week, the last day seen, and what is used most."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from django.db.models import Case, CharField, Count, F, Max, Min, Q, Sum, When

from customers.choices import LineKind, LineStatus
from customers.models import Customer, LineVersion, UsageEvent
from metrics.formulas.engagement import WINDOW, dau_mean, licence_use, stickiness
from metrics.formulas.periods import month_of, trailing
from metrics.formulas.result import Result, unknown
from metrics.models import DailyUsage, MonthlyUsage

WEEKS = 26
WEEK = 7  # days
FEATURES_SHOWN = 6
SENT_AROUND = timedelta(days=3)  # events are partitioned by the sender's time, which lies near the local day
PAYING = (LineStatus.ACTIVE, LineStatus.PAST_DUE)
PEOPLE, TOTALS, EVENTS = "people", "totals", "events"

People = Mapping[date, set[str]]


@dataclass(frozen=True)
class Feature:
    """Something done in the product in the window: how often, and by how many people (0: not known)."""

    name: str
    uses: int
    people: int


@dataclass(frozen=True)
class Usage:
    """What the usage panel shows. `basis` says what a week counts: people, the source's totals, or events.

    A week's value is None before the first day with usage. The last week is the running one.
    """

    basis: str
    weeks: tuple[tuple[date, int | None], ...]
    last_seen_on: date | None
    mau: int | None
    stickiness: Result
    licence_use: Result
    seats: Decimal | None
    features: Sequence[Feature]


def usage_of(customer: Customer, *, today: date) -> Usage:
    """Usage of 26 weeks to `today`: people where single users are known, else the totals the source sent."""
    first = _monday(today) - timedelta(days=WEEK * (WEEKS - 1))
    ever = DailyUsage.objects.filter(customer=customer, day__lte=today)
    edges = ever.aggregate(first=Min("day"), last=Max("day"))
    days = list(ever.filter(day__gte=first).order_by("day"))
    people = _people_by_day(customer, first=first, today=today)
    basis = PEOPLE if people else TOTALS if any(day.users for day in days) else EVENTS
    window = trailing(today, WINDOW)
    active = [who for day, who in people.items() if window.start <= day]
    mau, seats = len(set().union(*active)), _seats(customer, today=today)
    return Usage(
        basis=basis,
        weeks=_weeks(first, today, counts=_weekly(basis, days, people), known_from=edges["first"]),
        last_seen_on=edges["last"],
        mau=mau if people else None,
        stickiness=_stickiness(active, mau=mau) if people else unknown("no_data"),
        licence_use=licence_use(mau=mau, seats=seats) if people else unknown("no_data"),  # type: ignore[arg-type]
        seats=seats,
        features=features_of(customer, today=today),
    )


def features_of(customer: Customer, *, today: date) -> list[Feature]:
    """The features (or events without one) used most in the last 30 days, by number of uses."""
    window = trailing(today, WINDOW)
    name = Case(When(feature="", then=F("event")), default=F("feature"), output_field=CharField())
    rows = (
        UsageEvent.objects.filter(customer=customer, day__gte=window.start, day__lt=window.end)
        .filter(occurred_at__gt=_midnight(window.start) - SENT_AROUND)
        .filter(occurred_at__lt=_midnight(window.end) + SENT_AROUND)
        .annotate(name=name)
        .exclude(name="")
        .values("name")
        .annotate(uses=Sum("count"), people=Count("user_ref", filter=~Q(user_ref=""), distinct=True))
        .order_by("-uses", "name")[:FEATURES_SHOWN]
    )
    return [Feature(**row) for row in rows]


def _people_by_day(customer: Customer, *, first: date, today: date) -> dict[date, set[str]]:
    """Who was active on which local day, from the bits of the monthly rows."""
    rows = MonthlyUsage.objects.filter(customer=customer, month__range=(month_of(first), today))
    people: dict[date, set[str]] = defaultdict(set)
    for who, month, bits in rows.values_list("user_ref", "month", "days"):
        for offset in range(bits.bit_length()):
            day = month + timedelta(days=offset)
            if bits >> offset & 1 and first <= day <= today:
                people[day].add(who)
    return dict(people)


def _weekly(basis: str, days: Sequence[DailyUsage], people: People) -> dict[date, int]:
    """Per week: distinct people, the busiest day's total of users, or all events."""
    if basis == PEOPLE:
        seen: dict[date, set[str]] = defaultdict(set)
        for day, who in people.items():
            seen[_monday(day)] |= who
        return {week: len(who) for week, who in seen.items()}
    counts: dict[date, int] = defaultdict(int)
    for row in days:
        week = _monday(row.day)
        counts[week] = max(counts[week], row.users or 0) if basis == TOTALS else counts[week] + row.events
    return counts


def _weeks(
    first: date, today: date, *, counts: Mapping[date, int], known_from: date | None
) -> tuple[tuple[date, int | None], ...]:
    mondays = [first + timedelta(days=WEEK * i) for i in range(WEEKS)]
    start = _monday(known_from) if known_from else today + timedelta(days=1)
    return tuple((monday, counts.get(monday, 0) if monday >= start else None) for monday in mondays)


def _stickiness(active: Sequence[set[str]], *, mau: int) -> Result:
    mean = dau_mean([len(who) for who in active])
    return stickiness(dau_mean=mean.value or 0, mau=mau)


def _seats(customer: Customer, *, today: date) -> Decimal | None:
    """Quantity of the paying line with the highest MRR, for add-ons are counted in units of their own; else None."""
    lines = LineVersion.objects.filter(
        customer=customer, kind=LineKind.RECURRING, status__in=PAYING, quantity__gt=0
    ).current()
    held = lines.filter(Q(to_on=None) | Q(to_on__gt=today), from_on__lte=today)
    found: Decimal | None = (
        held.order_by("-mrr", "subscription_id").values_list("quantity", flat=True).first()
    )
    return found


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=UTC)


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())
