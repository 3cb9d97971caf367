"""Moving mails that wait: after a pause, and when window, end or reminders of a running campaign change."""

from datetime import datetime

from django.db.models import F, Q, QuerySet
from django.db.models.functions import Least, Now

from accounts.queries import organisation
from surveys.choices import WAITING, DeliveryState, MessageKind
from surveys.formulas.windows import next_open
from surveys.models import Campaign, Message
from surveys.queries import policy as policies

BATCH = 1000


def waiting_of(campaign: Campaign) -> QuerySet[Message]:
    """Messages of the campaign that no worker has."""
    return Message.objects.filter(invitation__wave__campaign=campaign, delivery_state__in=WAITING)


def align(*, campaign: Campaign, now: datetime) -> int:
    """Every waiting mail at the first open moment from now on, not before its own day (S-72)."""
    window, home = policies.window_of(campaign, policies.current(now)), organisation.zone()
    moved = []
    rows = waiting_of(campaign).exclude(delivery_state=DeliveryState.RETRY_WAIT)
    for message in rows.select_related("invitation__contact", "invitation__customer").order_by("pk"):
        zone = policies.zone_of(message.invitation.contact, message.invitation.customer, home)
        opens = next_open(max(now, message.not_before), window, zone)
        if opens != message.not_before:
            message.not_before = opens
            moved.append(message)
    Message.objects.bulk_update(moved, ["not_before"], batch_size=BATCH)
    return len(moved)


def move_end(*, campaign: Campaign, before: datetime, ends_at: datetime) -> None:
    """First mails that might have waited until the old end wait until the new one; none waits beyond it."""
    firsts = waiting_of(campaign).filter(kind=MessageKind.FIRST)
    firsts.filter(max_at=before).update(max_at=ends_at)
    firsts.update(max_at=Least(F("max_at"), ends_at))


def drop_reminders(*, campaign: Campaign, from_seq: int) -> int:
    """Withdraw planned reminders beyond the new number."""
    late = waiting_of(campaign).filter(Q(kind=MessageKind.REMINDER, seq__gte=from_seq))
    return late.update(delivery_state=DeliveryState.REVOKED, changed_at=Now())
