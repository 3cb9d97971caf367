"""What people decide about answers: take a suspect one, refuse it, void a counted one, bring it back."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models.functions import Now

from accounts.models import User
from accounts.queries import organisation
from config.web.errors import DomainError
from config.work import audit
from config.work.nudge import nudge
from customers.services import staleness
from surveys.choices import Channel, ResponseEventKind, ResponseState, ResponseStatus
from surveys.formulas.scales import is_low
from surveys.models import Invitation, Response, ResponseEvent
from surveys.queries import evidence as queries
from surveys.services import locks

MAX_REASON = 300  # characters
DISCARD_BATCH = 500
# States of the invitation that a decision about an answer of that status may leave.
MOVED_FROM = {
    ResponseStatus.SUSPECT: (ResponseState.SUSPECT,),
    ResponseStatus.COUNTED: (ResponseState.ANSWERED, ResponseState.LOCKED),
    ResponseStatus.VOID: (ResponseState.VOID,),
}


class VerdictError(DomainError):
    """The answer is not in a state that allows this, or the reason is missing."""

    code = "verdict"


def _decision(act: Callable[[Response, str, User, datetime], None]) -> Callable[..., Response]:
    """Rights, reason, lock, and a fresh reading before any decision."""

    @wraps(act)
    @transaction.atomic
    def decide(*, response: Response, reason: str, by: User, now: datetime) -> Response:
        if not queries.may_judge(by, response):
            raise VerdictError(
                "You may not decide about this answer.", hint="A manager of the team or an admin can."
            )
        if not reason.strip() or len(reason) > MAX_REASON:
            raise VerdictError(
                f"Say why, in at most {MAX_REASON} characters.",
                hint="The reason is kept with the answer.",
                field="reason",
            )
        if response.invitation_id:
            locks.lock_answer(response.invitation_id)
        fresh = Response.objects.select_for_update(of=("self",)).get(pk=response.pk)
        act(fresh, reason.strip(), by, now)
        return fresh

    return decide


@_decision
def accept(response: Response, reason: str, by: User, now: datetime) -> None:
    """A suspect answer counts from now on, dated when it was given."""
    _only(response, ResponseStatus.SUSPECT, "Only a suspect answer can be accepted.")
    _to(response, ResponseStatus.COUNTED, ResponseState.ANSWERED, ResponseEventKind.ACCEPTED, reason, by, now)
    _call_somebody(response, now)


@_decision
def reject(response: Response, reason: str, by: User, now: datetime) -> None:
    """A suspect answer never counts; its link is closed."""
    _only(response, ResponseStatus.SUSPECT, "Only a suspect answer can be rejected.")
    _to(
        response,
        ResponseStatus.DISCARDED,
        ResponseState.DISCARDED,
        ResponseEventKind.REJECTED,
        reason,
        by,
        now,
    )


@_decision
def void(response: Response, reason: str, by: User, now: datetime) -> None:
    """A counted answer counts no more, in no score and no health reading."""
    _only(response, ResponseStatus.COUNTED, "Only a counted answer can be voided.")
    _to(response, ResponseStatus.VOID, ResponseState.VOID, ResponseEventKind.VOIDED, reason, by, now)
    Response.objects.filter(pk=response.pk).update(needs_follow_up_at=None)


@_decision
def restore(response: Response, reason: str, by: User, now: datetime) -> None:
    """A voided answer counts again; it may be changed only while its edit window lasts."""
    _only(response, ResponseStatus.VOID, "Only a voided answer can be restored.")
    state = ResponseState.ANSWERED if _is_editable(response, now) else ResponseState.LOCKED
    _to(response, ResponseStatus.COUNTED, state, ResponseEventKind.RESTORED, reason, by, now)
    _call_somebody(response, now)


@transaction.atomic
def discard_ended(*, ended_before: datetime, now: datetime) -> int:
    """Suspect answers whose link has ended without a human answer count never; returns how many."""
    ended = Invitation.objects.select_for_update(skip_locked=True).filter(
        response_state=ResponseState.SUSPECT, expires_at__lte=ended_before
    )
    ids = list(ended.order_by("pk").values_list("pk", flat=True)[:DISCARD_BATCH])
    if not ids:
        return 0
    answers = Response.objects.filter(invitation__in=ids, status=ResponseStatus.SUSPECT)
    found = list(answers.select_for_update().values_list("pk", flat=True))
    ResponseEvent.objects.bulk_create(
        [ResponseEvent(response_id=pk, kind=ResponseEventKind.DISCARDED, occurred_at=now) for pk in found]
    )
    Response.objects.filter(pk__in=found).update(status=ResponseStatus.DISCARDED, updated_at=Now())
    Invitation.objects.filter(pk__in=ids).update(response_state=ResponseState.DISCARDED)
    return len(ids)


def _only(response: Response, status: ResponseStatus, refusal: str) -> None:
    if response.status != status:
        raise VerdictError(refusal, hint="Somebody may have decided before you. Look at it again.")


def _call_somebody(response: Response, now: datetime) -> None:
    """An unhappy answer that counts from now on opens its case; imported ones open none."""
    needs = is_low(response.kind, response.score) or response.wants_contact
    if needs and response.channel == Channel.EMAIL:
        Response.objects.filter(pk=response.pk).update(needs_follow_up_at=now)
        nudge("surveys.open_cases")


def _is_editable(response: Response, now: datetime) -> bool:
    if response.invitation is None:
        return False
    days = response.invitation.wave.version.edit_days
    return response.first_answered_at + timedelta(days=days) > now


def _to(
    response: Response,
    status: ResponseStatus,
    state: ResponseState,
    kind: ResponseEventKind,
    reason: str,
    by: User,
    now: datetime,
) -> None:
    """The answer's new status with everything that hangs on it: invitation, event, audit, health."""
    before = ResponseStatus(response.status)
    response.status = status
    Response.objects.filter(pk=response.pk).update(status=status, updated_at=Now())
    moved = Invitation.objects.filter(pk=response.invitation_id, response_state__in=MOVED_FROM[before])
    if not moved.update(response_state=state) and response.invitation_id:
        raise VerdictError("This answer can no longer be judged.", hint="Its person was erased.")
    ResponseEvent.objects.create(response=response, kind=kind, by=by, reason=reason, occurred_at=now)
    audit.record(
        by=by,
        now=now,
        action=f"response.{kind}",
        subject=response,
        before={"status": before},
        after={"status": status, "reason": reason},
    )
    if response.customer_id is not None and ResponseStatus.COUNTED in (before, status):
        zone = ZoneInfo(organisation.current().time_zone)
        staleness.mark(
            customer_ids=[response.customer_id],
            from_day=response.first_answered_at.astimezone(zone).date(),
            cause=f"survey answer {kind}",
        )
