"""The one follow-up of a case: it shows the next deadline in the day of its owner and ends with the case."""

from datetime import date, datetime
from typing import Any

from customers.choices import FollowUpKind, FollowUpPriority, FollowUpState
from customers.models.follow_up import CASE_KEY
from customers.services import follow_ups
from surveys.choices import CaseOutcome
from surveys.models import Case, Response
from surveys.queries.case_clock import CaseClock, due_of

MAX_TITLE = 200
MAX_OUTCOME = 300


def open_mirror(case: Case, response: Response, *, clock: CaseClock, now: datetime) -> None:
    """Open the follow-up of a new case, or open it again with the deadline that holds now."""
    if case.follow_up is None:
        case.follow_up = follow_ups.open_follow_up(
            customer=case.customer,
            title=title_of(response),
            owner=case.assignee,
            due_on=_due_on(case, clock),
            kind=FollowUpKind.SURVEY,
            origin="survey",
            dedupe_key=f"{CASE_KEY}{case.pk}",
            by=None,
            now=now,
            note=response.comment,
            priority=FollowUpPriority.HIGH,
        )
        return
    if case.follow_up.state != FollowUpState.OPEN:
        case.follow_up = follow_ups.reopen(follow_up=case.follow_up, by=None, now=now)
    retell(case, response, now=now)
    follow(case, clock=clock, by=None, now=now)


def retell(case: Case, response: Response, *, now: datetime) -> None:
    """Put what the answer says now, such as a comment that came later, into the open follow-up."""
    if case.follow_up is not None:
        case.follow_up = follow_ups.reword(
            follow_up=case.follow_up, title=title_of(response), note=response.comment, by=None, now=now
        )


def follow(case: Case, *, clock: CaseClock, by: Any, now: datetime) -> None:
    """Bring owner and due day of the follow-up in line with the case."""
    row = case.follow_up
    if row is None or row.state != FollowUpState.OPEN:
        return
    if case.assignee is not None and row.owner_id != case.assignee.pk:
        row = follow_ups.reassign(follow_up=row, owner=case.assignee, by=by, now=now)
    if row.due_on != _due_on(case, clock):
        row = follow_ups.reschedule(follow_up=row, due_on=_due_on(case, clock), by=by, now=now)
    case.follow_up = row


def end(case: Case, *, note: str, by: Any, now: datetime) -> None:
    """Finish the follow-up with what came of the case."""
    row = case.follow_up
    if row is not None and row.state == FollowUpState.OPEN:
        outcome = f"{CaseOutcome(case.outcome).label}: {note}"[:MAX_OUTCOME]
        case.follow_up = follow_ups.complete(follow_up=row, outcome=outcome, by=by, now=now)


def title_of(response: Response) -> str:
    """Who said what, in one line."""
    contact = response.contact
    who = contact.name or contact.email if contact is not None else "A contact"
    wish = ", asks for a call" if response.wants_contact else ""
    return f"{who} at {response.customer.name} gave {said(response)}{wish}"[:MAX_TITLE]


def said(response: Response) -> str:
    """The score with the name of its scale, for example “NPS 3”."""
    return f"{response.kind.rstrip('57').upper()} {response.score}"


def _due_on(case: Case, clock: CaseClock) -> date:
    return due_of(case).astimezone(clock.calendar_of(case.assignee).zone).date()
