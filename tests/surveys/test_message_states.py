"""A8 for mails: each event of asking moves exactly the states of its table; the others stay as they are."""

from datetime import timedelta

import pytest
from django.utils import timezone

from config.web.errors import DomainError
from surveys.choices import ACCEPTED, DeliveryState
from surveys.models import Campaign, Message
from surveys.services import campaign_ends, campaigns, claims, planned_mails, uncertain
from tests.factories.surveys import launch, make_audience, make_campaign

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)

LISTED = {
    ("planned", "due"): "queued",
    ("retry_wait", "due"): "queued",
    ("planned", "too_late"): "expired_unsent",
    ("queued", "too_late"): "expired_unsent",
    ("retry_wait", "too_late"): "expired_unsent",
    ("queued", "claim"): "sending",
    ("planned", "cancel"): "revoked",
    ("queued", "cancel"): "revoked",
    ("retry_wait", "cancel"): "revoked",
    ("planned", "close"): "expired_unsent",
    ("queued", "close"): "expired_unsent",
    ("retry_wait", "close"): "expired_unsent",
    ("uncertain", "resend"): "queued",
    ("uncertain", "give_up"): "failed",
}


def columns(state, now):
    """What the database asks of a row in this state."""
    if state == DeliveryState.SENDING:
        return {"phase": "connect", "lease_token": "x", "lease_until": timezone.now() + DAY}
    if state in ACCEPTED:
        return {"accepted_at": now, "settled_by": "reply"}
    return {
        DeliveryState.SKIPPED: {"skip_reason": "suppressed"},
        DeliveryState.FAILED: {"failure": "policy"},
    }.get(state, {})


def happen(event, message, by, now):
    campaign = message.invitation.wave.campaign
    acts = {
        "due": lambda: claims.release_due(now=now),
        "too_late": lambda: claims.release_due(now=message.max_at),
        "claim": lambda: claims.claim_next(now=now),
        "cancel": lambda: campaigns.cancel(campaign=campaign, by=by, now=now),
        "close": lambda: campaign_ends.close(campaign=campaign, by=by, now=now),
        "resend": lambda: uncertain.resend(message=message, by=by, now=now),
        "give_up": lambda: uncertain.close_as_failed(message=message, by=by, now=now),
    }
    acts[event]()


@pytest.mark.parametrize("state", DeliveryState.values)
def test_every_event_moves_only_the_states_of_its_table(state, anna, vera, now):
    make_audience(anna)
    launch(make_campaign(by=vera, now=now), by=vera, now=now)
    message = Message.objects.get()
    for event in sorted({event for _, event in LISTED}):
        plain = {"phase": "", "lease_token": "", "lease_until": None, "skip_reason": "", "failure": ""}
        reset = {**plain, "accepted_at": None, "settled_by": "", **columns(state, now)}
        Message.objects.filter(pk=message.pk).update(delivery_state=state, **reset)
        Campaign.objects.update(state="active")
        message.refresh_from_db()
        try:
            happen(event, message, vera, now)
        except DomainError:
            assert (state, event) not in LISTED
        message.refresh_from_db()
        assert message.delivery_state == LISTED.get((state, event), state), event


def test_a_waiting_mail_moves_to_the_open_hours_and_one_in_flight_does_not(anna, vera, now):
    make_audience(anna, customers=2)
    campaign = launch(make_campaign(by=vera, now=now, any_time=False), by=vera, now=now).campaign
    flying = Message.objects.order_by("pk").first()
    Message.objects.filter(pk=flying.pk).update(delivery_state="sending", **columns("sending", now))
    assert planned_mails.align(campaign=campaign, now=now + timedelta(hours=12)) == 1
    flying.refresh_from_db()
    assert flying.not_before == now
