"""F10–F12, F17, F23, F38: mails leave at most once, and every outcome of the conversation ends in its own state.

F9 (workers killed) is proved by tests/chaos/test_mail.py with real processes, F13 and F14 by test_races.
"""

from datetime import time, timedelta

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult
from django.db.models.functions import Now

from customers.models import Alert, FollowUp
from surveys.choices import DeliveryState, FailureKind, SkipReason
from surveys.models import (
    Campaign,
    DeliveryEvent,
    LinkToken,
    Message,
    SendingState,
    Suppression,
)
from surveys.services import campaigns, claims, delivery, uncertain
from tests.factories.surveys import launch, make_audience, make_campaign
from tests.surveys.conftest import free_port

pytestmark = pytest.mark.django_db
real_commits = pytest.mark.django_db(transaction=True)


def send(now):
    return delivery.send_due(clock=lambda: now, seconds=120)


def states():
    return sorted(Message.objects.values_list("delivery_state", flat=True))


def launched(owner, by, *, now, customers=1, contacts=1, **plan):
    make_audience(owner, customers=customers, contacts=contacts)
    campaign = make_campaign(by=by, now=now, **plan)
    launch(campaign, by=by, now=now)
    return campaign


def test_every_contact_gets_one_mail_and_a_second_run_sends_nothing(anna, vera, now, sink):
    launched(anna, vera, now=now, customers=4, contacts=5)
    assert send(now) == 20
    assert send(now) == 0
    assert len(sink.recipients) == 20
    assert set(sink.recipients.values()) == {1}
    assert states() == [DeliveryState.SENT] * 20
    assert not LinkToken.objects.filter(message__delivery_state=DeliveryState.QUEUED).exists()


def test_f11_a_temporary_refusal_waits_a_minute_and_then_goes_out_once(anna, vera, now, sink):
    launched(anna, vera, now=now)
    sink.script["c0.0@customer0.example"] = ["rcpt:451 later", "dot:451 later"]
    assert send(now) == 0
    message = Message.objects.get()
    assert message.delivery_state == DeliveryState.RETRY_WAIT
    assert timedelta(seconds=48) <= message.not_before - now <= timedelta(seconds=72)
    assert not LinkToken.objects.exists()
    assert send(now + timedelta(seconds=30)) == 0
    assert send(now + timedelta(minutes=2)) == 0
    assert send(now + timedelta(minutes=10)) == 1
    message.refresh_from_db()
    assert (message.delivery_state, message.attempts) == (DeliveryState.SENT, 3)
    assert len(sink.taken) == 1


def waits_grow(anna, vera, now, sink):
    """Every try is refused for the time being: the four waits in seconds, and the end."""
    launched(anna, vera, now=now)
    sink.script["c0.0@customer0.example"] = ["rcpt:451 later", "dot:451 later"] * 4
    for minutes in (1, 5, 30, 120):
        assert send(now) == 0
        message = Message.objects.get()
        assert message.delivery_state == DeliveryState.RETRY_WAIT
        wait = message.not_before - now
        assert timedelta(minutes=0.8 * minutes) <= wait <= timedelta(minutes=1.2 * minutes)
        assert send(now + wait - timedelta(seconds=1)) == 0
        now += wait
    send(now)
    send(now + timedelta(hours=9))
    message = Message.objects.get()
    assert (message.delivery_state, message.failure, message.attempts) == (
        DeliveryState.FAILED,
        FailureKind.ATTEMPTS,
        5,
    )
    assert sink.tries["c0.0@customer0.example"] == 5


def test_f11_five_temporary_refusals_are_the_end(anna, vera, now, sink):
    waits_grow(anna, vera, now, sink)


def test_f11_guard_off_waits_that_do_not_grow_are_noticed(anna, vera, now, sink, monkeypatch):
    monkeypatch.setattr(delivery, "WAITS", (60, 60, 60, 60))
    with pytest.raises(AssertionError):
        waits_grow(anna, vera, now, sink)


def test_f12_an_unknown_recipient_bounces_and_is_suppressed_while_the_others_go_out(anna, vera, now, sink):
    launched(anna, vera, now=now, contacts=3)
    sink.script["c0.1@customer0.example"] = ["rcpt:550 5.1.1 no such user"]
    assert send(now) == 2
    bounced = Message.objects.get(invitation__email_norm="c0.1@customer0.example")
    assert (bounced.delivery_state, bounced.reply_code) == (DeliveryState.BOUNCED, 550)
    assert list(Suppression.objects.values_list("email", "reason")) == [
        ("c0.1@customer0.example", "hard_bounce")
    ]
    assert list(FollowUp.objects.values_list("owner", "dedupe_key")) == [
        (anna.pk, f"verify-contact:{bounced.invitation.email_hash}")
    ]


def test_f12_a_relay_that_denies_everything_pauses_after_five_and_suppresses_nobody(anna, vera, now, sink):
    campaign = launched(anna, vera, now=now, customers=2, contacts=4)
    sink.always = "rcpt:554 5.7.1 relay access denied"
    for _ in range(2):
        send(now)
    campaign.refresh_from_db()
    assert campaign.state == "paused"
    assert "five times" in campaign.pause_reason
    assert states() == [DeliveryState.FAILED] * 5 + [DeliveryState.QUEUED] * 3
    assert not Suppression.objects.exists()
    assert sink.taken == []


def test_a_refused_text_is_final_and_keeps_the_address(anna, vera, now, sink):
    launched(anna, vera, now=now)
    sink.script["c0.0@customer0.example"] = ["dot:554 looks like spam"]
    send(now)
    message = Message.objects.get()
    assert (message.delivery_state, message.failure) == (DeliveryState.FAILED, FailureKind.CONTENT)
    assert not Suppression.objects.exists()


def test_f10_a_lost_reply_leaves_the_mail_uncertain_and_no_machine_sends_it_again(anna, vera, now, sink):
    launched(anna, vera, now=now)
    sink.script["c0.0@customer0.example"] = ["drop"]
    send(now)
    message = Message.objects.get()
    assert message.delivery_state == DeliveryState.UNCERTAIN
    for hours in (1, 24, 200):
        send(now + timedelta(hours=hours))
        delivery.reap_leases(now=now + timedelta(hours=hours))
    message.refresh_from_db()
    assert message.delivery_state == DeliveryState.UNCERTAIN
    assert len(sink.taken) == 1
    assert LinkToken.objects.filter(message=message).count() == 3


def test_f10_guard_off_a_queue_that_takes_uncertain_mails_back_sends_twice(anna, vera, now, sink):
    launched(anna, vera, now=now)
    sink.script["c0.0@customer0.example"] = ["drop"]
    send(now)
    Message.objects.update(delivery_state=DeliveryState.QUEUED)
    send(now)
    assert max(sink.recipients.values()) == 2


def test_f10_a_hanging_server_leaves_the_mail_uncertain(anna, vera, now, sink, settings):
    settings.MAIL_REPLY_S = 1

    async def hang(server, session, envelope):
        import asyncio

        sink.taken.append(envelope)
        await asyncio.sleep(2)
        return "250 late"

    sink.handle_DATA = hang
    launched(anna, vera, now=now)
    send(now)
    assert states() == [DeliveryState.UNCERTAIN]


def test_f10_a_person_may_resend_an_uncertain_mail_with_the_same_message_id(anna, vera, now, sink):
    launched(anna, vera, now=now)
    sink.script["c0.0@customer0.example"] = ["drop"]
    send(now)
    message = Message.objects.get()
    uncertain.resend(message=message, by=vera, now=now)
    send(now)
    message.refresh_from_db()
    assert message.delivery_state == DeliveryState.SENT
    ids = [
        line for taken in sink.taken for line in taken.raw.split(b"\r\n") if line.startswith(b"Message-ID")
    ]
    assert len(ids) == 2
    assert len(set(ids)) == 1
    with pytest.raises(uncertain.NotUncertainError):
        uncertain.close_as_failed(message=message, by=vera, now=now)


def test_a_person_may_close_an_uncertain_mail(anna, vera, now, sink):
    launched(anna, vera, now=now)
    sink.script["c0.0@customer0.example"] = ["drop"]
    send(now)
    uncertain.close_as_failed(message=Message.objects.get(), by=vera, now=now)
    assert states() == [DeliveryState.FAILED]
    assert send(now) == 0


def test_no_server_means_rows_wait_and_the_breaker_allows_one_try_per_half_minute(
    anna, vera, now, sink, settings
):
    settings.EMAIL = {**settings.EMAIL, "port": 1}
    launched(anna, vera, now=now)
    for _ in range(25):
        send(now)
    assert states() == [DeliveryState.QUEUED]
    row = SendingState.objects.get()
    assert row.connect_failures == 21
    assert row.rest_until == now + timedelta(seconds=30)
    assert Message.objects.get().attempts == 0


def test_a_server_that_closes_for_service_is_left_alone_for_a_minute(anna, vera, now, sink):
    launched(anna, vera, now=now, contacts=2)
    sink.script["c0.0@customer0.example"] = ["rcpt:421 closing"]
    send(now)
    assert sink.taken == []
    assert send(now + timedelta(seconds=10)) == 0
    assert send(now + timedelta(minutes=3)) == 2


def test_a_pause_stops_the_queue_and_resume_sends_the_rest(anna, vera, now, sink):
    campaign = launched(anna, vera, now=now, contacts=3)
    claims.release_due(now=now)
    campaigns.pause(campaign=campaign, by=vera, now=now)
    assert send(now) == 0
    campaigns.resume(campaign=campaign, by=vera, now=now)
    assert send(now) == 3
    assert set(sink.recipients.values()) == {1}


def test_a_pause_between_claim_and_dot_takes_the_mail_back(anna, vera, now, sink, transport):
    campaign = launched(anna, vera, now=now)
    claims.release_due(now=now)
    claim = claims.claim_next(now=now)
    campaigns.pause(campaign=campaign, by=vera, now=now)
    assert delivery.send_one(claim=claim, transport=transport, clock=lambda: now) == "stopped"
    assert sink.taken == []
    assert states() == [DeliveryState.QUEUED]
    assert not LinkToken.objects.exists()


def test_f23_an_unsubscribe_between_claim_and_dot_skips_the_mail(anna, vera, now, sink, transport):
    launched(anna, vera, now=now)
    claims.release_due(now=now)
    claim = claims.claim_next(now=now)
    from surveys.services.suppressions import suppress

    suppress(email_norm="c0.0@customer0.example", reason="unsubscribed", source="test", now=now)
    delivery.send_one(claim=claim, transport=transport, clock=lambda: now)
    message = Message.objects.get()
    assert (message.delivery_state, message.skip_reason) == (DeliveryState.SKIPPED, SkipReason.SUPPRESSED)
    assert sink.taken == []


def test_a_lease_taken_by_another_worker_stops_the_first_one_at_the_dot(anna, vera, now, sink, transport):
    launched(anna, vera, now=now)
    claims.release_due(now=now)
    first = claims.claim_next(now=now)
    Message.objects.update(lease_until=Now() - timedelta(seconds=1))
    delivery.reap_leases(now=now)
    second = claims.claim_next(now=now)
    assert second.lease_token != first.lease_token
    delivery.send_one(claim=first, transport=transport, clock=lambda: now)
    assert sink.taken == []
    delivery.send_one(claim=second, transport=transport, clock=lambda: now)
    assert len(sink.taken) == 1
    assert states() == [DeliveryState.SENT]


def test_a_lease_over_before_the_dot_waits_again_and_after_it_is_uncertain(anna, vera, now, sink):
    launched(anna, vera, now=now, contacts=2)
    claims.release_due(now=now)
    before, after = claims.claim_next(now=now), claims.claim_next(now=now)
    assert delivery.write_ahead(claim=after, clock=lambda: now)
    Message.objects.update(lease_until=Now() - timedelta(seconds=1))
    assert delivery.reap_leases(now=now) == 2
    before.message.refresh_from_db()
    after.message.refresh_from_db()
    assert before.message.delivery_state == DeliveryState.QUEUED
    assert after.message.delivery_state == DeliveryState.UNCERTAIN
    assert not LinkToken.objects.filter(message=before.message).exists()
    assert DeliveryEvent.objects.filter(type="lease_over").count() == 2


def test_f17_a_mail_past_its_last_day_is_never_sent(anna, vera, now, sink):
    launched(anna, vera, now=now)
    assert send(now + timedelta(days=31)) == 0
    assert states() == [DeliveryState.EXPIRED_UNSENT]
    assert sink.taken == []


def test_f17_a_copy_on_another_host_sends_nothing_until_it_is_released(anna, vera, now, sink, settings):
    from surveys.services import sending_state

    launched(anna, vera, now=now)
    SendingState.objects.update(instance_id="another-host")
    assert send(now) == 0
    assert SendingState.objects.get().hold_reason == "instance"
    sending_state.release(by=vera, now=now)
    assert send(now) == 1


def test_a_launch_is_one_change_whoever_comes_second(anna, vera, now):
    make_audience(anna)
    campaign = make_campaign(by=vera, now=now)
    campaigns.launch(campaign=campaign, by=vera, now=now)
    with pytest.raises(campaigns.WrongStateError):
        campaigns.launch(campaign=campaign, by=vera, now=now)
    assert Campaign.objects.get().state == "active"


def test_f17_after_an_outage_mail_leaves_in_the_next_window_or_not_at_all(anna, vera, now, sink):
    """29 h late it waits for 09:00; a survey about one event is worth nothing after three days."""
    window = {"any_time": False, "send_from": time(9), "send_until": time(16)}
    launched(anna, vera, now=now, nature="transactional", **window)
    late = now + timedelta(hours=29 - 16)  # 23:00, after the window
    assert send(late) == 0
    assert Message.objects.get().not_before == now.replace(day=17, hour=9)
    assert send(now + timedelta(hours=29 - 6)) == 1
    Message.objects.update(delivery_state="queued", accepted_at=None, settled_by="", reply_code=None)
    assert send(now + timedelta(hours=73)) == 0
    assert states() == [DeliveryState.EXPIRED_UNSENT]


class Login:
    """A mail server's memory of who may log in."""

    accepts = False

    def __call__(self, *_args):
        return AuthResult(success=self.accepts, handled=self.accepts)


@pytest.fixture
def guarded(sink, settings):
    """The same server behind a login that our password does not open yet."""
    login = Login()

    class Guarded(Controller):
        def factory(self):
            return SMTP(sink, authenticator=login, auth_require_tls=False, auth_required=True)

    controller = Guarded(sink, hostname="127.0.0.1", port=free_port())
    controller.start()
    settings.EMAIL = {**settings.EMAIL, "port": controller.port, "user": "tend", "password": "wrong"}
    yield login
    controller.stop()


@pytest.mark.filterwarnings("ignore:Requiring AUTH")
def test_f38_a_broken_login_pauses_after_five_loses_nothing_and_resumes(anna, vera, now, sink, guarded):
    campaign = launched(anna, vera, now=now, contacts=2)
    for _ in range(5):
        assert send(now) == 0
    campaign.refresh_from_db()
    assert (campaign.state, campaign.pause_reason[:35]) == ("paused", "The mail server refused five times ")
    assert states() == [DeliveryState.QUEUED] * 2
    assert set(Message.objects.values_list("attempts", flat=True)) == {0}
    assert Alert.objects.get(state="open").link == f"/surveys/{campaign.pk}/"
    guarded.accepts = True
    campaigns.resume(campaign=campaign, by=vera, now=now, acknowledged=True)
    assert not Alert.objects.filter(state="open").exists()
    assert send(now) == 2
    assert set(sink.recipients.values()) == {1}
