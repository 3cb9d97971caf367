"""A contact's own "no more surveys"."""

from datetime import datetime

from django.db import transaction
from django.db.models.functions import Now

from surveys.choices import ALL_SURVEYS, WAITING, DeliveryState, MessageKind, SkipReason, SuppressionReason
from surveys.models import LinkToken, Message
from surveys.services.suppressions import suppress


@transaction.atomic
def unsubscribe(*, link: LinkToken, scope: str, now: datetime) -> None:
    """Suppress the address for `scope` and withdraw what still waits for it. Saying it twice changes nothing."""
    invitation = link.message.invitation
    if not invitation.email_hash:  # erased meanwhile: already on the list
        return
    suppress(
        email_norm=invitation.email_norm,
        reason=SuppressionReason.UNSUBSCRIBED,
        source=f"message:{link.message_id}",
        scope=scope,
        now=now,
    )
    withdraw_waiting(email_hash=invitation.email_hash, scope=scope)


def withdraw_waiting(*, email_hash: str, scope: str) -> None:
    """What still waits for this address is not sent: reminders are withdrawn, first mails skipped."""
    waiting = Message.objects.filter(invitation__email_hash=email_hash, delivery_state__in=WAITING)
    if scope != ALL_SURVEYS:
        waiting = waiting.filter(invitation__wave__version__kind=scope)
    waiting.filter(kind=MessageKind.REMINDER).update(delivery_state=DeliveryState.REVOKED, changed_at=Now())
    waiting.filter(kind=MessageKind.FIRST).update(
        delivery_state=DeliveryState.SKIPPED, skip_reason=SkipReason.SUPPRESSED, changed_at=Now()
    )
