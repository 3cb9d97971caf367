"""Follow-ups as lists: mine, my team's, nobody's, finished."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.core.exceptions import PermissionDenied
from django.db.models import Case, Count, IntegerField, Q, Value, When
from django.http import Http404

from accounts.choices import Role
from accounts.models import User
from accounts.permissions import may_see_identities
from accounts.queries import organisation
from customers.choices import FollowUpPriority, FollowUpState
from customers.models import Customer, FollowUp
from customers.queries.access import customer_to_edit, customers_for

TABS = ("mine", "team", "unassigned", "done")
SURVEY_TITLE = "Follow up on a survey answer"
PRIORITY_RANK = Case(
    *[When(priority=level, then=Value(rank)) for rank, level in enumerate(reversed(FollowUpPriority.values))],
    default=Value(len(FollowUpPriority.values)),
    output_field=IntegerField(),
)


@dataclass(frozen=True)
class FollowUpLists:
    """Follow-ups a user may read, by tab."""

    user: User
    readable: Any

    def of(self, tab: str) -> Any:
        """Rows of one tab with what a line shows; order them as needed."""
        rows = self.readable.filter(self._condition(tab)).select_related("customer", "owner", "done_by")
        return rows.annotate(priority_rank=PRIORITY_RANK)

    def counts(self) -> dict[str, int]:
        """How many each tab holds: one query."""
        counted = {tab: Count("pk", filter=self._condition(tab)) for tab in TABS}
        return self.readable.aggregate(**counted)

    def _condition(self, tab: str) -> Q:
        is_open = Q(state=FollowUpState.OPEN)
        return {
            "mine": is_open & Q(owner=self.user),
            "team": is_open & ~Q(owner=self.user) & ~Q(owner=None),
            "unassigned": is_open & Q(owner=None),
            "done": Q(state=FollowUpState.DONE),
        }[tab]


def follow_ups_for(user: User) -> FollowUpLists:
    """Follow-ups of the customers in the user's scope."""
    readable = FollowUp.objects.filter(customer__in=customers_for(user).active())
    return FollowUpLists(user, readable)


def follow_up_to_edit(user: User, pk: int) -> FollowUp:
    """One follow-up the user may change: 404 outside the read scope, PermissionDenied inside it."""
    found = FollowUp.objects.filter(pk=pk).select_related("customer", "owner").first()
    if found is None:
        raise Http404
    customer_to_edit(user, found.customer_id)
    if found.case_pk is not None:
        raise PermissionDenied(
            "This follow-up belongs to a survey case: work on it there, and it moves and ends with it."
        )
    return found


def open_follow_ups_of(customer: Customer) -> list[FollowUp]:
    """Open work of one customer, the most urgent first."""
    rows = customer.follow_ups.filter(state=FollowUpState.OPEN).select_related("owner")
    return list(rows.annotate(priority_rank=PRIORITY_RANK).order_by("due_on", "priority_rank", "pk"))


def shown_to(user: User, rows: Iterable[FollowUp]) -> list[FollowUp]:
    """Rows as this reader may see them: without the right to identities no notes, outcomes or names of who answered.

    Changes the rows in memory; they are for a page and never saved.
    """
    found = list(rows)
    if not may_see_identities(user):
        for row in found:
            row.title, row.note, row.outcome = unnamed_title(row), "", ""
    return found


def unnamed_title(row: FollowUp) -> str:
    """The title without the person: one that an answer opened says who answered what."""
    return SURVEY_TITLE if row.origin == "survey" else row.title


def due_days(row: FollowUp, *, now: datetime, zone: ZoneInfo) -> int:
    """Days until a follow-up is due where its owner lives: negative is overdue. `zone` is the organisation's."""
    return (row.due_on - owners_day(row.owner, now=now, zone=zone)).days


def owners_day(owner: User | None, *, now: datetime, zone: ZoneInfo) -> date:
    """Today where this person lives; the organisation's day for nobody and for people without a zone."""
    local = ZoneInfo(owner.time_zone) if owner is not None and owner.time_zone else zone
    return now.astimezone(local).date()


def people_who_may_own(user: User) -> Any:
    """Active users this user may give work to: everybody who reads customers of the organisation."""
    people = User.objects.active().exclude(role=Role.VIEWER).order_by("name")
    return people if user.is_active else people.none()


def zone_of(org: Any) -> ZoneInfo:
    """The organisation's zone."""
    return organisation.zone(org)
