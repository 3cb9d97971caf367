"""F38, F39, S-47, S-68: what stops a campaign by itself, heard from the server and from provider reports alone."""

from datetime import timedelta

import pytest

from customers.models import Alert
from surveys.models import Campaign, Message, SurveyPolicy
from surveys.services import (
    advance,
    campaign_moves,
    campaigns,
    claims,
    delivery,
    provider_events,
    sending_state,
    waves,
)
from surveys.services.provider_events import Report
from tests.factories.surveys import launch, make_audience, make_campaign

pytestmark = pytest.mark.django_db

FIRST = 5  # mails of the canary here; the policy's own figure is 50
ALL = 21  # mails of the wave
MINUTE = timedelta(minutes=1)


def send(now):
    return delivery.send_due(clock=lambda: now, seconds=120)


@pytest.fixture
def wave(anna, vera, now, sink, monkeypatch):
    """A wave of 21 with a canary, which usually is for more than a hundred; nothing has left yet."""
    monkeypatch.setattr(waves, "CANARY_OVER", ALL - 1)
    monkeypatch.setattr(advance, "BOUNCE_LEAST", ALL - 1)
    SurveyPolicy.objects.create(valid_from=now, customer_cap=0, canary_size=FIRST)
    make_audience(anna, contacts=ALL)
    return launch(make_campaign(by=vera, now=now), by=vera, now=now)


def report(message, type_, now):
    """The provider tells of one mail, and the tickers run."""
    told = Report(
        source="postmark", type=type_, occurred_at=now, message_id=message.message_id, status="5.1.1 unknown"
    )
    provider_events.store([told])
    provider_events.apply_provider_events(now=now + MINUTE)
    advance.advance_campaigns(now=now + MINUTE)


def state():
    return Campaign.objects.get().state


def addresses(number):
    return [f"c0.{at}@customer0.example" for at in range(number)]


@pytest.mark.parametrize(("unknown", "pauses"), [(2, False), (3, True)])
def test_f39_three_unknown_addresses_among_the_first_mails_stop_the_rest(wave, now, sink, unknown, pauses):
    for address in addresses(unknown):
        sink.script[address] = ["rcpt:550 5.1.1 no such user"]
    assert send(now) == FIRST - unknown
    advance.advance_campaigns(now=now + MINUTE)
    assert (state() == "paused") is pauses
    advance.advance_campaigns(now=now + 20 * MINUTE)
    advance.advance_campaigns(now=now + 40 * MINUTE)
    assert bool(send(now + 40 * MINUTE)) is not pauses


def test_f39_guard_off_without_the_watch_the_rest_goes_out(wave, now, sink, monkeypatch):
    monkeypatch.setattr(advance, "CANARY_BOUNCES", FIRST + 1)
    for address in addresses(FIRST):
        sink.script[address] = ["rcpt:550 5.1.1 no such user"]
    send(now)
    monkeypatch.setattr(advance, "BOUNCE_LEAST", 1000)
    for minutes in (1, 20, 40):
        advance.advance_campaigns(now=now + minutes * MINUTE)
    claims.release_due(now=now + 40 * MINUTE)
    assert Message.objects.filter(delivery_state="queued").count() == ALL - FIRST


@pytest.mark.parametrize(
    ("type_", "pauses"), [("complained", True), ("delivered", False), ("bounced", False)]
)
def test_s_47_one_complaint_about_the_first_mails_stops_the_rest(wave, now, type_, pauses):
    assert send(now) == FIRST
    report(Message.objects.filter(delivery_state="sent").first(), type_, now)
    assert (state() == "paused") is pauses
    if pauses:
        assert "reported one of the first mails as unwanted" in Campaign.objects.get().pause_reason


@pytest.fixture
def running(wave, now):
    """All mails are out, the canary is over."""
    Message.objects.update(
        delivery_state="sent", accepted_at=now, settled_by="reply", claimed_at=now, reply_code=250
    )
    type(wave).objects.filter(pk=wave.pk).update(canary_until=None, canary_passed=True)
    return wave


def test_s_47_while_it_runs_more_than_one_complaint_in_a_thousand_stops_it(running, now, monkeypatch):
    """A single complaint is far above the share here, and still too few mails to judge by."""
    one, other = Message.objects.order_by("pk")[:2]
    report(one, "complained", now)
    assert state() == "active"
    monkeypatch.setattr(advance, "COMPLAINT_LEAST", ALL)
    monkeypatch.setattr(advance, "COMPLAINT_SHARE", 1.5 / ALL)
    advance.advance_campaigns(now=now + MINUTE)
    assert state() == "active"
    report(other, "complained", now)
    assert state() == "paused"
    assert "2 of 21 people reported the mail" in Campaign.objects.get().pause_reason


def test_s_47_the_limits_are_the_documented_ones():
    assert waves.CANARY_OVER == 100
    assert (advance.CANARY_BOUNCES, advance.BOUNCE_SHARE, advance.BOUNCE_LEAST) == (3, 0.05, 50)
    assert (advance.COMPLAINT_SHARE, advance.COMPLAINT_LEAST) == (0.001, 1000)


def test_f39_a_running_campaign_stops_above_five_percent_of_bounces(running, now):
    one, other = Message.objects.order_by("pk")[:2]
    report(one, "bounced", now)
    assert state() == "active"
    report(other, "bounced", now)
    assert state() == "paused"


def told():
    return sorted(Alert.objects.filter(state="open").values_list("receiver__name", flat=True))


def test_s_68_a_campaign_that_paused_by_itself_alerts_until_somebody_acts(anna, mia, vera, now, sink, client):
    make_audience(anna, contacts=5)
    campaign = make_campaign(by=mia, now=now)
    launch(campaign, by=mia, now=now)
    sink.always = "rcpt:554 5.7.1 relay access denied"
    send(now)
    assert told() == ["Mia Holm", "Vera Lund"]
    alert = Alert.objects.get(receiver=mia)
    assert "five times in a row" in alert.causes[0]["text"]
    client.force_login(mia)
    today = client.get("/").content.decode()
    assert alert.link in today
    assert "paused by itself" in today
    assert "Paused by itself" in client.get(alert.link).content.decode()
    campaigns.resume(campaign=campaign, by=mia, now=now, acknowledged=True)
    assert told() == []
    campaigns.pause(campaign=campaign, by=mia, now=now)
    assert told() == []  # a person's own pause is no news


def test_s_68_a_second_pause_alerts_anew_and_the_same_one_once(anna, vera, now):
    make_audience(anna)
    campaign = make_campaign(by=vera, now=now)
    launch(campaign, by=vera, now=now)
    for _ in range(2):
        campaign_moves.auto_pause(campaign_id=campaign.pk, reason="Something", now=now)
    assert told() == ["Vera Lund"]
    campaigns.resume(campaign=campaign, by=vera, now=now, acknowledged=True)
    campaign_moves.auto_pause(campaign_id=campaign.pk, reason="Again", now=now)
    assert told() == ["Vera Lund"]
    campaigns.cancel(campaign=campaign, by=vera, now=now)
    assert told() == []


def test_f12_guard_off_a_relay_whose_refusal_counts_as_unknown_addresses_suppresses_people(
    anna, vera, now, sink, monkeypatch
):
    from surveys.models import Suppression

    make_audience(anna, contacts=3)
    launch(make_campaign(by=vera, now=now), by=vera, now=now)
    monkeypatch.setitem(
        delivery.FINAL_CHANGES,
        delivery.smtp.Result.POLICY,
        delivery.FINAL_CHANGES[delivery.smtp.Result.BAD_ADDRESS],
    )
    sink.always = "rcpt:554 5.7.1 relay access denied"
    send(now)
    assert Suppression.objects.exists()


def test_f17_guard_off_a_copy_that_does_not_know_itself_sends(anna, vera, now, sink, monkeypatch):
    from surveys.models import SendingState

    make_audience(anna)
    launch(make_campaign(by=vera, now=now), by=vera, now=now)
    SendingState.objects.update_or_create(pk=1, defaults={"instance_id": "another-host"})
    assert send(now) == 0
    SendingState.objects.update(hold_reason="", hold_since=None)
    monkeypatch.setattr(sending_state, "is_foreign", lambda _row: False)
    assert send(now) == 1


def test_f17_guard_off_without_its_last_day_the_mail_leaves_late(anna, vera, now, sink):
    make_audience(anna)
    launch(make_campaign(by=vera, now=now), by=vera, now=now)
    late = now + timedelta(days=31)
    Message.objects.update(max_at=late + MINUTE)
    Campaign.objects.update(ends_at=late + MINUTE)
    assert send(late) == 1


def test_f38_guard_off_without_the_limit_a_broken_login_is_tried_for_ever(
    anna, vera, now, sink, settings, monkeypatch
):
    monkeypatch.setattr(sending_state, "REFUSAL_LIMIT", 1000)
    make_audience(anna)
    launch(make_campaign(by=vera, now=now), by=vera, now=now)
    settings.EMAIL = {
        **settings.EMAIL,
        "user": "tend",
        "password": "wrong",
    }  # the server offers no login at all
    for _ in range(6):
        send(now)
    assert state() == "active"
    assert Message.objects.get().delivery_state == "queued"
