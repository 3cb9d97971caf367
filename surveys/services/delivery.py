"""Sending survey mails at most once (S-60 to S-71).

One message at a time: claim, render, talk, commit "the dot may go out" just before the dot, record the reply. A kill
leaves at most one row per worker, and only a row whose dot was allowed becomes `uncertain`, for a person to decide.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from accounts.queries import organisation
from config.web.errors import DomainError
from config.work import smtp
from config.work.faults import fault
from surveys.choices import (
    ACCEPTED,
    CampaignState,
    DeliveryState,
    FailureKind,
    Phase,
    SkipReason,
)
from surveys.emails import values_of, wording_of
from surveys.models import CampaignVersion, DeliveryEvent, LinkToken, Message
from surveys.services import bounces, campaign_moves, claims, mail_forms, mail_sql, sending_state
from surveys.services.claims import Claim
from surveys.services.frames import Frame, frame

WAITS = (60, 300, 1800, 7200)  # seconds before the second to fifth try, each ± 20 %
MAX_ATTEMPTS = 5
DOT_SLACK_S = 20  # seconds of lease beyond the longest wait for the reply
RENDER_FAILURES = 3  # in a row pause the campaign
TEST_PREFIX = "[Test] "
STOP_RUN = {smtp.Result.UNREACHABLE, smtp.Result.LOGIN}  # the next mail would meet the same
Clock = Callable[[], datetime]


def send_due(*, clock: Clock, seconds: float = 30) -> int:
    """Send due messages, starting none after `seconds`; returns how many the server took.

    `clock` gives the present moment for each message, because one run may last minutes.
    """
    claims.release_due(now=clock())
    run, gate = frame(now=clock()), sending_state.Gate()
    transport = smtp.open_transport()
    ends, taken = time.monotonic() + seconds, 0
    try:
        while time.monotonic() < ends and gate.is_open(now=clock()):
            if gate.was_asked:
                run.forget()
            claim = claims.claim_next(now=clock(), run=run)
            if claim is None:
                break
            result = send_one(claim=claim, transport=transport, clock=clock, run=run, gate=gate)
            taken += result == smtp.Result.ACCEPTED
            if result in STOP_RUN:
                break
    finally:
        transport.close()
    return taken


def send_one(
    *,
    claim: Claim,
    transport: smtp.Transport,
    clock: Clock,
    run: Frame | None = None,
    gate: sending_state.Gate | None = None,
) -> smtp.Result | None:
    """Render one claimed message, hand it over and record the outcome; None when it did not pass its checks."""
    fault("mail.after_claim")
    message = claim.message
    raw = _render(claim, run or frame(now=clock()), clock())
    if raw is None:
        return None
    outcome = transport.deliver(
        sender=envelope_sender(message),
        recipient=message.invitation.email_norm,
        raw=raw,
        before_dot=partial(write_ahead, claim=claim, clock=clock),
    )
    fault("mail.before_record")
    record(claim=claim, outcome=outcome, now=clock(), gate=gate)
    fault("mail.after_record")
    return outcome.result


def envelope_sender(message: Message) -> str:
    """Where bounces of this mail go: with BOUNCE_ADDRESS an address of its own that names it (C13), else the sender's."""
    mailbox, _, domain = settings.BOUNCE_ADDRESS.partition("@")
    if not domain:
        return message.invitation.wave.version.sender_email
    return f"{mailbox}+{message.message_id.strip('<>').partition('@')[0]}@{domain}"


def _render(claim: Claim, run: Frame, now: datetime) -> bytes | None:
    prefix = TEST_PREFIX if claim.message.invitation.is_test else ""
    try:
        wording = wording_of(claim.message, subject_prefix=prefix)
        values = values_of(claim.message, links=claim.links, now=now, first_id=claim.first_id)
        form = run.forms.of(wording, values)
        raw = form.filled(values)
        text = mail_forms.why_not(raw, form=form, values=values)
    except DomainError as error:
        raw, text = b"", str(error)
    if not text:
        return raw
    _finish(
        claim,
        now=now,
        type_="failed",
        text=text,
        delivery_state=DeliveryState.FAILED,
        failure=FailureKind.RENDER,
    )
    _pause_after_render_failures(claim.message.invitation.wave.campaign_id, now)
    return None


def write_ahead(*, claim: Claim, clock: Clock) -> bool:
    """Commit "the dot may go out" while the row is ours and nothing forbids it; False leaves the row settled."""
    values = {
        "message": claim.message.pk,
        "lease": claim.lease_token,
        "lease_s": settings.MAIL_REPLY_S + DOT_SLACK_S,
        "now": clock(),
    }
    return bool(mail_sql.run(mail_sql.ALLOW_DOT, values))


def record(
    *, claim: Claim, outcome: smtp.Outcome, now: datetime, gate: sending_state.Gate | None = None
) -> None:
    """Write down what became of the try; when somebody else holds the row now, nothing is changed."""
    if outcome.result == smtp.Result.STOPPED:
        _record_stopped(claim, now)
        mine = False
    elif outcome.result == smtp.Result.ACCEPTED:
        mine = _record_accepted(claim, outcome, now)
    else:
        tries = claim.message.attempts + (1 if outcome.counts else 0)
        changes = _changes_for(outcome, tries=tries, now=now)
        mine = _finish(
            claim,
            now=now,
            type_=str(outcome.result),
            text=outcome.text,
            phase=outcome.phase,
            code=outcome.code,
            attempts=tries,
            **changes,
        )
    if mine:
        _learn(claim, outcome, now, gate)
    if gate is not None and outcome.result != smtp.Result.ACCEPTED:
        gate.ask_again()


def _record_accepted(claim: Claim, outcome: smtp.Outcome, now: datetime) -> bool:
    """The usual end, in one statement: the state and its event."""
    values = {
        "message": claim.message.pk,
        "lease": claim.lease_token,
        "attempts": claim.message.attempts + 1,
        "code": outcome.code,
        "text": outcome.text[:300],
        "phase": outcome.phase,
        "now": now,
    }
    return bool(mail_sql.run(mail_sql.ACCEPTED, values))


FINAL_CHANGES: dict[smtp.Result, dict[str, Any]] = {
    smtp.Result.UNCERTAIN: {"delivery_state": DeliveryState.UNCERTAIN},
    smtp.Result.BAD_ADDRESS: {"delivery_state": DeliveryState.BOUNCED},
    smtp.Result.CONTENT: {"delivery_state": DeliveryState.FAILED, "failure": FailureKind.CONTENT},
    smtp.Result.POLICY: {"delivery_state": DeliveryState.FAILED, "failure": FailureKind.POLICY},
}


def _changes_for(outcome: smtp.Outcome, *, tries: int, now: datetime) -> dict[str, Any]:
    """Columns of the message after anything but a yes (state machine of the message)."""
    if outcome.result == smtp.Result.DEFERRED:
        if tries >= MAX_ATTEMPTS:
            return {"delivery_state": DeliveryState.FAILED, "failure": FailureKind.ATTEMPTS}
        wait = WAITS[min(tries, len(WAITS)) - 1] * sending_state.spread()
        return {"delivery_state": DeliveryState.RETRY_WAIT, "not_before": now + timedelta(seconds=wait)}
    return FINAL_CHANGES.get(outcome.result, {"delivery_state": DeliveryState.QUEUED})


@transaction.atomic
def _finish(
    claim: Claim,
    *,
    now: datetime,
    type_: str,
    text: str = "",
    phase: str = "",
    code: int | None = None,
    **changes: Any,
) -> bool:
    """End the lease with the new state, its event and, when the mail surely did not arrive, without its links."""
    mine = Message.objects.filter(
        pk=claim.message.pk, lease_token=claim.lease_token, delivery_state=DeliveryState.SENDING
    ).update(
        phase="",
        lease_token="",
        lease_until=None,
        reply_code=code,
        reply_text=text[:300],
        changed_at=Now(),
        **changes,
    )
    if not mine:
        return False
    if changes["delivery_state"] != DeliveryState.UNCERTAIN:
        LinkToken.objects.filter(message=claim.message, minted_for=claim.lease_token).delete()
    if changes["delivery_state"] == DeliveryState.BOUNCED:
        bounces.address_bounced(
            invitation=claim.message.invitation, source=f"message:{claim.message.pk}", now=now
        )
    DeliveryEvent.objects.create(
        message=claim.message,
        type=type_,
        source="smtp",
        event_id=f"{claim.message.pk}:{claim.lease_token}",
        phase=phase,
        code=code,
        text=text[:300],
        occurred_at=now,
    )
    return True


def _learn(
    claim: Claim, outcome: smtp.Outcome, now: datetime, gate: sending_state.Gate | None = None
) -> None:
    """Counters against a broken server; five refusals in a row pause the campaign."""
    if outcome.wants_rest:
        sending_state.note_rest(text=outcome.text, now=now)
    if outcome.result == smtp.Result.UNREACHABLE:
        sending_state.note_unreachable(text=outcome.text, now=now)
    elif outcome.result in {smtp.Result.LOGIN, smtp.Result.POLICY}:
        if sending_state.note_refusal(text=outcome.text, now=now):
            reason = f"The mail server refused five times in a row: {outcome.text}"
            campaign_moves.auto_pause(
                campaign_id=claim.message.invitation.wave.campaign_id, reason=reason, now=now
            )
    elif outcome.result == smtp.Result.ACCEPTED:
        _note_test(claim, now)
    if outcome.result == smtp.Result.ACCEPTED and (gate is None or gate.counts):
        sending_state.note_success()


def _note_test(claim: Claim, now: datetime) -> None:
    """The test mail of a draft's present words is done; what preflight asks for (C48)."""
    invitation = claim.message.invitation
    if invitation.is_test:
        drafts = CampaignVersion.objects.filter(pk=invitation.wave.version_id, frozen_at=None)
        drafts.update(tested_at=now)


@transaction.atomic
def _record_stopped(claim: Claim, now: datetime) -> None:
    """The write-ahead said no: back to the queue, or to the state that the reason asks for."""
    message = (
        Message.objects.select_for_update(of=("self",))
        .select_related(*claims.LOADED)
        .filter(pk=claim.message.pk, lease_token=claim.lease_token)
        .first()
    )
    if message is None:
        return
    campaign = message.invitation.wave.campaign
    reason = claims.own_reason(message.invitation, organisation.zone(), now)
    changes: dict[str, Any] = {"delivery_state": DeliveryState.QUEUED}
    over = campaign.state in {CampaignState.CANCELLED, CampaignState.CLOSED, CampaignState.ARCHIVED}
    if over or reason == SkipReason.CONTACT_INACTIVE:
        changes = {"delivery_state": DeliveryState.REVOKED}
    elif reason:
        changes = {"delivery_state": DeliveryState.SKIPPED, "skip_reason": reason}
    _finish(claim, now=now, type_="stopped", phase="write_ahead", **changes)


def reap_leases(*, now: datetime) -> int:
    """Leases that ran out: before the dot the message waits again, after it a person decides. By the database clock."""
    with transaction.atomic():
        lost = list(
            Message.objects.select_for_update(skip_locked=True).filter(
                delivery_state=DeliveryState.SENDING, lease_until__lt=Now()
            )
        )
        for message in lost:
            state = DeliveryState.UNCERTAIN if message.phase == Phase.DOT else DeliveryState.QUEUED
            _finish(
                Claim(message, message.lease_token, links=None),  # type: ignore[arg-type]
                now=now,
                type_="lease_over",
                phase=message.phase,
                delivery_state=state,
            )
    return len(lost)


def _pause_after_render_failures(campaign_id: int, now: datetime) -> None:
    """Three mails in a row that fail their own checks mean that the wording is broken."""
    newest = (
        Message.objects.filter(
            Q(delivery_state__in=ACCEPTED) | Q(failure=FailureKind.RENDER),
            invitation__wave__campaign=campaign_id,
        )
        .order_by("-changed_at", "-pk")
        .values_list("failure", flat=True)[:RENDER_FAILURES]
    )
    if list(newest) == [FailureKind.RENDER] * RENDER_FAILURES:
        campaign_moves.auto_pause(
            campaign_id=campaign_id, reason="Three mails in a row did not pass their own checks.", now=now
        )
