"""Mail that is no survey: Django's e-mail backend writes rows; a ticker sends them, each at most once."""

import copy
import secrets
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from email.utils import parseaddr
from functools import partial

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from config.work import smtp
from config.work.models import MailAttempt, MailState, OutgoingMail
from config.work.nudge import nudge

WAITS_S = (60, 300, 1800, 7200)  # seconds before the second to fifth try
SETTLED = {
    smtp.Result.ACCEPTED: MailState.SENT,
    smtp.Result.UNCERTAIN: MailState.UNCERTAIN,
    smtp.Result.BAD_ADDRESS: MailState.FAILED,
    smtp.Result.CONTENT: MailState.FAILED,
    smtp.Result.STOPPED: MailState.QUEUED,
}
SERVER_TROUBLE = {smtp.Result.UNREACHABLE, smtp.Result.LOGIN, smtp.Result.POLICY}  # not this mail's fault


class OutgoingMailBackend(BaseEmailBackend):
    """Stores each mail as a row in the caller's transaction; nothing leaves before the commit."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """One row per recipient; returns how many messages were stored."""
        with transaction.atomic():
            for message in email_messages:
                _store(message)
        nudge("work.send_service_mail")
        return len(email_messages)


def _store(message: EmailMessage) -> None:
    domain = settings.DEFAULT_FROM_EMAIL.rsplit("@", 1)[-1].rstrip(">")
    mail_class = message.extra_headers.pop("X-Tend-Class", "security")
    for recipient in message.recipients():
        message_id = f"<{secrets.token_hex(16)}@{domain}>"
        single = copy.copy(message)
        single.to, single.cc, single.bcc = [recipient], [], []
        single.extra_headers = {
            **message.extra_headers,
            "Message-ID": message_id,
            "Auto-Submitted": "auto-generated",
        }
        OutgoingMail.objects.create(
            mail_class=mail_class,
            recipient=recipient,
            subject=str(message.subject)[:300],
            message_id=message_id,
            raw=single.message().as_bytes(linesep="\r\n"),
        )


def send_due(*, now: datetime, seconds: float = 30) -> int:
    """Take back lost mails, then send due ones for at most `seconds`; returns how many were handed over.

    One mail at a time, each under a lease, with the `transmitting` commit just before the final dot: a kill leaves
    at most one row per worker in doubt.
    """
    reap(now=now)
    ends, sent = time.monotonic() + seconds, 0
    transport = smtp.open_transport()
    try:
        while time.monotonic() < ends and (mail := _claim()) is not None:
            outcome = transport.deliver(
                sender=parseaddr(settings.DEFAULT_FROM_EMAIL)[1],
                recipient=mail.recipient,
                raw=bytes(mail.raw),
                before_dot=partial(_write_ahead, mail),
            )
            sent += outcome.result == smtp.Result.ACCEPTED
            _record(mail, outcome)
            if outcome.result in SERVER_TROUBLE:
                break
    finally:
        transport.close()
    return sent


def reap(*, now: datetime) -> None:
    """Leases that ran out: certainly unsent mails wait again, mails in doubt become uncertain.

    A security mail (reset, invitation) in doubt is sent once more after a minute: a second copy is harmless, a
    missing one locks a person out.
    """
    lost = OutgoingMail.objects.filter(lease_until__lt=Now())
    lost.filter(state=MailState.CLAIMED).update(state=MailState.QUEUED, lease_token="", lease_until=None)
    lost.filter(state=MailState.TRANSMITTING).update(
        state=MailState.UNCERTAIN, lease_token="", lease_until=None
    )
    again = OutgoingMail.objects.filter(state=MailState.UNCERTAIN, mail_class="security", attempts__lt=2)
    again.filter(created_at__gt=now - timedelta(hours=1)).update(
        state=MailState.DEFERRED, not_before=Now() + timedelta(seconds=60)
    )


def _claim() -> OutgoingMail | None:
    due = Q(state__in=[MailState.QUEUED, MailState.DEFERRED], not_before__lte=Now())
    with transaction.atomic():
        mail = (
            OutgoingMail.objects.select_for_update(skip_locked=True)
            .filter(due)
            .order_by("not_before", "pk")
            .first()
        )
        if mail is None:
            return None
        mail.state, mail.lease_token, mail.attempts = (
            MailState.CLAIMED,
            secrets.token_hex(16),
            mail.attempts + 1,
        )
        lease = Now() + timedelta(seconds=settings.MAIL_LEASE_S)
        OutgoingMail.objects.filter(pk=mail.pk).update(
            state=mail.state, lease_token=mail.lease_token, attempts=mail.attempts, lease_until=lease
        )
    return mail


def _write_ahead(mail: OutgoingMail) -> bool:
    """Commit "the dot may go out now" while the lease is still ours."""
    lease = Now() + timedelta(seconds=settings.MAIL_REPLY_S + 20)
    mine = OutgoingMail.objects.filter(pk=mail.pk, lease_token=mail.lease_token, state=MailState.CLAIMED)
    return bool(mine.update(state=MailState.TRANSMITTING, lease_until=lease))


def _record(mail: OutgoingMail, outcome: smtp.Outcome) -> None:
    """Store what became of the try; somebody else's lease means nothing is written."""
    tries = mail.attempts - (0 if outcome.counts else 1)
    state, wait = _next_state(tries, outcome.result)
    final = state in {MailState.SENT, MailState.FAILED}
    changes = {
        "state": state,
        "attempts": tries,
        "lease_until": None,
        "lease_token": "",
        "reply": outcome.text,
    }
    if wait:
        changes["not_before"] = Now() + timedelta(seconds=wait * secrets.choice((0.8, 0.9, 1, 1.1, 1.2)))
    if final:
        changes["raw"] = b""  # no live link rests in the table
    if state == MailState.SENT:
        changes["sent_at"] = Now()
    with transaction.atomic():
        if not OutgoingMail.objects.filter(pk=mail.pk, lease_token=mail.lease_token).update(**changes):
            return
        code = str(outcome.code or "")
        number = mail.tries.count() + 1
        MailAttempt.objects.create(
            mail=mail, number=number, phase=outcome.phase, code=code, text=outcome.text
        )


def _next_state(tries: int, result: smtp.Result) -> tuple[MailState, int]:
    """The state after a try, and the seconds to wait before the next one."""
    if result in SETTLED:
        return SETTLED[result], 0
    if result in SERVER_TROUBLE:
        return MailState.DEFERRED, 30
    if tries > len(WAITS_S):
        return MailState.FAILED, 0
    return MailState.DEFERRED, WAITS_S[tries - 1]
