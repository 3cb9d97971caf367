"""Reports about sent mails: stored first, applied by a ticker, one state whatever their order and repetition (S-206)."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import Error, transaction
from django.db.models.functions import Coalesce, Now

from config.work.nudge import nudge
from surveys.choices import DeliveryState, FailureKind, ResponseState, SuppressionReason
from surveys.formulas.addresses import address_key
from surveys.formulas.delivery_ranks import DROPPED, Effect, effect_of, state_after
from surveys.models import DeliveryEvent, Message, ProviderEvent, Suppression
from surveys.services import bounces
from surveys.services.suppressions import suppress
from surveys.services.unsubscribes import withdraw_waiting

BATCH = 500  # reports per run
SOFT_LIMIT, SOFT_WITHIN, SOFT_FOR = 3, timedelta(days=30), timedelta(days=90)
SAME_MAIL = timedelta(days=10)  # a report without our Message-ID speaks of the newest mail to its address
UNRECORDED_FOR = timedelta(days=1)  # so long a report waits for our own record of the sending
ANSWERED = frozenset({ResponseState.ANSWERED, ResponseState.LOCKED, ResponseState.ANONYMISED})
AFTER_THE_DOT = frozenset(
    {
        DeliveryState.UNCERTAIN,
        DeliveryState.SENT,
        DeliveryState.DELIVERED,
        DeliveryState.SOFT_BOUNCED,
        DeliveryState.BOUNCED,
        DeliveryState.COMPLAINED,
        DeliveryState.FAILED,
    }
)


@dataclass(frozen=True)
class Report:
    """One report in our words: `type` and `reason` are anymail's, `status` an enhanced code with its text."""

    source: str
    type: str
    occurred_at: datetime
    event_id: str = ""
    message_id: str = ""
    recipient: str = ""
    reason: str = ""
    status: str = ""


def store(reports: Iterable[Report]) -> int:
    """Keep reports for the ticker; a known one is not kept again. Looks (opened, clicked) are dropped."""
    rows = {
        (row.source, row.event_id): row
        for row in (_row(report) for report in reports if report.type not in DROPPED)
    }
    known = ProviderEvent.objects.filter(event_id__in=[event_id for _, event_id in rows])
    for key in known.values_list("source", "event_id"):
        rows.pop(key, None)
    ProviderEvent.objects.bulk_create(rows.values(), ignore_conflicts=True)  # a twin may arrive this moment
    stored = len(rows)
    if stored:
        nudge("surveys.apply_provider_events")
    return stored


def _row(report: Report) -> ProviderEvent:
    named = (report.source, report.message_id, report.type, report.occurred_at.isoformat(), report.recipient)
    made_up = hashlib.sha256("\n".join(named).encode()).hexdigest()
    return ProviderEvent(
        source=report.source[:30],
        event_id=(_clean(report.event_id) or made_up)[:200],
        type=_clean(report.type)[:20],
        message_id=_clean(report.message_id)[:200],
        recipient=_clean(report.recipient)[:254],
        payload={"reason": _clean(report.reason)[:40], "status": _clean(report.status)[:300]},
        occurred_at=report.occurred_at,
    )


def _clean(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text).strip()


def apply_provider_events(*, now: datetime) -> int:
    """Apply what was stored, each report by itself: a broken one is marked and holds up nobody."""
    done = 0
    for pk in (
        ProviderEvent.objects.filter(applied_at=None).order_by("pk").values_list("pk", flat=True)[:BATCH]
    ):
        try:
            with transaction.atomic():
                event = ProviderEvent.objects.select_for_update(skip_locked=True).filter(pk=pk).first()
                if event is not None and event.applied_at is None:
                    done += _apply(event, now)
        except (Error, ValueError) as error:
            ProviderEvent.objects.filter(pk=pk).update(applied_at=now, problem=str(error)[:300])
            done += 1
    return done


def _apply(event: ProviderEvent, now: datetime) -> bool:
    """Whether the report is done with; one about a mail that is just being recorded waits."""
    effect = effect_of(
        event.type, reason=event.payload.get("reason", ""), status=event.payload.get("status", "")
    )
    message = _message_of(event) if effect else None
    is_young = event.received_at > now - UNRECORDED_FOR
    if message is not None and message.delivery_state == DeliveryState.SENDING and is_young:
        return False
    problem = ""
    if effect and message is None:
        problem = "no mail of ours"
    elif message is not None:
        problem = _settle(message, event, effect)
    _mark_address(message, event, effect, now)
    ProviderEvent.objects.filter(pk=event.pk).update(applied_at=now, problem=problem)
    return True


def _message_of(event: ProviderEvent) -> Message | None:
    """By our Message-ID, else the newest mail to that address shortly before; locked until the end."""
    rows = Message.objects.select_for_update(of=("self",)).select_related("invitation")
    bare = event.message_id.strip("<> ")
    if bare:
        found = rows.filter(message_id=f"<{bare}>").first()
        if found is not None:
            return found
    key = address_key(event.recipient) if event.recipient else None
    if key is None:
        return None
    sent = rows.filter(
        invitation__email_norm=key,
        claimed_at__lte=event.occurred_at + timedelta(minutes=5),
        claimed_at__gte=event.occurred_at - SAME_MAIL,
    )
    return sent.order_by("-claimed_at").first()


def _settle(message: Message, event: ProviderEvent, effect: Effect) -> str:
    """Write the report into the mail's trail and take over the state of all reports; a problem in words, or nothing."""
    DeliveryEvent.objects.bulk_create(
        [
            DeliveryEvent(
                message=message,
                type=str(effect),
                source=event.source[:20],
                event_id=event.event_id,
                phase="report",
                text=event.payload.get("status", "")[:300],
                occurred_at=event.occurred_at,
            )
        ],
        ignore_conflicts=True,
    )
    state = message.delivery_state
    by_event = message.settled_by == "event"
    if state not in AFTER_THE_DOT or (state == DeliveryState.FAILED and not by_event):
        return f"the mail is {state}"
    if state == DeliveryState.BOUNCED and message.accepted_at is None:
        return "refused at once, nothing to add"
    if effect == Effect.HARD_BOUNCE and message.invitation.response_state in ANSWERED:
        return "already answered, only the address is marked"
    wanted = state_after(_effects(message))
    if wanted and wanted != state:
        _take_over(message, wanted)
    return ""


def _effects(message: Message) -> Sequence[str]:
    """Effects of everything known about the mail: the server's yes, a visit, and all reports but those after an answer."""
    kept = [
        kind
        for kind in message.events.filter(phase="report").values_list("type", flat=True)
        if kind != Effect.HARD_BOUNCE or message.invitation.response_state not in ANSWERED
    ]
    return [Effect.SENT, *kept] if message.accepted_at is not None else kept


def _take_over(message: Message, state: str) -> None:
    Message.objects.filter(pk=message.pk).update(
        delivery_state=state,
        failure=FailureKind.POLICY if state == DeliveryState.FAILED else "",
        accepted_at=Coalesce("accepted_at", "claimed_at"),
        settled_by=message.settled_by if message.settled_by and state != DeliveryState.FAILED else "event",
        changed_at=Now(),
    )


def _mark_address(message: Message | None, event: ProviderEvent, effect: Effect, now: datetime) -> None:
    """Suppressions that follow from the report."""
    invitation = message.invitation if message is not None else None
    if invitation is not None and not invitation.email_hash:
        return  # erased meanwhile: on the list already
    source = f"{event.source}:{event.pk}"
    if effect == Effect.HARD_BOUNCE and invitation is not None:
        bounces.address_bounced(invitation=invitation, source=source, now=now)
    elif effect == Effect.SOFT_BOUNCE and invitation is not None:
        _count_soft_bounces(invitation.email_norm, invitation.email_hash, source, now)
    elif effect in {Effect.COMPLAINED, Effect.UNSUBSCRIBED}:
        key = invitation.email_norm if invitation is not None else address_key(event.recipient)
        if key:
            complained = effect == Effect.COMPLAINED
            reason = SuppressionReason.COMPLAINT if complained else SuppressionReason.UNSUBSCRIBED
            suppress(email_norm=key, reason=reason, source=source, now=now)
        if invitation is not None:
            withdraw_waiting(email_hash=invitation.email_hash, scope="all")


def _count_soft_bounces(email_norm: str, email_hash: str, source: str, now: datetime) -> None:
    """Three soft bounces within 30 days: the address rests for 90 days."""
    moments = sorted(
        DeliveryEvent.objects.filter(
            type=Effect.SOFT_BOUNCE, phase="report", message__invitation__email_hash=email_hash
        ).values_list("occurred_at", flat=True)
    )
    ends = [
        last
        for first, last in zip(moments, moments[SOFT_LIMIT - 1 :], strict=False)
        if last - first <= SOFT_WITHIN
    ]
    expires_at = ends[-1] + SOFT_FOR if ends else now
    if expires_at <= now:
        return
    resting = Suppression.objects.in_force(now).filter(
        email_hash=email_hash, reason=SuppressionReason.SOFT_BOUNCE, expires_at__gte=expires_at
    )
    if not resting.exists():
        suppress(
            email_norm=email_norm,
            reason=SuppressionReason.SOFT_BOUNCE,
            source=source,
            now=now,
            expires_at=expires_at,
        )
