"""What a bounced address means for the people who look after it (S-207)."""

from datetime import datetime, timedelta

from accounts.models import User
from accounts.queries import organisation
from customers.models import Contact
from customers.services.follow_ups import open_follow_up
from surveys.choices import SuppressionReason
from surveys.models import Invitation, Suppression
from surveys.queries.audience import owner_on
from surveys.services.suppressions import suppress

VERIFY_DAYS = 2  # until the contact should be verified


def address_bounced(*, invitation: Invitation, source: str, now: datetime) -> None:
    """Ask this address no more and have its contact verified once. Saying it again changes nothing."""
    known = Suppression.objects.filter(
        email_hash=invitation.email_hash, reason=SuppressionReason.HARD_BOUNCE, lifted_at=None
    ).exists()
    suppress(email_norm=invitation.email_norm, reason=SuppressionReason.HARD_BOUNCE, source=source, now=now)
    if known or invitation.contact_id is None or invitation.is_test:
        return
    day = organisation.local_day(now)
    contact = (
        Contact.objects.select_related("customer")
        .annotate(owner_id=owner_on(day))
        .get(pk=invitation.contact_id)
    )
    if contact.erased_at is not None or (contact.left_on is not None and contact.left_on <= day):
        return
    open_follow_up(
        customer=contact.customer,
        title=f"Verify {contact.name or contact.email}: the address bounced, they may have left",
        note="The mail server says that this address does not exist. Ask who has taken over.",
        owner=User.objects.filter(pk=contact.owner_id).first(),
        due_on=day + timedelta(days=VERIFY_DAYS),
        by=None,
        now=now,
        origin="survey bounce",
        dedupe_key=f"verify-contact:{invitation.email_hash}",
    )
