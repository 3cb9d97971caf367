"""Recording an answer: one response per invitation, a revision per changed content (S-93)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from config.web.errors import DomainError
from config.work.nudge import nudge
from customers.choices import FollowUpKind, FollowUpPriority
from customers.models import Customer
from customers.services import follow_ups, staleness
from surveys.choices import Channel, DeliveryState, ResponseState, ResponseStatus
from surveys.formulas.scales import SCALES, is_low
from surveys.models import Invitation, LinkToken, Response, ResponseRevision
from surveys.services import locks, uncertain
from surveys.services.evidence import Press

MAX_REVISIONS = 20
MAX_COMMENT = 4000  # characters
FOLLOW_UP_DAYS = 2  # days until somebody should have called
FOLLOW_UP_BATCH = 100
# States that take no answer whatever the clock says; an expired link is judged by its date and the grace.
CLOSED_STATES = frozenset(
    {
        ResponseState.LOCKED,
        ResponseState.DISCARDED,
        ResponseState.REVOKED,
        ResponseState.VOID,
        ResponseState.ANONYMISED,
    }
)
SILENT_STATES = frozenset({ResponseState.NONE, ResponseState.VISITED, ResponseState.EXPIRED})


class AnswerClosedError(DomainError):
    code = "answer_closed"


class TooManyEditsError(DomainError):
    code = "too_many_edits"


class BadAnswerError(DomainError):
    code = "bad_answer"


@dataclass(frozen=True)
class Answer:
    """What a person sent. `device_hash` recognises the same browser later; empty text keeps an earlier comment."""

    score: int
    comment: str = ""
    wants_contact: bool = False
    remove_comment: bool = False
    device_hash: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)


@transaction.atomic
def record_response(
    *, link: LinkToken, answer: Answer, now: datetime, press: Press | None = None
) -> Response:
    """The answer given by this link. Saying the same again adds nothing; another content adds a revision, last wins.

    `press` is how the client showed itself; without it nothing speaks against the answer.
    """
    del press
    invitation = link.message.invitation
    version = invitation.wave.version
    if not SCALES[version.kind].holds(answer.score) or len(answer.comment) > MAX_COMMENT:
        raise BadAnswerError(
            "This score is not on the scale.", hint="Choose one of the points.", field="score"
        )
    zone = getattr(link, "home_zone", None) or settings.DEFAULT_TIME_ZONE
    today = now.astimezone(ZoneInfo(zone)).date()
    held = locks.lock_invitation(invitation.pk, today=today)
    if held.response_state in CLOSED_STATES:
        raise AnswerClosedError("This survey is closed.")
    silent = held.response_state in SILENT_STATES
    response = None if silent else Response.objects.filter(invitation=held).first()
    changed = _first(link, held, answer, now) if response is None else _edit(response, answer, now)
    if changed is None:
        return response
    _after(changed, held, today)
    if link.message.delivery_state == DeliveryState.UNCERTAIN:
        uncertain.settle_as_sent(message_ids=[link.message_id], by="answer", now=now)
    return changed


def _first(link: LinkToken, held: Invitation, answer: Answer, now: datetime) -> Response:
    invitation = link.message.invitation
    version, scale = invitation.wave.version, SCALES[invitation.wave.version.kind]
    status = ResponseStatus.TEST if held.is_test else ResponseStatus.COUNTED
    response = Response.objects.create(
        invitation=held,
        message=link.message,
        campaign_id=invitation.wave.campaign_id,
        customer_id=held.customer_id,
        contact_id=held.contact_id,
        kind=version.kind,
        nature=version.nature,
        series_key=version.series_key,
        channel=Channel.EMAIL,
        status=status,
        scale_min=scale.low,
        scale_max=scale.high,
        score=answer.score,
        comment=answer.comment,
        wants_contact=answer.wants_contact,
        device_hash=answer.device_hash,
        language=held.language,
        phase=held.phase_at_send,
        owner_at_answer_id=held.owner_id,
        sent_at=link.message.accepted_at,
        first_answered_at=now,
        answered_at=now,
        needs_follow_up_at=now
        if status == ResponseStatus.COUNTED and _needs_person(version.kind, answer)
        else None,
    )
    _add_revision(response, now)
    Invitation.objects.filter(pk=held.pk).update(response_state=ResponseState.ANSWERED)
    return response


def _edit(response: Response, answer: Answer, now: datetime) -> Response | None:
    """A further revision, or None when the content is the same."""
    kept = "" if answer.remove_comment else answer.comment or response.comment
    before = (response.score, response.comment, response.wants_contact)
    if before == (answer.score, kept, answer.wants_contact):
        return None
    if response.revision >= MAX_REVISIONS:
        raise TooManyEditsError("This answer has been changed very often.", hint="Write to us instead.")
    was_low = is_low(response.kind, response.score) or response.wants_contact
    if response.status == ResponseStatus.COUNTED and not was_low and _needs_person(response.kind, answer):
        response.needs_follow_up_at = now
    response.score, response.comment, response.wants_contact = answer.score, kept, answer.wants_contact
    response.device_hash = answer.device_hash
    response.answered_at, response.revision = now, response.revision + 1
    response.updated_at = Now()
    response.save(
        update_fields=[
            "score",
            "comment",
            "wants_contact",
            "device_hash",
            "answered_at",
            "revision",
            "updated_at",
            "needs_follow_up_at",
        ]
    )
    _add_revision(response, now)
    return response


def _add_revision(response: Response, now: datetime) -> None:
    ResponseRevision.objects.create(
        response=response,
        number=response.revision,
        score=response.score,
        comment=response.comment,
        wants_contact=response.wants_contact,
        occurred_at=now,
        device_hash=response.device_hash,
    )


def _needs_person(kind: str, answer: Answer) -> bool:
    return is_low(kind, answer.score) or answer.wants_contact


def _after(response: Response, held: Invitation, today: object) -> None:
    """Health follows in this transaction's wake, a follow-up by the next run of its ticker."""
    if response.status != ResponseStatus.COUNTED or held.customer_id is None:
        return
    staleness.mark(customer_ids=[held.customer_id], from_day=today, cause="survey answer")
    if response.needs_follow_up_at is not None:
        nudge("surveys.open_follow_ups")


@transaction.atomic
def open_follow_ups(*, now: datetime) -> int:
    """One follow-up per unhappy answer for the customer's primary CSM; returns how many were asked for."""
    waiting = (
        Response.objects.select_for_update(skip_locked=True, of=("self",))
        .select_related("customer", "contact", "owner_at_answer")
        .filter(needs_follow_up_at__lte=now)
        .order_by("needs_follow_up_at", "pk")[:FOLLOW_UP_BATCH]
    )
    done = []
    for response in waiting:
        follow_ups.open_follow_up(
            customer=response.customer,
            title=_title(response, response.customer),
            owner=response.owner_at_answer,
            due_on=(now + timedelta(days=FOLLOW_UP_DAYS)).date(),
            kind=FollowUpKind.SURVEY,
            origin="survey",
            dedupe_key=f"survey-answer:{response.pk}",
            by=None,
            now=now,
            note=response.comment,
            priority=FollowUpPriority.HIGH,
        )
        done.append(response.pk)
    Response.objects.filter(pk__in=done).update(needs_follow_up_at=None)
    return len(done)


def _title(response: Response, customer: Customer) -> str:
    who = response.contact.name or response.contact.email if response.contact else "A contact"
    word = response.kind.rstrip("57").upper()
    wish = ", asks for a call" if response.wants_contact else ""
    return f"{who} at {customer.name} gave {word} {response.score}{wish}"[:200]
