"""What happened to customers that a triggered campaign may ask about (S-200). Facts only; nothing is stored here.

Days count from their local midnight. Go-live is the day the first onboarding phase ended; where none is recorded, the
first paid day. A downgrade is a day on which the recurring lines of a customer charge less and nothing charges more;
a cancellation is the day notice is given (`cancelled_on`), else the day the last paid line ends.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Min, Q

from customers.choices import Attribute, LineKind, LineStatus, Phase
from customers.models import AttributeValue, CustomerSummary, LineVersion, Ticket, UsageEvent
from surveys.choices import TriggerEvent
from surveys.formulas.windows import utc_of_local

PAID = (LineStatus.ACTIVE, LineStatus.PAST_DUE)
RENEWAL_FROM, RENEWAL_TO = 120, 90  # days before the renewal, the range of the standard rule
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Happening:
    """One object of a trigger: its lasting name, whose it is, when it happened. `until`: no mail after it."""

    key: str
    customer_id: int
    occurred_at: datetime
    label: str
    until: datetime | None = None


@dataclass(frozen=True)
class Scope:
    """What to look at: events from `since` on, not later than `until`, of all customers or of some."""

    rule: Mapping[str, Any]
    since: datetime
    until: datetime
    zone: ZoneInfo
    customers: Collection[int] | None = None

    def of(self, name: str = "customer") -> Q:
        """The condition that keeps to the customers."""
        return Q() if self.customers is None else Q(**{f"{name}__in": list(self.customers)})

    def midnight(self, day: date) -> datetime:
        """Start of a local day."""
        return utc_of_local(day, time(), self.zone)

    def days(self) -> tuple[date, date]:
        """The local days that may hold such an event, a day too many at both ends."""
        return (
            self.since.astimezone(self.zone).date() - ONE_DAY,
            self.until.astimezone(self.zone).date() + ONE_DAY,
        )

    def holds(self, moment: datetime) -> bool:
        return self.since <= moment <= self.until


def happenings(event: str, scope: Scope) -> list[Happening]:
    """All objects of this kind of event in the scope, oldest first."""
    found = [one for one in SOURCES[TriggerEvent(event)](scope) if scope.holds(one.occurred_at)]
    return sorted(found, key=lambda one: (one.occurred_at, one.key))


def _phases_ended(scope: Scope) -> Iterator[Happening]:
    first, last = scope.days()
    rows = AttributeValue.objects.current().filter(
        scope.of(), key=Attribute.PHASE, to_on__range=(first, last)
    )
    if scope.rule.get("phase"):
        rows = rows.filter(value=scope.rule["phase"])
    for customer, phase, began, ended in rows.values_list("customer", "value", "from_on", "to_on"):
        label = f"{phase} ended"
        yield Happening(f"phase:{phase}:{customer}:{began}", customer, scope.midnight(ended), label)


def _tickets_solved(scope: Scope) -> Iterator[Happening]:
    rows = Ticket.objects.current().filter(scope.of(), solved_at__range=(scope.since, scope.until))
    if scope.rule.get("priority"):
        rows = rows.filter(priority__in=scope.rule["priority"])
    for customer, source, key, solved_at in rows.values_list("customer", "source", "source_key", "solved_at"):
        yield Happening(f"ticket:{source}:{_short(key)}", customer, solved_at, f"Ticket {key} solved")


def _short(key: str) -> str:
    """A key that fits, and is still one's own."""
    most = 80
    return key if len(key) <= most else sha256(key.encode()).hexdigest()


def _after_go_live(scope: Scope) -> Iterator[Happening]:
    days = int(scope.rule.get("days", RENEWAL_TO))
    first, last = (day - timedelta(days=days) for day in scope.days())
    ended = (
        AttributeValue.objects.current()
        .filter(scope.of(), key=Attribute.PHASE, value=Phase.ONBOARDING)
        .values("customer")
        .annotate(live=Min("to_on"))
        .order_by()
    )
    known = dict(ended.values_list("customer", "live"))
    paid = CustomerSummary.objects.filter(scope.of(), first_paid_on__range=(first, last))
    lives = {pk: day for pk, day in paid.values_list("customer", "first_paid_on") if pk not in known}
    lives |= {pk: day for pk, day in known.items() if day is not None and first <= day <= last}
    for customer, day in lives.items():
        moment = scope.midnight(day + timedelta(days=days))
        yield Happening(f"live:{days}:{customer}", customer, moment, f"{days} days after go-live")


def renewal_range(rule: Mapping[str, Any]) -> tuple[int, int]:
    """Days before the renewal between which one mail may leave: from the first, up to the second."""
    return int(rule.get("from_days", RENEWAL_FROM)), int(rule.get("to_days", RENEWAL_TO))


def _before_renewal(scope: Scope) -> Iterator[Happening]:
    begin, end = renewal_range(scope.rule)
    first, last = (day + timedelta(days=begin) for day in scope.days())
    rows = CustomerSummary.objects.filter(scope.of(), renewal_on__range=(first, last))
    for customer, renews in rows.values_list("customer", "renewal_on"):
        yield Happening(
            f"renewal:{customer}:{renews}",
            customer,
            scope.midnight(renews - timedelta(days=begin)),
            f"renews on {renews:%-d %b %Y}",
            until=scope.midnight(renews - timedelta(days=end)),
        )


def _downgraded(scope: Scope) -> Iterator[Happening]:
    for customer, day, before, after in _changes(scope):
        currencies = set(before) | set(after)
        less = any(after.get(one, 0) < before.get(one, 0) for one in currencies)
        more = any(after.get(one, 0) > before.get(one, 0) for one in currencies)
        if after and less and not more:
            yield Happening(f"down:{customer}:{day}", customer, scope.midnight(day), "paid less")


def _cancelled(scope: Scope) -> Iterator[Happening]:
    first, last = scope.days()
    noticed = LineVersion.objects.current().filter(
        scope.of(), kind=LineKind.RECURRING, cancelled_on__isnull=False
    )
    given = defaultdict(set)
    for customer, day in noticed.values_list("customer", "cancelled_on"):
        given[customer].add(day)
    for customer, days in given.items():
        for day in days:
            if first <= day <= last:
                yield Happening(f"cancelled:{customer}:{day}", customer, scope.midnight(day), "gave notice")
    for customer, day, before, after in _changes(scope):
        if before and not after and not any(notice <= day for notice in given[customer]):
            yield Happening(f"cancelled:{customer}:{day}", customer, scope.midnight(day), "left")


Money = dict[str, Decimal]


def _changes(scope: Scope) -> Iterator[tuple[int, date, Money, Money]]:
    """(customer, day, MRR per currency before, after) for each day of the scope on which a line begins or ends."""
    first, last = scope.days()
    paid = LineVersion.objects.current().filter(
        scope.of(), kind=LineKind.RECURRING, status__in=PAID, mrr__gt=0
    )
    edges = Q(from_on__range=(first, last)) | Q(to_on__range=(first, last))
    touched = list(paid.filter(edges).values_list("customer", flat=True).distinct().order_by())
    running = paid.filter(customer__in=touched, from_on__lte=last).filter(
        Q(to_on=None) | Q(to_on__gte=first - ONE_DAY)
    )
    lines = defaultdict(list)
    for line in running.values_list("customer", "from_on", "to_on", "currency", "mrr"):
        lines[line[0]].append(line[1:])
    for customer, own in lines.items():
        days = {day for began, ended, _, _ in own for day in (began, ended) if day and first <= day <= last}
        for day in sorted(days):
            yield customer, day, _running_on(own, day - ONE_DAY), _running_on(own, day)


def _running_on(lines: list[tuple[date, date | None, str, Decimal]], day: date) -> Money:
    total: Money = {}
    for began, ended, currency, mrr in lines:
        if began <= day and (ended is None or ended > day):
            total[currency] = total.get(currency, Decimal(0)) + mrr
    return total


def _used(scope: Scope) -> Iterator[Happening]:
    event = str(scope.rule.get("event", ""))
    rows = UsageEvent.objects.filter(scope.of(), event=event, occurred_at__range=(scope.since, scope.until))
    firsts = rows.values("customer").annotate(first=Min("occurred_at")).order_by()
    for customer, at in firsts.values_list("customer", "first"):
        yield Happening(f"usage:{event[:80]}:{customer}", customer, at, f"used {event}")


SOURCES: Mapping[TriggerEvent, Callable[[Scope], Iterator[Happening]]] = {
    TriggerEvent.PHASE_ENDED: _phases_ended,
    TriggerEvent.TICKET_SOLVED: _tickets_solved,
    TriggerEvent.AFTER_GO_LIVE: _after_go_live,
    TriggerEvent.BEFORE_RENEWAL: _before_renewal,
    TriggerEvent.DOWNGRADED: _downgraded,
    TriggerEvent.CANCELLED: _cancelled,
    TriggerEvent.USAGE_EVENT: _used,
}
