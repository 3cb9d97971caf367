"""Mails kept by the built-in outbox, taken apart for reading."""

from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import cast

from django.db.models import QuerySet

from config.work.models import CapturedMail

SHOWN_HEADERS = (
    "From",
    "To",
    "Subject",
    "Date",
    "Reply-To",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "Message-ID",
)


@dataclass(frozen=True)
class ReadableMail:
    """A mail as a reader's program sees it."""

    headers: tuple[tuple[str, str], ...]
    html: str
    text: str
    source: str


def captured(*, find: str = "") -> QuerySet[CapturedMail]:
    """Mails without their bodies; `find` looks into recipient and subject."""
    rows = CapturedMail.objects.defer("raw")
    return (rows.filter(recipient__icontains=find) | rows.filter(subject__icontains=find)) if find else rows


def captured_or_none(pk: int) -> CapturedMail | None:
    """One mail with its body, or None."""
    return CapturedMail.objects.filter(pk=pk).first()


def read(mail: CapturedMail) -> ReadableMail:
    """Headers worth showing, both bodies and the source. Broken mails give what can be read."""
    raw = bytes(mail.raw)
    message = cast("EmailMessage", message_from_bytes(raw, policy=policy.default))
    return ReadableMail(
        headers=tuple((name, str(message[name])) for name in SHOWN_HEADERS if message[name]),
        html=_body(message, "html"),
        text=_body(message, "plain"),
        source=raw.decode("utf-8", "replace").replace("\r\n", "\n"),
    )


def _body(message: EmailMessage, kind: str) -> str:
    part = message.get_body(preferencelist=(kind,))
    return str(part.get_content()) if part is not None else ""
