"""What happened with one customer, newest first: touchpoints, tickets, phases, pulses, hand-overs, finished work."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Q

from customers.choices import Attribute, FollowUpState, Phase
from customers.models import Assignment, AttributeValue, Customer, FollowUp, Pulse, Ticket, Touchpoint

STEP = 15  # entries shown first, and added by "Older"
MOST = 600  # beyond this an export serves better than a page


@dataclass(frozen=True)
class Original:
    """A note before it was edited."""

    subject: str
    body: str
    recorded_at: datetime


@dataclass(frozen=True)
class Entry:
    """One line of the timeline. `kind` is a key of `KINDS`; `subject` is the row it tells of."""

    kind: str
    at: datetime
    subject: Any
    before: Any = None
    whole_day: bool = False
    originals: tuple[Original, ...] = ()


@dataclass(frozen=True)
class Timeline:
    """The newest entries of the chosen kind, and whether there are older ones."""

    entries: tuple[Entry, ...]
    kind: str
    shown: int
    has_older: bool

    @property
    def next_shown(self) -> int:
        return self.shown + STEP


def timeline_of(customer: Customer, *, zone: ZoneInfo, kind: str = "", shown: int = STEP) -> Timeline:
    """Entries of a customer that the caller may read; whole days count from their midnight in `zone`.

    Every kind costs one query, however many entries there are. `kind` empty means all kinds.
    """
    shown = min(max(shown, STEP), MOST)
    wanted = [KINDS[kind]] if kind in KINDS else KINDS.values()
    found = [entry for read in wanted for entry in read(customer, zone, shown + 1)]
    found.sort(key=lambda entry: (entry.at, entry.subject.pk), reverse=True)
    return Timeline(tuple(found[:shown]), kind if kind in KINDS else "", shown, len(found) > shown)


def _touchpoints(customer: Customer, _zone: ZoneInfo, limit: int) -> Iterable[Entry]:
    current = Touchpoint.objects.filter(customer=customer, superseded_by=None, voids=False)
    rows = current.select_related("author", "contact").order_by("-occurred_at", "-pk")[:limit]
    originals = _originals(customer)
    return [Entry("touchpoints", row.occurred_at, row, originals=originals(row.pk)) for row in rows]


def _originals(customer: Customer) -> Callable[[int], tuple[Original, ...]]:
    """Earlier wordings of each note, oldest first; one query for all notes of the customer."""
    edited = Touchpoint.objects.filter(customer=customer).exclude(superseded_by=None).order_by("pk")
    older: dict[int, list[Touchpoint]] = {}
    for row in edited.only("superseded_by_id", "subject", "body", "recorded_at"):
        older.setdefault(row.superseded_by_id, []).append(row)

    def of(pk: int) -> tuple[Original, ...]:
        found: list[Original] = []
        for row in older.get(pk, ()):
            found += [*of(row.pk), Original(row.subject, row.body, row.recorded_at)]
        return tuple(found)

    return of


def _tickets(customer: Customer, _zone: ZoneInfo, limit: int) -> Iterable[Entry]:
    rows = Ticket.objects.filter(customer=customer, superseded_by=None, voids=False).order_by("-opened_at")
    return [Entry("tickets", row.opened_at, row) for row in rows[:limit]]


def _changes(customer: Customer, zone: ZoneInfo, limit: int) -> Iterable[Entry]:
    """Phases and tiers with the value before."""
    rows = AttributeValue.objects.filter(customer=customer, superseded_by=None, voids=False)
    rows = rows.filter(key__in=(Attribute.PHASE, Attribute.TIER)).order_by("-from_on", "-pk")[: 2 * limit]
    newest_first = list(rows)
    entries = []
    for place, row in enumerate(newest_first):
        before = next((other for other in newest_first[place + 1 :] if other.key == row.key), None)
        entries.append(Entry("changes", _midnight(row.from_on, zone), row, before=before, whole_day=True))
    return entries[:limit]


def _pulses(customer: Customer, _zone: ZoneInfo, limit: int) -> Iterable[Entry]:
    rows = Pulse.objects.filter(customer=customer, superseded_by=None, voids=False)
    rows = rows.select_related("recorded_by").order_by("-occurred_at", "-pk")[: limit + 1]
    newest_first = list(rows)
    return [
        Entry("pulses", row.occurred_at, row, before=before)
        for row, before in pairwise([*newest_first, None])
    ][:limit]


def _assignments(customer: Customer, zone: ZoneInfo, limit: int) -> Iterable[Entry]:
    rows = Assignment.objects.filter(customer=customer, superseded_by=None, voids=False)
    rows = rows.select_related("user").order_by("-from_on", "-pk")[:limit]
    return [Entry("assignments", _midnight(row.from_on, zone), row, whole_day=True) for row in rows]


def _follow_ups(customer: Customer, _zone: ZoneInfo, limit: int) -> Iterable[Entry]:
    finished = Q(state=FollowUpState.DONE) & ~Q(done_at=None)
    rows = FollowUp.objects.filter(finished, customer=customer).select_related("done_by")
    return [Entry("follow_ups", row.done_at, row) for row in rows.order_by("-done_at", "-pk")[:limit]]


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.min, tzinfo=zone)


KINDS: Mapping[str, Callable[[Customer, ZoneInfo, int], Iterable[Entry]]] = {
    "touchpoints": _touchpoints,
    "follow_ups": _follow_ups,
    "tickets": _tickets,
    "changes": _changes,
    "pulses": _pulses,
    "assignments": _assignments,
}


def phase_word(value: str) -> str:
    """A phase as people read it; unknown values as they are."""
    return Phase(value).label if value in Phase.values else value
