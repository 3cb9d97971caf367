"""A contact's own "no more surveys"."""

from datetime import datetime

from django.db import transaction
from django.db.models.functions import Now

from surveys.choices import WAITING, DeliveryState, MessageKind, SkipReason, SuppressionReason
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
    waiting = Message.objects.filter(invitation__email_hash=invitation.email_hash, delivery_state__in=WAITING)
    if scope != "all":
        waiting = waiting.filter(invitation__wave__version__kind=scope)
    waiting.filter(kind=MessageKind.REMINDER).update(delivery_state=DeliveryState.REVOKED, changed_at=Now())
    waiting.filter(kind=MessageKind.FIRST).update(
        delivery_state=DeliveryState.SKIPPED, skip_reason=SkipReason.SUPPRESSED, changed_at=Now()
    )
