"""F25, F26: reports about sent mails come in any order, twice, or are no reports at all."""

from datetime import timedelta
from itertools import permutations

import pytest
from django.core.management import call_command

from customers.models import FollowUp
from surveys.choices import DeliveryState
from surveys.formulas.delivery_ranks import STATES, Effect, effect_of, state_after
from surveys.models import Message, ProviderEvent, Suppression
from surveys.queries.silence import silent_key_contacts
from surveys.services import provider_events, status_reports
from surveys.services.provider_events import Report
from tests.factories.surveys import answer, make_sent_message

pytestmark = pytest.mark.django_db
ADDRESS = "c0.0@customer0.example"


@pytest.fixture
def message(anna, vera, now):
    return make_sent_message(anna, by=vera, now=now)[0]


def report(message, type_, *, minutes=1, now, **fields):
    return Report(
        source="postmark",
        type=type_,
        occurred_at=now + timedelta(minutes=minutes),
        message_id=message.message_id,
        recipient=ADDRESS,
        **fields,
    )


def apply(reports, now):
    stored = provider_events.store(reports)
    provider_events.apply_provider_events(now=now + timedelta(hours=1))
    return stored


def state_of(message):
    message.refresh_from_db()
    return message.delivery_state


def reasons():
    return set(Suppression.objects.values_list("reason", flat=True))


def test_f25_every_order_of_reports_gives_the_state_of_the_strongest():
    found = {state_after(order) for order in permutations([*STATES, "unsubscribed"])}
    assert found == {"complained"}
    assert state_after(["soft_bounce", "delivered", "sent"]) == "delivered"
    assert state_after(["unsubscribed"]) == ""


def test_f25_guard_off_the_last_report_alone_would_depend_on_the_order():
    assert len({STATES[order[-1]] for order in permutations(STATES)}) > 1


@pytest.mark.parametrize("order", list(permutations(["delivered", "soft", "hard"])))
def test_f25_reports_in_any_order_and_twice_end_the_same(message, now, order):
    Message.objects.filter(pk=message.pk).update(
        delivery_state="uncertain", accepted_at=None, settled_by="", reply_code=None
    )
    made = {
        "delivered": report(message, "delivered", now=now),
        "soft": report(message, "bounced", now=now, minutes=2, status="4.2.2 full"),
        "hard": report(message, "bounced", now=now, minutes=3, status="5.1.1 unknown"),
    }
    for name in order:
        assert apply([made[name]], now) == 1
        assert apply([made[name]], now) == 0
    assert state_of(message) == DeliveryState.BOUNCED
    assert message.accepted_at is not None
    assert reasons() == {"hard_bounce"}
    assert FollowUp.objects.count() == 1


def test_f25_guard_off_a_state_of_the_last_report_depends_on_the_order(message, now, monkeypatch):
    monkeypatch.setattr(provider_events, "state_after", lambda effects: STATES[list(effects)[-1]])
    apply([report(message, "bounced", now=now, status="5.1.1 unknown")], now)
    apply([report(message, "delivered", now=now, minutes=2)], now)
    assert state_of(message) != DeliveryState.BOUNCED


@pytest.mark.parametrize(
    ("type_", "more", "effect"),
    [
        ("bounced", {"reason": "invalid"}, Effect.HARD_BOUNCE),
        ("bounced", {"status": "5.1.1 no such user"}, Effect.HARD_BOUNCE),
        ("bounced", {"status": "5.7.1 we refuse you"}, Effect.SOFT_BOUNCE),
        ("bounced", {"status": "5.2.2 mailbox full"}, Effect.SOFT_BOUNCE),
        ("bounced", {"reason": "timed_out"}, Effect.SOFT_BOUNCE),
        ("rejected", {"reason": "invalid"}, Effect.HARD_BOUNCE),
        ("rejected", {"reason": "spam"}, Effect.FAILED),
        ("complained", {}, Effect.COMPLAINED),
        ("deferred", {}, Effect.NOTHING),
        ("autoresponded", {}, Effect.NOTHING),
        ("subscribed", {}, Effect.NOTHING),
    ],
)
def test_s_206_each_report_has_its_effect(type_, more, effect):
    assert effect_of(type_, **more) == effect


def test_s_206_a_delivered_report_settles_an_uncertain_mail_and_looks_are_not_stored(message, now):
    Message.objects.filter(pk=message.pk).update(
        delivery_state="uncertain", accepted_at=None, settled_by="", reply_code=None
    )
    assert apply([report(message, "opened", now=now), report(message, "delivered", now=now)], now) == 1
    assert (state_of(message), message.settled_by) == ("delivered", "event")


def test_s_206_a_complaint_stops_all_surveys_and_a_later_delivery_changes_nothing(message, now):
    apply([report(message, "complained", now=now)], now)
    apply([report(message, "delivered", now=now)], now)
    assert state_of(message) == DeliveryState.COMPLAINED
    assert list(Suppression.objects.values_list("reason", "scope", "email")) == [
        ("complaint", "all", ADDRESS)
    ]


def test_s_206_three_soft_bounces_in_thirty_days_rest_the_address_for_ninety(message, now):
    for days in (0, 40, 50):
        apply([report(message, "bounced", now=now, minutes=days * 1440, status="4.2.2")], now)
    assert reasons() == set()
    apply([report(message, "bounced", now=now, minutes=60 * 1440, status="4.2.2")], now)
    rest = Suppression.objects.get()
    assert (rest.reason, rest.expires_at) == ("soft_bounce", now + timedelta(days=150))
    assert state_of(message) == DeliveryState.SOFT_BOUNCED


def test_s_206_a_hard_bounce_after_the_answer_marks_the_address_only(message, now):
    answer(message, 9, now=now + timedelta(minutes=30))
    apply([report(message, "bounced", now=now, status="5.1.1")], now)
    assert state_of(message) == DeliveryState.SENT
    assert reasons() == {"hard_bounce"}


def test_s_206_a_report_about_nobody_or_a_broken_one_holds_up_no_other(message, now):
    stranger = Report(source="postmark", type="bounced", occurred_at=now, message_id="<x@y>", status="5.1.1")
    apply([stranger, report(message, "delivered", now=now, event_id="nul\0byte")], now)
    assert state_of(message) == DeliveryState.DELIVERED
    assert ProviderEvent.objects.get(message_id="<x@y>").problem == "no mail of ours"
    assert not ProviderEvent.objects.filter(applied_at=None).exists()


def test_s_206_a_report_that_overtakes_our_own_record_waits_for_it(message, now):
    sent = dict.fromkeys(("delivery_state", "phase", "lease_token", "lease_until"))
    sent |= {name: getattr(message, name) for name in sent}
    Message.objects.filter(pk=message.pk).update(
        delivery_state="sending", phase="dot", lease_token="t", lease_until=now + timedelta(days=4000)
    )
    ProviderEvent.objects.all().delete()
    apply([report(message, "delivered", now=now)], now)
    assert ProviderEvent.objects.get().applied_at is None
    Message.objects.filter(pk=message.pk).update(**sent)
    apply([], now)
    assert state_of(message) == DeliveryState.DELIVERED


def test_s_207_a_hard_bounce_asks_the_owner_once_to_verify_the_contact(message, anna, now):
    for minutes in (1, 2):
        apply([report(message, "bounced", now=now, minutes=minutes, status="5.1.1")], now)
    follow_up = FollowUp.objects.get()
    assert follow_up.owner == anna
    assert follow_up.title.startswith("Verify Robin Ash 0")


def test_s_207_a_decision_maker_asked_twice_without_a_look_is_named(message, now):
    contact = message.invitation.contact
    type(contact).objects.filter(pk=contact.pk).update(role="Decision maker")
    assert silent_key_contacts(contact.customer, as_of=now) == []
    first = message.invitation
    again = type(first).objects.get(pk=first.pk)
    again.pk, again.trigger_key = None, "ticket:1"
    again.save(force_insert=True)
    Message.objects.create(
        invitation=again,
        delivery_state="sent",
        not_before=now,
        max_at=now,
        message_id="<b@tend.example>",
        accepted_at=now,
        settled_by="reply",
    )
    assert silent_key_contacts(contact.customer, as_of=now) == [contact]
    type(first).objects.filter(pk=again.pk).update(response_state="visited")
    assert silent_key_contacts(contact.customer, as_of=now) == []


BOUNCE = """\
From: MAILER-DAEMON@mx.example
To: {to}
Date: Mon, 16 Mar 2026 10:05:00 +0000
Subject: Undelivered mail
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

It did not work.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; c0.0@customer0.example
Action: {action}
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 no such user

--b
Content-Type: text/rfc822-headers

Message-ID: {message_id}
Subject: One question
--b--
"""
AWAY = "From: c0.0@customer0.example\nAuto-Submitted: auto-replied\nSubject: Away\nIn-Reply-To: {message_id}\n\nBack on Monday. 5.1.1\n"
COMPLAINT = """\
From: abuse@mx.example
Date: Mon, 16 Mar 2026 10:05:00 +0000
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="b"

--b
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: Mailbox/1
Version: 1
Original-Rcpt-To: <c0.0@customer0.example>

--b
Content-Type: message/rfc822

Message-ID: {message_id}

One question
--b--
"""


def written(message, text, *, action="failed", to="tend@tend.example"):
    return text.format(message_id=message.message_id, action=action, to=to).replace("\n", "\r\n").encode()


def test_f26_only_a_failed_status_report_is_a_bounce(message, now):
    assert status_reports.reports_in(written(message, AWAY), now=now) == []
    assert status_reports.reports_in(written(message, BOUNCE, action="delayed"), now=now) == []
    assert status_reports.reports_in(b"\xff\x00 nonsense", now=now) == []
    assert [r.type for r in status_reports.reports_in(written(message, BOUNCE), now=now)] == ["bounced"]


def test_f26_guard_off_without_the_action_a_delay_would_be_a_bounce(message, now, monkeypatch):
    real = status_reports._blocks
    monkeypatch.setattr(
        status_reports, "_blocks", lambda *args: [{**one, "action": "failed"} for one in real(*args)]
    )
    delayed = status_reports.reports_in(written(message, BOUNCE, action="delayed"), now=now)
    assert [one.type for one in delayed] == ["bounced"]


def test_f26_a_mailbox_read_twice_reports_each_bounce_once(message, now, tmp_path, capsys):
    mails = [written(message, BOUNCE), written(message, AWAY), written(message, BOUNCE, action="delayed")]
    box = tmp_path / "box"
    box.write_bytes(b"".join(b"From mx\r\n" + raw + b"\r\n" for raw in mails))
    for _ in range(2):
        call_command("read_bounces", str(box))
    assert capsys.readouterr().out.splitlines() == [
        "3 mails read, 1 reports found, 1 of them new",
        "3 mails read, 1 reports found, 0 of them new",
    ]
    provider_events.apply_provider_events(now=now + timedelta(hours=1))
    assert state_of(message) == DeliveryState.BOUNCED


def test_s_206_the_bounce_address_of_a_mail_names_it_without_returned_headers(message, now, settings):
    from surveys.services.delivery import envelope_sender

    settings.BOUNCE_ADDRESS = "bounces@tend.example"
    address = envelope_sender(message)
    assert address.startswith("bounces+")
    assert address.endswith("@tend.example")
    bare = written(message, BOUNCE, to=address).replace(b"Message-ID", b"X-Was")
    assert len(status_reports.reports_in(bare, now=now)) == 1
    Message.objects.update(message_id=f"<{address.partition('+')[2].partition('@')[0]}@tend.example>")
    message.refresh_from_db()
    found = status_reports.reports_in(bare, now=now)
    provider_events.store(found)
    provider_events.apply_provider_events(now=now + timedelta(hours=1))
    assert state_of(message) == DeliveryState.BOUNCED


def test_s_206_a_complaint_in_the_mailbox_stops_all_surveys(message, now):
    apply(status_reports.reports_in(written(message, COMPLAINT), now=now), now)
    assert state_of(message) == DeliveryState.COMPLAINED
    assert reasons() == {"complaint"}
