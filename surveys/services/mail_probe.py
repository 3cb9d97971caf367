"""A mail with every header of a survey mail and no survey, to see what relays and mailboxes make of it (S-81)."""

import secrets
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime, formataddr
from urllib.parse import urlsplit

from django.conf import settings

from config.work import smtp
from surveys import tokens
from surveys.emails import link
from surveys.models import SenderIdentity


def send(*, to: str, sender: SenderIdentity, now: datetime) -> smtp.Outcome:
    """Hand the probe to the configured server and say what it answered. Its links lead nowhere."""
    transport = smtp.open_transport()
    try:
        return transport.deliver(
            sender=sender.email, recipient=to, raw=probe(to, sender, now), before_dot=lambda: True
        )
    finally:
        transport.close()


def probe(to: str, sender: SenderIdentity, now: datetime) -> bytes:
    """The raw mail."""
    unsubscribe = link("u", tokens.mint()[0])
    mail = EmailMessage()
    mail["From"] = formataddr((sender.name, sender.email), "utf-8")
    mail["To"] = to
    mail["Reply-To"] = sender.reply_to
    mail["Subject"] = "Tend mail probe"
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = f"<{secrets.token_hex(16)}@{sender.email.rpartition('@')[2].lower()}>"
    mail["List-Id"] = f"Mail probe <probe.surveys.{urlsplit(settings.SITE_URL).hostname}>"
    mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "OOF, AutoReply"
    text = f"This mail was sent to see how mails of {settings.SITE_URL} arrive.\n\nNo more surveys:\n{unsubscribe}\n"
    mail.set_content(text, cte="quoted-printable")
    head, blank, body = mail.as_bytes().partition(b"\n\n")
    # by hand, because the mail library may encode a long address, which breaks one-click unsubscribing
    head += f"\nList-Unsubscribe: <{unsubscribe}>".encode()
    return (head + blank + body).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
