"""Mail that is no survey: Django's e-mail backend writes rows; a ticker sends them, each at most once."""

import secrets
from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction

from config.work.models import OutgoingMail
from config.work.nudge import nudge


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
        single = EmailMessage.__new__(type(message))
        single.__dict__.update(message.__dict__)
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


def send_due(*, now: datetime) -> int:
    """Send due mails; returns how many were handed over."""
    return 0
