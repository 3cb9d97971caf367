"""Where every mail stands, in the words shared with service mail, and what waits for a person."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import BooleanField, Count, ExpressionWrapper, Min, Q, QuerySet

from surveys.choices import ACCEPTED, DeliveryState, MessageKind, Phase, ResponseState
from surveys.models import Message, SendingState, Wave, WaveSkip
from surveys.models.policy import THE_ROW

STATES = (
    "queued",
    "claimed",
    "transmitting",
    "sent",
    "deferred",
    "failed",
    "uncertain",
    "suppressed",
    "cancelled",
)
WAITING_STATES = ("queued", "claimed", "transmitting", "uncertain")
PROTOCOL = {
    DeliveryState.PLANNED: "queued",
    DeliveryState.QUEUED: "queued",
    DeliveryState.RETRY_WAIT: "deferred",
    DeliveryState.UNCERTAIN: "uncertain",
    DeliveryState.SENT: "sent",
    DeliveryState.DELIVERED: "sent",
    DeliveryState.SOFT_BOUNCED: "sent",
    DeliveryState.COMPLAINED: "sent",
    DeliveryState.FAILED: "failed",
    DeliveryState.SKIPPED: "suppressed",
    DeliveryState.REVOKED: "cancelled",
    DeliveryState.EXPIRED_UNSENT: "cancelled",
}
FINDING_DAYS, FINDING_LEAST = timedelta(days=30), 20  # mails to a domain before silence is a finding
BREAKER_OPEN = 20  # connect failures in a row


def protocol_state(state: str, phase: str, *, accepted: bool) -> str:
    """The shared word for a message's state; a bounce counts as failed unless the server had taken the mail first."""
    if state == DeliveryState.SENDING:
        return "transmitting" if phase == Phase.DOT else "claimed"
    if state == DeliveryState.BOUNCED:
        return "sent" if accepted else "failed"
    return PROTOCOL[DeliveryState(state)]


def no_mail() -> dict[str, int]:
    """Every state with zero."""
    return dict.fromkeys(STATES, 0)


def counts_by_class() -> dict[str, dict[str, int]]:
    """`survey` (first mails and the snapshot's skips) and `reminder`: mails per state."""
    found = {"survey": no_mail(), "reminder": no_mail()}
    for kind, state, count in _counted(Message.objects.all(), "kind"):
        found["reminder" if kind == MessageKind.REMINDER else "survey"][state] += count
    found["survey"]["suppressed"] += WaveSkip.objects.count()
    return found


def waves_counted() -> list[dict[str, Any]]:
    """Per wave: everybody eligible, and where each of them stands; the counts sum to `eligible`."""
    per_wave: dict[int, Counter[str]] = {}
    firsts = Message.objects.filter(kind=MessageKind.FIRST)
    for wave, state, count in _counted(firsts, "invitation__wave"):
        per_wave.setdefault(wave, Counter())[state] += count
    for wave, count in WaveSkip.objects.values_list("wave").annotate(count=Count("pk")).order_by():
        per_wave.setdefault(wave, Counter())["suppressed"] += count
    rows = Wave.objects.filter(is_test=False).order_by("campaign", "number")
    return [
        {
            "campaign": wave.campaign_id,
            "wave": wave.number,
            "eligible": wave.eligible_count,
            "counts": no_mail() | per_wave.get(wave.pk, Counter()),
        }
        for wave in rows
    ]


def _counted(rows: QuerySet[Message], group: str) -> list[tuple[Any, str, int]]:
    unaccepted = ExpressionWrapper(Q(accepted_at=None), output_field=BooleanField())
    found = rows.annotate(unaccepted=unaccepted).values_list(group, "delivery_state", "phase", "unaccepted")
    found = found.annotate(count=Count("pk"))
    return [
        (key, protocol_state(state, phase, accepted=not unaccepted), count)
        for key, state, phase, unaccepted, count in found.order_by()
    ]


def oldest_since() -> dict[str, datetime | None]:
    """Per waiting state, since when its oldest mail is in it."""
    sending = Q(delivery_state=DeliveryState.SENDING)
    conditions = {
        "queued": Q(delivery_state__in=[DeliveryState.PLANNED, DeliveryState.QUEUED]),
        "claimed": sending & ~Q(phase=Phase.DOT),
        "transmitting": sending & Q(phase=Phase.DOT),
        "uncertain": Q(delivery_state=DeliveryState.UNCERTAIN),
    }
    return Message.objects.aggregate(
        **{name: Min("changed_at", filter=rule) for name, rule in conditions.items()}
    )


def sending_facts(now: datetime) -> dict[str, Any]:
    """Hold and breaker in the shape of the outbox report."""
    row = SendingState.objects.filter(pk=THE_ROW).first() or SendingState()
    resting = row.rest_until is not None and row.rest_until > now
    is_open = row.connect_failures >= BREAKER_OPEN or resting
    hold = {
        "reason": row.hold_reason,
        "since": row.hold_since,
        "sent_from": row.instance_id,
        "here": settings.INSTANCE_ID,
    }
    return {
        "hold": hold if row.hold_reason else None,
        "breaker": {
            "state": "open" if is_open else "closed",
            "since": row.last_error_at if is_open else None,
            "error": row.last_error or None if is_open else None,
        },
    }


def needing_a_person(customers: QuerySet[Any]) -> QuerySet[Message]:
    """Uncertain and failed messages of these customers, uncertain first, oldest first."""
    return (
        Message.objects.filter(
            Q(invitation__customer__in=customers) | Q(invitation__is_test=True),
            delivery_state__in=[DeliveryState.UNCERTAIN, DeliveryState.FAILED],
        )
        .select_related("invitation__contact", "invitation__customer", "invitation__wave__campaign")
        .order_by("-delivery_state", "changed_at")
    )


@dataclass(frozen=True)
class Finding:
    """A receiving domain where our mails seem to end before anybody reads them (S-35)."""

    domain: str
    sent: int
    suspects: int


def silent_domains(customers: QuerySet[Any], *, now: datetime) -> list[Finding]:
    """Domains with many mails in 30 days and no look by a person, or suspect answers only. Answers end no look."""
    nobody = [ResponseState.NONE, ResponseState.EXPIRED, ResponseState.REVOKED]
    machines = [ResponseState.SUSPECT, ResponseState.DISCARDED]
    rows = (
        Message.objects.filter(
            invitation__customer__in=customers,
            kind=MessageKind.FIRST,
            delivery_state__in=ACCEPTED,
            accepted_at__gte=now - FINDING_DAYS,
        )
        .exclude(invitation__email_domain="")
        .values("invitation__email_domain")
        .annotate(
            sent=Count("pk"),
            suspects=Count("pk", filter=Q(invitation__response_state__in=machines)),
            seen=Count("pk", filter=~Q(invitation__response_state__in=[*nobody, *machines])),
        )
        .filter(sent__gte=FINDING_LEAST, seen=0)
        .order_by("-sent")
    )
    return [Finding(row["invitation__email_domain"], row["sent"], row["suspects"]) for row in rows]


def uncertain_count() -> int:
    """Messages whose fate a person must decide."""
    return Message.objects.filter(delivery_state=DeliveryState.UNCERTAIN).count()


def hold_reason() -> str | None:
    """Why sending is held, or None."""
    return SendingState.objects.filter(pk=THE_ROW).values_list("hold_reason", flat=True).first() or None
