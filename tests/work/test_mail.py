"""Service mail: stored first, sent once, in doubt never forgotten."""

from datetime import timedelta

import pytest
from django.core.mail import BadHeaderError, EmailMultiAlternatives, send_mail
from django.db.models.functions import Now

from config.work import mail, smtp
from config.work.models import CapturedMail, MailAttempt, MailState, OutgoingMail

pytestmark = pytest.mark.django_db


@pytest.fixture
def stored(settings):
    settings.EMAIL_BACKEND = "config.work.mail.OutgoingMailBackend"
    send_mail("Reset your password", "Open the link.", None, ["anna@kestrel.example"])
    return OutgoingMail.objects.get()


class Scripted:
    """A transport that answers as told, asking before the dot like the real ones."""

    def __init__(self, *results):
        self.results, self.seen = list(results), []

    def deliver(self, *, sender, recipient, raw, before_dot):
        assert before_dot()
        self.seen.append(recipient)
        return smtp.Outcome(self.results.pop(0), "reply", 250, "as told")

    def close(self):
        pass


def sent_by(monkeypatch, now, *results):
    transport = Scripted(*results)
    monkeypatch.setattr(smtp, "open_transport", lambda: transport)
    mail.send_due(now=now)
    return transport


def test_a_mail_waits_as_a_row_and_goes_to_the_outbox_once(stored, now):
    assert (stored.state, CapturedMail.objects.count()) == ("queued", 0)
    assert mail.send_due(now=now) == 1
    assert mail.send_due(now=now) == 0
    stored.refresh_from_db()
    assert (stored.state, bytes(stored.raw), CapturedMail.objects.count()) == ("sent", b"", 1)
    assert MailAttempt.objects.get().code == "250"


def test_each_recipient_gets_a_mail_of_their_own(settings):
    settings.EMAIL_BACKEND = "config.work.mail.OutgoingMailBackend"
    message = EmailMultiAlternatives("Hello", "Text", None, ["a@x.example", "b@x.example"])
    message.attach_alternative("<p>Text</p>", "text/html")
    message.send()
    raws = [bytes(raw) for raw in OutgoingMail.objects.order_by("recipient").values_list("raw", flat=True)]
    assert len(raws) == 2
    assert b"b@x.example" not in raws[0]
    assert raws[0].count(b"Message-ID:") == 1


def test_a_line_break_in_the_subject_is_refused_before_a_row_is_written(settings):
    settings.EMAIL_BACKEND = "config.work.mail.OutgoingMailBackend"
    with pytest.raises(BadHeaderError):
        send_mail("Hello\nBcc: evil@x.example", "Text", None, ["a@x.example"])
    assert not OutgoingMail.objects.exists()


@pytest.mark.parametrize(
    ("result", "state"),
    [
        (smtp.Result.BAD_ADDRESS, "failed"),
        (smtp.Result.CONTENT, "failed"),
        (smtp.Result.DEFERRED, "deferred"),
        (smtp.Result.UNREACHABLE, "deferred"),
        (smtp.Result.UNCERTAIN, "uncertain"),
    ],
)
def test_the_servers_word_decides_the_state(stored, now, monkeypatch, result, state):
    sent_by(monkeypatch, now, result)
    stored.refresh_from_db()
    assert stored.state == state


def test_five_refusals_in_a_row_are_the_end(stored, now, monkeypatch):
    for _ in range(5):
        OutgoingMail.objects.update(not_before=Now())
        sent_by(monkeypatch, now, smtp.Result.DEFERRED)
    stored.refresh_from_db()
    assert (stored.state, stored.attempts) == ("failed", 5)


def test_a_killed_worker_leaves_an_unsent_mail_queued_and_a_mail_in_doubt_uncertain(stored, now):
    OutgoingMail.objects.update(state=MailState.CLAIMED, lease_until=Now() - timedelta(seconds=1))
    mail.reap(now=now)
    stored.refresh_from_db()
    assert stored.state == "queued"
    OutgoingMail.objects.update(
        state=MailState.TRANSMITTING, mail_class="notice", lease_until=Now() - timedelta(seconds=1)
    )
    mail.reap(now=now)
    stored.refresh_from_db()
    assert stored.state == "uncertain"


def test_a_security_mail_in_doubt_is_sent_once_more_and_then_never(stored, now):
    OutgoingMail.objects.update(created_at=now, state=MailState.UNCERTAIN, attempts=1)
    mail.reap(now=now)
    stored.refresh_from_db()
    assert stored.state == "deferred"
    OutgoingMail.objects.update(state=MailState.UNCERTAIN, attempts=2)
    mail.reap(now=now)
    stored.refresh_from_db()
    assert stored.state == "uncertain"
