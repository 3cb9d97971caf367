"""Cases as people read them: those of the customers they may work for, by tab, one in full, and the closed loop in figures."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import Case as SqlCase
from django.db.models import Count, DateTimeField, F, Prefetch, Q, QuerySet, When
from django.http import Http404

from accounts.models import User
from accounts.permissions import may_see_identities
from customers.models import Customer
from customers.queries.access import customers_to_edit
from surveys.choices import CaseEventKind, CaseState
from surveys.formulas.business_time import median, nearest_rank
from surveys.models import Case, CaseEvent, Response, ResponseRevision
from surveys.queries.case_clock import CaseClock, due_of

TABS = ("mine", "team", "unassigned", "overdue", "closed")
NEXT_DUE = SqlCase(
    When(contacted_at=None, then=F("due_at")), default=F("close_by"), output_field=DateTimeField()
)
REPORT_DAYS = 90  # cases opened within these are counted
SLOW = 90  # percentile that tells how long a slow first contact takes
PANEL = 5
OPEN = ~Q(state=CaseState.CLOSED)


@dataclass(frozen=True)
class Due:
    """How a case stands with its clock; `seconds` of working time left, or over when `is_over`."""

    at: datetime
    step: str
    seconds: int
    is_over: bool
    is_waiting: bool
    days: int
    hours: int


@dataclass(frozen=True)
class Loop:
    """The closed loop of some cases. None means that nothing can be said."""

    name: str
    cases: int
    closed: int
    contacted: int
    median_s: float | None
    slow_s: int | None
    in_time: int
    judged: int
    reopened: int
    ended: int


@dataclass(frozen=True)
class Report:
    """Figures of all cases, and the same by person and by kind of survey."""

    days: int
    whole: Loop
    by_person: tuple[Loop, ...]
    by_kind: tuple[Loop, ...]


def cases_for(user: User) -> QuerySet[Case]:
    """Cases this person may read, and unless the customer is archived work on: own book, team, or all (S-142)."""
    rows = (
        Case.objects.filter(customer__in=customers_to_edit(user))
        if may_see_identities(user)
        else Case.objects.none()
    )
    return rows.annotate(next_due=NEXT_DUE)


def of_tab(user: User, tab: str, *, now: datetime) -> QuerySet[Case]:
    """Rows of one tab with what a line shows."""
    rows = cases_for(user).filter(_condition(user, tab, now))
    return rows.select_related("customer__summary", "contact", "assignee", "response")


def tab_counts(user: User, *, now: datetime) -> dict[str, int]:
    """How many each tab holds: one query."""
    return cases_for(user).aggregate(**{tab: Count("pk", filter=_condition(user, tab, now)) for tab in TABS})


def _condition(user: User, tab: str, now: datetime) -> Q:
    nobody = Q(assignee=None) | Q(assignee__is_active=False)
    return {
        "mine": OPEN & Q(assignee=user),
        "team": OPEN & ~Q(assignee=user) & ~nobody,
        "unassigned": OPEN & nobody,
        "overdue": OPEN & Q(next_due__lte=now, waiting_since=None),
        "closed": ~OPEN,
    }[tab]


def mine_soonest(user: User) -> tuple[list[Case], int]:
    """The reader's next cases, the most pressing first, and how many are open."""
    rows = cases_for(user).filter(OPEN, assignee=user)
    shown = rows.select_related("customer", "contact", "assignee", "response").order_by("next_due", "pk")
    found = list(shown[:PANEL])
    return found, len(found) if len(found) < PANEL else rows.count()


def open_cases_of(user: User, customer: Customer) -> list[Case]:
    """Open cases of one customer, as far as the reader may work on them."""
    rows = cases_for(user).filter(OPEN, customer=customer)
    return list(rows.select_related("contact", "assignee", "response").order_by("next_due", "pk"))


def case_of(user: User, pk: int) -> Case:
    """One case; 404 outside the scope."""
    rows = cases_for(user).select_related("customer__summary", "contact", "assignee", "response", "follow_up")
    found = rows.filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def case_to_work(user: User, pk: int) -> Case:
    """One case to act on; PermissionDenied when its customer is archived."""
    found = case_of(user, pk)
    if found.customer.archived_at is not None:
        raise PermissionDenied(
            "This customer is archived and can only be read. Restore it to work on its cases."
        )
    return found


def history_of(case: Case) -> list[CaseEvent]:
    """What happened, the newest first."""
    return list(case.events.select_related("by", "response").order_by("-occurred_at", "-pk"))


def answers_of(case: Case, events: Iterable[CaseEvent]) -> list[Response]:
    """The answers of the case with all their revisions, the newest first."""
    ids = {event.response_id for event in events if event.kind == CaseEventKind.ANSWERED} | {case.response_id}
    revisions = Prefetch("revisions", ResponseRevision.objects.order_by("-number"))
    rows = Response.objects.filter(pk__in=ids - {None}).select_related("campaign")
    return list(rows.prefetch_related(revisions).order_by("-answered_at", "-pk"))


def due_in(case: Case, clock: CaseClock, *, now: datetime) -> Due:
    """The next deadline in working time of the assignee."""
    calendar, due = clock.calendar_of(case.assignee), due_of(case)
    moment = case.waiting_since or now  # the clock stands still
    is_over = moment >= due
    seconds = calendar.between(due, moment) if is_over else calendar.between(moment, due)
    return Due(
        at=due,
        step="first contact" if case.contacted_at is None else "closing",
        seconds=seconds,
        is_over=is_over,
        is_waiting=case.waiting_since is not None,
        days=seconds // (calendar.day_s or 1),
        hours=seconds // 3600,
    )


def report_for(user: User, *, now: datetime, days: int = REPORT_DAYS) -> Report:
    """The closed loop of cases opened in the last `days`: one query (S-134)."""
    rows = list(
        cases_for(user)
        .filter(opened_at__gte=now - timedelta(days=days))
        .select_related("assignee", "response")
        .only(
            "state", "due_at", "closed_at", "contact_s", "contact_in_time", "reopened", "opened_at",
            "assignee__name", "response__kind",
        )
    )  # fmt: skip
    people, kinds = defaultdict(list), defaultdict(list)
    for row in rows:
        people[row.assignee.name if row.assignee is not None else "Nobody"].append(row)
        kinds[row.response.get_kind_display()].append(row)
    return Report(
        days=days,
        whole=_loop("All", rows, now),
        by_person=tuple(_loop(name, people[name], now) for name in sorted(people)),
        by_kind=tuple(_loop(name, kinds[name], now) for name in sorted(kinds)),
    )


def _loop(name: str, rows: Sequence[Any], now: datetime) -> Loop:
    """Judged is a case whose first contact was made, or was not made until its deadline had passed."""
    spent = [row.contact_s for row in rows if row.contact_s is not None]
    missed = [row for row in rows if row.contact_s is None and row.due_at < (row.closed_at or now)]
    return Loop(
        name=name,
        cases=len(rows),
        closed=sum(row.state == CaseState.CLOSED for row in rows),
        contacted=sum(row.state == CaseState.CONTACTED for row in rows),
        median_s=median(spent),
        slow_s=nearest_rank(spent, SLOW),
        in_time=sum(bool(row.contact_in_time) for row in rows),
        judged=len(spent) + len(missed),
        reopened=sum(row.reopened > 0 for row in rows),
        ended=sum(row.state == CaseState.CLOSED or row.reopened > 0 for row in rows),
    )
