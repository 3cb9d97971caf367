"""What happens to cases by themselves: reminder, escalation, end of a wait, and moving with the customer."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, OuterRef, Q, Subquery
from django.db.models.functions import TruncDate

from accounts.models import User
from accounts.queries import organisation
from customers.choices import AssignmentRole
from customers.models import Assignment
from surveys.choices import CaseEventKind, CaseState
from surveys.formulas.business_time import is_soon
from surveys.models import Case, CaseEvent
from surveys.queries.case_clock import CaseClock, clock_at, due_of
from surveys.queries.case_people import assignee_on, may_work_on
from surveys.queries.cases import NEXT_DUE
from surveys.services import case_alerts, cases

ZONES_APART = timedelta(days=2)  # working time elsewhere on earth begins at most this much earlier
BATCH = 500


def escalate_cases(*, now: datetime) -> int:
    """End waits that took five working days, remind at three quarters, escalate when the time is up; each once."""
    clock = clock_at(now)
    waiting = Case.objects.exclude(state=CaseState.CLOSED).filter(waiting_since__lt=now)
    ended = sum(_end_wait(case, clock, now) for case in list(waiting.order_by("pk")[:BATCH]))
    horizon = clock.plain.after(now, max(clock.contact_s, clock.close_s) // 4) + ZONES_APART
    near = (
        Case.objects.exclude(state=CaseState.CLOSED)
        .annotate(next_due=NEXT_DUE)
        .filter(escalated_at=None, waiting_since=None, next_due__lte=horizon)
        .select_related("assignee")
    )
    found = [case for case in near.order_by("next_due", "pk")[:BATCH] if _step(case, clock, now)]
    return ended + sum(_warn(case, clock, now) for case in found)


def move_cases(*, now: datetime) -> int:
    """Open cases follow a hand-over of their customer, and leave people who have left; returns how many moved."""
    today = organisation.local_day(now)
    given = CaseEvent.objects.filter(
        case=OuterRef("pk"),
        kind__in=[CaseEventKind.OPENED, CaseEventKind.REOPENED, CaseEventKind.REASSIGNED],
    ).order_by("-pk")
    primary = Assignment.objects.current().filter(
        Q(to_on=None) | Q(to_on__gt=today),
        customer=OuterRef("customer"),
        role=AssignmentRole.PRIMARY,
        from_on__lte=today,
        user__is_active=True,
    )
    still = Case.objects.exclude(state=CaseState.CLOSED).annotate(
        given_at=Subquery(given.values("occurred_at")[:1]),
        given_recorded_at=Subquery(given.values("recorded_at")[:1]),
        csm=Subquery(primary.values("user")[:1]),
        csm_from=Subquery(primary.values("from_on")[:1]),
        csm_recorded_at=Subquery(primary.values("recorded_at")[:1]),
    )
    is_newer = Q(csm_recorded_at__gt=F("given_recorded_at")) | Q(
        csm_from__gt=TruncDate("given_at", tzinfo=organisation.zone())
    )
    taken_over = Q(assignee=None) | (~Q(assignee=F("csm")) & is_newer)
    moving = still.filter(Q(csm__isnull=False) & taken_over | Q(assignee__is_active=False))
    return sum(_move(case, now) for case in list(moving.order_by("pk")[:BATCH]))


@transaction.atomic
def _move(case: Case, now: datetime) -> int:
    held = cases.lock_case(case)
    to = assignee_on(held.customer_id, organisation.local_day(now))
    if to is None or to.pk == held.assignee_id or not may_work_on(to, held.customer_id):
        return 0
    cases.hand_to(held, to, by=None, now=now, note="The customer was handed over.")
    return 1


def _end_wait(case: Case, clock: CaseClock, now: datetime) -> int:
    """Go on from the very moment the five working days were used up."""
    if case.waiting_since is None:
        return 0
    calendar = clock.calendar_of(case.assignee)
    ends = calendar.after(case.waiting_since, max(0, clock.most_wait_s - case.waited_s))
    if ends > now:
        return 0
    cases.wait_over(case=case, by=None, now=now, at=ends)
    return 1


def _step(case: Case, clock: CaseClock, now: datetime) -> str:
    """What the clock asks for now: an escalation, a reminder, or nothing."""
    if case.state == CaseState.CLOSED or case.waiting_since is not None or case.escalated_at is not None:
        return ""
    due, calendar = due_of(case), clock.calendar_of(case.assignee)
    if now >= due:
        return CaseEventKind.ESCALATED
    is_near = case.reminded_at is None and is_soon(calendar, now=now, due=due, budget_s=clock.budget_of(case))
    return CaseEventKind.REMINDED if is_near else ""


@transaction.atomic
def _warn(case: Case, clock: CaseClock, now: datetime) -> int:
    held = cases.lock_case(case)
    step = _step(held, clock, now)  # again, under the lock
    if not step:
        return 0
    if step == CaseEventKind.ESCALATED:
        _escalate(held, clock, now)
    else:
        held.reminded_at = now
        event = cases.add_event(held, CaseEventKind.REMINDED, at=now)
        case_alerts.tell(held, event, clock=clock)
    held.version += 1
    held.save(update_fields=["reminded_at", "escalated_at", "version"])
    return 1


def _escalate(held: Case, clock: CaseClock, now: datetime) -> None:
    receivers: list[User] = case_alerts.above(held)
    held.escalated_at, held.reminded_at = now, held.reminded_at or now
    names = ", ".join(receiver.name for receiver in receivers)
    event = cases.add_event(held, CaseEventKind.ESCALATED, at=now, note=f"To {names}." if names else "")
    case_alerts.tell(held, event, clock=clock, to=receivers)
    case_alerts.raise_alert(held, receivers, now=now)
