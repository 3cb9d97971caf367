"""Messages whose fate is unknown: evidence settles them, or a person decides (S-71)."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from accounts.models import User
from config.web.errors import DomainError
from config.work import audit
from surveys.choices import DeliveryState, FailureKind
from surveys.models import DeliveryEvent, Message

RESEND_WITHIN = timedelta(days=3)  # a resend waits for the next send window, also after the wave's last day


class NotUncertainError(DomainError):
    code = "not_uncertain"


class NotFailedError(DomainError):
    code = "not_failed"


@transaction.atomic
def settle_as_sent(*, message_ids: Iterable[int], by: str, now: datetime) -> int:
    """A visit or an answer proves that the mail arrived. `by` is `visit` or `answer`."""
    ids = list(message_ids)
    uncertain = Message.objects.filter(pk__in=ids, delivery_state=DeliveryState.UNCERTAIN)
    settled = list(uncertain.select_for_update().values_list("pk", flat=True)) if ids else []
    Message.objects.filter(pk__in=settled).update(
        delivery_state=DeliveryState.SENT, accepted_at=F("claimed_at"), settled_by=by, changed_at=Now()
    )
    DeliveryEvent.objects.bulk_create(
        [
            DeliveryEvent(
                message_id=pk, type="settled", source=by, event_id=f"{pk}:settled", text=by, occurred_at=now
            )
            for pk in settled
        ],
        ignore_conflicts=True,
    )
    return len(settled)


@transaction.atomic
def resend(*, message: Message, by: User, now: datetime) -> None:
    """Send once more with the same Message-ID, because a person says so; it may arrive twice."""
    until = max(message.max_at, now + RESEND_WITHIN)
    _decide(
        message,
        by=by,
        now=now,
        what="resend",
        delivery_state=DeliveryState.QUEUED,
        not_before=now,
        max_at=until,
    )


@transaction.atomic
def close_as_failed(*, message: Message, by: User, now: datetime) -> None:
    """Treat the message as not delivered and leave it."""
    _decide(
        message,
        by=by,
        now=now,
        what="close",
        delivery_state=DeliveryState.FAILED,
        failure=FailureKind.CLOSED,
    )


@transaction.atomic
def requeue(*, message: Message, by: User, now: datetime) -> None:
    """Try a failed message once more from the start, because an admin says that the cause is gone (S-67)."""
    if not by.is_admin:
        raise DomainError("Only an admin queues failed mails again.", hint="Ask an admin.")
    changed = (
        Message.objects.filter(pk=message.pk, delivery_state=DeliveryState.FAILED)
        .exclude(failure=FailureKind.CLOSED)
        .update(
            delivery_state=DeliveryState.QUEUED,
            failure="",
            attempts=0,
            accepted_at=None,
            settled_by="",
            not_before=now,
            max_at=max(message.max_at, now + RESEND_WITHIN),
            changed_at=Now(),
        )
    )
    if not changed:
        raise NotFailedError(
            "This mail has not failed, or a person closed it.", hint="Look at its state first."
        )
    _note(message, by=by, now=now, what="requeue")


def _decide(message: Message, *, by: User, now: datetime, what: str, **changes: object) -> None:
    changed = Message.objects.filter(pk=message.pk, delivery_state=DeliveryState.UNCERTAIN).update(
        **changes, changed_at=Now()
    )
    if not changed:
        raise NotUncertainError("This mail is no longer uncertain.", hint="Look at its present state first.")
    _note(message, by=by, now=now, what=what)


def _note(message: Message, *, by: User, now: datetime, what: str) -> None:
    number = message.events.filter(source="person").count() + 1
    DeliveryEvent.objects.create(
        message=message,
        type=what,
        source="person",
        event_id=f"{message.pk}:person:{number}",
        text=by.name[:300],
        occurred_at=now,
    )
    audit.record(by=by, now=now, action=f"message.{what}", subject=message)
