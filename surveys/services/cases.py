"""Working on a case until it is closed: contact, wait, reassign, note, close. Each act is an event that stays."""

from datetime import datetime
from typing import Any

from django.db import transaction

from accounts.models import User
from config.web.errors import DomainError
from config.work import audit
from customers.services import touchpoints
from surveys.choices import CaseEventKind, CaseOutcome, CaseState
from surveys.formulas.business_time import Calendar
from surveys.models import Case, CaseEvent, Response
from surveys.queries.case_clock import CaseClock, clock_at, due_of
from surveys.queries.case_people import may_work_on
from surveys.services import case_alerts, case_mirror

MAX_NOTE = 2000  # characters
TOUCH_SOURCE = "tend"


class CaseStateError(DomainError):
    """The case is not in a state that allows this."""

    code = "case_state"


class CaseInputError(DomainError):
    """Something is missing or cannot be."""

    code = "case_input"


@transaction.atomic
def contact(*, case: Case, kind: str, occurred_at: datetime, note: str, by: Any, now: datetime) -> Case:
    """Log the first contact as a touchpoint; from now on the deadline of closing runs."""
    held = lock_case(case)
    if held.state != CaseState.OPEN:
        raise _refusal(held, "A first contact is logged once, on an open case.")
    if occurred_at < held.response.first_answered_at.replace(second=0, microsecond=0):  # forms know minutes
        raise CaseInputError(
            "The contact lies before the answer.", hint="Choose a later moment.", field="occurred_at"
        )
    clock = clock_at(now)
    touchpoints.log_touchpoint(
        customer=held.customer,
        kind=kind,
        occurred_at=occurred_at,
        by=by,
        now=now,
        subject=f"First contact about {case_mirror.said(held.response)}",
        body=note,
        contact=held.contact,
        source=TOUCH_SOURCE,
        source_key=f"case:{held.pk}:{held.reopened}",
    )
    _count_wait(held, until=now, clock=clock)
    held.state, held.contacted_at = CaseState.CONTACTED, occurred_at
    if held.contact_s is None:
        spent = clock.calendar_of(held.assignee).between(_begun_at(held), occurred_at)
        held.contact_s = max(0, spent - held.waited_s)
        held.contact_in_time = occurred_at <= held.due_at
    held.reminded_at = held.escalated_at = None
    add_event(held, CaseEventKind.CONTACTED, at=now, by=by, note=note)
    case_alerts.clear_alerts(held, now=now)
    case_mirror.follow(held, clock=clock, by=by, now=now)
    return _saved(held, "case.contacted", by=by, now=now)


@transaction.atomic
def wait(*, case: Case, note: str, by: Any, now: datetime) -> Case:
    """Stop the clock until the customer is back, for five working days at most."""
    held = lock_case(case)
    if held.state == CaseState.CLOSED or held.waiting_since is not None:
        raise _refusal(held, "Only a case whose clock runs can wait.")
    clock = clock_at(now)
    if held.waited_s >= clock.most_wait_s:
        raise CaseStateError(
            "This case has waited five working days already.", hint="Contact the customer, or close it."
        )
    held.waiting_since = now
    add_event(held, CaseEventKind.WAITING, at=now, by=by, note=note)
    return _saved(held, "case.waiting", by=by, now=now)


@transaction.atomic
def wait_over(*, case: Case, by: Any, now: datetime, at: datetime | None = None) -> Case:
    """Let the clock run again, from `at` (default now); deadlines move by the working time that was waited."""
    held = lock_case(case)
    if held.state == CaseState.CLOSED or held.waiting_since is None:
        raise _refusal(held, "Only a case that waits can go on.")
    clock = clock_at(now)
    _count_wait(held, until=at or now, clock=clock)
    held.waiting_since = None
    add_event(held, CaseEventKind.WAIT_OVER, at=at or now, by=by)
    case_mirror.follow(held, clock=clock, by=by, now=now)
    return _saved(held, "case.wait_over", by=by, now=now)


@transaction.atomic
def reassign(*, case: Case, to: User, by: Any, now: datetime, note: str = "") -> Case:
    """Give the case to somebody who may write for the customer; deadlines ahead follow the new working time."""
    held = lock_case(case)
    if held.state == CaseState.CLOSED:
        raise _refusal(held, "A closed case stays with whoever closed it.")
    if held.assignee_id == to.pk:
        raise CaseInputError(f"The case is {to.name}’s already.", hint="Choose somebody else.", field="to")
    if not may_work_on(to, held.customer_id):
        raise CaseInputError(
            f"{to.name} may not work for this customer.",
            hint="Make the person co-owner or cover of the customer first.",
            field="to",
        )
    return hand_to(held, to, by=by, now=now, note=note)


@transaction.atomic
def add_note(*, case: Case, note: str, by: Any, now: datetime) -> Case:
    """Write something down; nothing else changes."""
    held = lock_case(case)
    add_event(held, CaseEventKind.NOTED, at=now, by=by, note=_needed(note))
    return _saved(held, "case.noted", by=by, now=now)


@transaction.atomic
def close(*, case: Case, outcome: str, note: str, by: Any, now: datetime) -> Case:
    """End the case with what came of it; the follow-up ends with it."""
    held = lock_case(case)
    if held.state == CaseState.CLOSED:
        raise _refusal(held, "A case is closed once.")
    if outcome not in CaseOutcome.values:
        raise CaseInputError("A case ends with an outcome.", hint="Choose one of the list.", field="outcome")
    note = _needed(note)
    _count_wait(held, until=now, clock=clock_at(now))
    held.state, held.outcome, held.closed_at, held.waiting_since = CaseState.CLOSED, outcome, now, None
    words = f"{CaseOutcome(outcome).label}: {note}"[:MAX_NOTE]
    add_event(held, CaseEventKind.CLOSED, at=now, by=by, note=words)
    case_alerts.clear_alerts(held, now=now)
    case_mirror.end(held, note=note, by=by, now=now)
    return _saved(held, "case.closed", by=by, now=now)


def hand_to(held: Case, to: User, *, by: Any, now: datetime, note: str) -> Case:
    """Move a locked case to a person, with the deadlines of that person's working time; tells them unless they did it."""
    clock = clock_at(now)
    before = clock.calendar_of(held.assignee)
    held.assignee = to
    _move_deadlines(held, before, clock, now)
    event = add_event(held, CaseEventKind.REASSIGNED, at=now, by=by, note=f"To {to.name}. {note}".strip())
    case_mirror.follow(held, clock=clock, by=by, now=now)
    if by is None or by.pk != to.pk:
        case_alerts.tell(held, event, clock=clock)
    return _saved(held, "case.reassigned", by=by, now=now)


def lock_case(case: Case) -> Case:
    """Hold the case until the transaction ends, as it is now."""
    rows = Case.objects.select_for_update(of=("self",)).select_related(
        "customer", "contact", "assignee", "follow_up__owner", "response__customer", "response__contact"
    )
    return rows.get(pk=case.pk)


def add_event(
    case: Case,
    kind: str,
    *,
    at: datetime,
    by: Any = None,
    note: str = "",
    response: Response | None = None,
) -> CaseEvent:
    """Append what happened."""
    return CaseEvent.objects.create(
        case=case, kind=kind, by=by, response=response, note=note[:MAX_NOTE], occurred_at=at
    )


def _begun_at(held: Case) -> datetime:
    """When the clock of the present turn began: the opening, or the latest reopening."""
    turns = held.events.filter(kind__in=[CaseEventKind.OPENED, CaseEventKind.REOPENED]).order_by("-pk")
    return turns.values_list("occurred_at", flat=True).first() or held.opened_at


def _count_wait(held: Case, *, until: datetime, clock: CaseClock) -> None:
    """Take the working time waited so far out of the clock, and go on waiting from there.

    A deadline that had passed before the wait began does not move; nor does that of a first contact already made.
    """
    if held.waiting_since is None or until <= held.waiting_since:
        return
    calendar = clock.calendar_of(held.assignee)
    waited = min(calendar.between(held.waiting_since, until), max(0, clock.most_wait_s - held.waited_s))
    if held.contacted_at is None and held.waiting_since < held.due_at:
        held.due_at = calendar.after(held.due_at, waited)
    if held.waiting_since < held.close_by:
        held.close_by = calendar.after(held.close_by, waited)
    held.waited_s += waited
    held.waiting_since = until


def _move_deadlines(held: Case, before: Calendar, clock: CaseClock, now: datetime) -> None:
    """Deadlines ahead keep the working time that was left of them; those that have passed stay passed."""
    after = clock.calendar_of(held.assignee)
    moment = held.waiting_since or now
    for name in ("due_at", "close_by"):
        due = getattr(held, name)
        if due > moment and (name == "close_by" or held.contacted_at is None):
            setattr(held, name, after.after(moment, before.between(moment, due)))


def _needed(note: str) -> str:
    note = note.strip()
    if not note:
        raise CaseInputError("A few words are needed.", hint="Say what came of it.", field="note")
    if len(note) > MAX_NOTE:
        raise CaseInputError(
            f"The note is longer than {MAX_NOTE} characters.", hint="Shorten it.", field="note"
        )
    return note


def _refusal(held: Case, rule: str) -> CaseStateError:
    now_is = "waiting for the customer" if held.waiting_since else CaseState(held.state).label.lower()
    return CaseStateError(
        f"{rule} This one is {now_is}.", hint="Look at it again; somebody else may have worked on it."
    )


def _saved(held: Case, action: str, *, by: Any, now: datetime) -> Case:
    held.version += 1
    held.save()
    after = {"state": held.state, "due": due_of(held).isoformat()}
    audit.record(by=by, now=now, action=action, subject=held, after=after)
    return held
