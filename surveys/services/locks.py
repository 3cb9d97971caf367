"""All row locks of the app, always in the same order: campaign, message, person clock, customer clock, invitation."""

from datetime import date

from surveys.models import Campaign, Invitation, SendClock
from surveys.queries.audience import owner_on


def lock_campaign(campaign_id: int) -> Campaign:
    """Hold the campaign until the transaction ends."""
    return Campaign.objects.select_for_update(of=("self",)).select_related("current").get(pk=campaign_id)


def lock_clocks(*, email_hash: str, customer_id: int | None) -> None:
    """Hold the person, then the customer, so that two campaigns decide one after the other."""
    keys = [(SendClock.PERSON, email_hash)]
    if customer_id is not None:
        keys.append((SendClock.CUSTOMER, str(customer_id)))
    for scope, key in keys:
        if SendClock.objects.select_for_update().filter(scope=scope, key=key).first() is None:
            SendClock.objects.bulk_create([SendClock(scope=scope, key=key)], ignore_conflicts=True)
            SendClock.objects.select_for_update().get(scope=scope, key=key)


def lock_invitation(invitation_id: int, *, today: date) -> Invitation:
    """Hold the invitation until the transaction ends: one answer at a time. `owner_id` is its primary CSM today.

    Its answer is read by a second query: a row joined here would be the one seen before the wait for the lock.
    """
    return Invitation.objects.select_for_update().annotate(owner_id=owner_on(today)).get(pk=invitation_id)
