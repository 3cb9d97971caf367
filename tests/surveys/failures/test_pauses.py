"""F16: pauses and restarts at random moments neither repeat nor lose anybody (S-72)."""

import os
import random
from datetime import timedelta
from functools import partial

import pytest
from django.db.models.functions import Now

from surveys.choices import DeliveryState
from surveys.emails import survey_mail
from surveys.models import Message, SurveyPolicy
from surveys.services import campaigns, claims, delivery, planned_mails, suppressions
from tests.factories.surveys import launch, make_audience, make_campaign

pytestmark = pytest.mark.django_db

PAUSES = int(os.environ.get("CHAOS_PAUSES", "25"))  # F16 speaks of 100
PEOPLE = 5 + PAUSES // 5
SECOND = timedelta(seconds=1)
DEATHS = ("", "", "claim", "pause", "reply")  # where a worker ends; mostly it does not


def worker(transport, now, *, dies_at, pause):
    """One worker takes one mail. It may die with it before the conversation, or before it wrote down the yes."""
    claim = claims.claim_next(now=now)
    if claim is None or dies_at == "claim":
        return
    if dies_at == "pause":
        pause()
    if dies_at != "reply":
        delivery.send_one(claim=claim, transport=transport, clock=lambda: now)
        return
    transport.deliver(
        sender=delivery.envelope_sender(claim.message),
        recipient=claim.message.invitation.email_norm,
        raw=survey_mail(claim.message, links=claim.links, now=now),
        before_dot=partial(delivery.write_ahead, claim=claim, clock=lambda: now),
    )


def restart(now):
    """The worker is gone and its leases run out."""
    Message.objects.filter(delivery_state=DeliveryState.SENDING).update(lease_until=Now() - SECOND)
    delivery.reap_leases(now=now)


def paused_over_and_over(anna, vera, now, transport, *, people, pauses):
    """Pause and resume so often while workers come and go, then send the rest."""
    SurveyPolicy.objects.create(valid_from=now, canary_size=0, customer_cap=0)
    make_audience(anna, customers=people)
    campaign = launch(make_campaign(by=vera, now=now), by=vera, now=now).campaign
    suppressions.suppress(email_norm="c0.0@customer0.example", reason="manual", source="t", now=now)
    chance, moment = random.Random(16), now
    for _ in range(pauses):
        moment += timedelta(seconds=chance.randint(1, 300))
        pause = partial(campaigns.pause, campaign=campaign, by=vera, now=moment)
        claims.release_due(now=moment)
        death = chance.choice(DEATHS)
        if chance.random() < 0.4:
            worker(transport, moment, dies_at=death, pause=pause)
        campaign.refresh_from_db()
        if campaign.state == "active":
            pause()
        worker(transport, moment, dies_at="", pause=pause)  # finds nothing to do
        restart(moment)
        campaigns.resume(campaign=campaign, by=vera, now=moment)
    delivery.send_due(clock=lambda: moment + SECOND, seconds=120)
    return campaign


def everybody_once(sink, people):
    assert set(sink.recipients) == {f"c{number}.0@customer{number}.example" for number in range(1, people)}
    assert set(sink.recipients.values()) == {1}


def test_f16_pauses_with_restarts_repeat_and_lose_nobody(anna, vera, now, sink, transport):
    campaign = paused_over_and_over(anna, vera, now, transport, people=PEOPLE, pauses=PAUSES)
    everybody_once(sink, PEOPLE)
    states = set(Message.objects.values_list("delivery_state", flat=True))
    assert states == {"sent", "uncertain", "skipped"}  # both ways of dying have happened
    assert campaign.waves.filter(is_test=False).count() == 1
    assert Message.objects.count() == PEOPLE


def test_f16_guard_off_a_resume_that_begins_anew_is_noticed(anna, vera, now, sink, transport, monkeypatch):
    def anew(*, campaign, now):
        again = Message.objects.filter(invitation__wave__campaign=campaign, skip_reason="")
        again.update(delivery_state="queued", accepted_at=None, settled_by="", reply_code=None)

    monkeypatch.setattr(planned_mails, "align", anew)
    paused_over_and_over(anna, vera, now, transport, people=3, pauses=8)
    with pytest.raises(AssertionError):
        everybody_once(sink, 3)


def test_f16_guard_off_a_dot_during_a_pause_is_noticed(anna, vera, now, sink, transport, monkeypatch):
    make_audience(anna)
    campaign = launch(make_campaign(by=vera, now=now), by=vera, now=now).campaign
    claims.release_due(now=now)
    pause = partial(campaigns.pause, campaign=campaign, by=vera, now=now)
    worker(transport, now, dies_at="pause", pause=pause)
    assert not sink.taken
    campaigns.resume(campaign=campaign, by=vera, now=now)
    monkeypatch.setattr(delivery, "write_ahead", lambda **_: True)
    worker(transport, now, dies_at="pause", pause=pause)
    assert sink.taken
