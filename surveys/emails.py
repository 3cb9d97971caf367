"""One function per mail. A survey mail is rendered at send time, because only then its link secrets exist."""

import re
import textwrap
from dataclasses import dataclass
from datetime import datetime
from email import charset as charsets
from email.header import Header
from email.message import Message as MimeMessage
from email.mime.multipart import MIMEMultipart
from email.mime.nonmultipart import MIMENonMultipart
from email.utils import format_datetime, formataddr
from urllib.parse import urlsplit

from django.conf import settings
from django.template.loader import render_to_string

from config.web.errors import DomainError
from customers.models import Contact, Customer
from surveys.choices import MessageKind, SurveyKind
from surveys.formulas.scales import SCALES, Scale
from surveys.models import CampaignText, CampaignVersion, Invitation, Message, Wave
from surveys.services import senders
from surveys.words import catalogue

WRAP = 76  # characters; mail programs add a quote mark and still stay under 78
FOLD = 78  # characters per header line where a blank allows it
_PLAIN = charsets.Charset("utf-8")
_PLAIN.body_encoding = charsets.QP
_BREAK = re.compile(r"[\r\n\0]")


class BadHeaderTextError(DomainError):
    code = "bad_header"


@dataclass(frozen=True)
class MailLinks:
    """Absolute addresses with their secrets; they live as long as the rendering. `honeypot` may be absent."""

    answer: str
    unsubscribe: str
    honeypot: str = ""


def link(kind: str, token: str) -> str:
    """Public address of a link secret: kind `s` answers, kind `u` unsubscribes."""
    return f"{settings.SITE_URL}/{kind}/{token}"


def survey_mail(message: Message, *, links: MailLinks, now: datetime, subject_prefix: str = "") -> bytes:
    """The invitation or reminder as raw bytes with CRLF line ends. Needs invitation, text, version and contact loaded."""
    invitation = message.invitation
    version, text = invitation.wave.version, invitation.text
    words = _words(message, links, subject_prefix)
    sender = senders.sender_of(version, invitation.owner_at_send, text.language)
    mime = MIMEMultipart("alternative")
    headers = {
        "From": _address(sender.name, sender.email),
        "To": _address(invitation.contact.name if invitation.contact else "", invitation.email_norm),
        "Reply-To": _address("", sender.reply_to),
        "Subject": str(words["subject"]),
        "Date": format_datetime(now),
        "Message-ID": message.message_id,
        "List-Id": f"{_kind_word(version.kind)} survey <{version.kind}.surveys.{_host()}>",
        "List-Unsubscribe": f"<{links.unsubscribe}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "OOF, AutoReply",
        "Feedback-ID": f"c{invitation.wave.campaign_id}:{version.kind}:{_manner(version)}:tend",
        "Content-Language": text.language,
    }
    if message.kind == MessageKind.REMINDER:
        first = invitation.messages.get(kind=MessageKind.FIRST, seq=0).message_id
        headers |= {"In-Reply-To": first, "References": first}
    for name, value in headers.items():
        mime[name] = _header(name, value)
    mime.attach(_part("plain", _wrapped(render_to_string("surveys/emails/invitation-body.txt", words))))
    mime.attach(_part("html", render_to_string("surveys/emails/invitation-body.html", words)))
    return _bytes(mime)


def preview_parts(version: CampaignVersion, text: CampaignText) -> tuple[str, str]:
    """Text and HTML of the mail to an invented contact; its links lead nowhere."""
    wave = Wave(campaign=version.campaign, version=version)
    invitation = Invitation(
        wave=wave, text=text, contact=Contact(name="Robin Ash"), customer=Customer(name="Example Ltd")
    )
    message = Message(invitation=invitation, kind=MessageKind.FIRST)
    nowhere = "preview-preview-previe"
    links = MailLinks(answer=link("s", nowhere), unsubscribe=link("u", nowhere))
    words = _words(message, links, "")
    plain = _wrapped(render_to_string("surveys/emails/invitation-body.txt", words))
    return plain, render_to_string("surveys/emails/invitation-body.html", words)


def _words(message: Message, links: MailLinks, subject_prefix: str) -> dict[str, object]:
    invitation = message.invitation
    version, text, contact = invitation.wave.version, invitation.text, invitation.contact
    scale = SCALES[version.kind]
    name = (catalogue.plain(contact.name).split() or [""])[0] if contact else ""
    customer = catalogue.plain(invitation.customer.name) if invitation.customer else ""
    say = catalogue.Spoken(
        text.language,
        company=version.company,
        name=name,
        customer=customer,
        low=f"{scale.low} – {text.labels[0]}",
        high=f"{scale.high} – {text.labels[-1]}",
    )
    is_rtl = say.words.direction == "rtl"
    return {
        "say": say,
        "dir": say.words.direction,
        "start": "right" if is_rtl else "left",
        "end": "left" if is_rtl else "right",
        "version": version,
        "text": text,
        "subject": f"{subject_prefix}{text.subject}",
        "is_nps": version.kind == SurveyKind.NPS,
        "is_anonymous": version.is_anonymous,
        "points": _points(say, text, scale, links),
        "low_end": f"{scale.low} – {text.labels[0]}",
        "high_end": f"{scale.high} – {text.labels[-1]}",
        "first_name": name,
        "customer": customer,
        "sender": senders.sender_of(version, invitation.owner_at_send, text.language),
        "links": links,
        "privacy": f"{settings.SITE_URL}/privacy?lang={say.language}",
        "is_reminder": message.kind == MessageKind.REMINDER,
    }


def _points(
    say: catalogue.Spoken, text: CampaignText, scale: Scale, links: MailLinks
) -> list[tuple[int, str, str, str]]:
    """Number, label, address and spoken name of every point; labels only where each point has its own."""
    labels = text.labels if len(text.labels) == len(scale.points) else [""] * len(scale.points)
    return [
        (
            point,
            label,
            f"{links.answer}?r={point}",
            say.words.point_of.format(point=point, top=scale.high),
        )
        for point, label in zip(scale.points, labels, strict=True)
    ]


def _manner(version: CampaignVersion) -> str:
    """Tells the mail checks that a mail without rating links is meant so."""
    return "anonymous" if version.is_anonymous else "survey"


def _kind_word(kind: str) -> str:
    return kind.rstrip("57").upper()


def _host() -> str:
    return urlsplit(settings.SITE_URL).hostname or "localhost"


def _address(name: str, address: str) -> str:
    """`Name <address>` with the name encoded where needed; the address is ASCII by its key."""
    if _BREAK.search(name + address):
        raise BadHeaderTextError(
            "A name or address holds a line break.", hint="Remove it from the contact or sender."
        )
    return formataddr((name, address), "utf-8") if name else address


def _header(name: str, value: str) -> Header | str:
    """The value, encoded when it is not ASCII. A line break would start a header of somebody else's."""
    if _BREAK.search(value):
        raise BadHeaderTextError(
            f"The {name} of this mail holds a line break.", hint="Remove it from the text."
        )
    return value if value.isascii() else Header(value, "utf-8", header_name=name, maxlinelen=FOLD)


def _part(subtype: str, text: str) -> MimeMessage:
    part = MIMENonMultipart("text", subtype, charset="utf-8")
    part.set_payload(text.encode("utf-8", "replace").decode(), _PLAIN)
    return part


def _bytes(mime: MimeMessage) -> bytes:
    raw = mime.as_bytes()
    return raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def _wrapped(text: str) -> str:
    """Lines of at most 76 characters; an address of a page is never broken."""
    lines = []
    for line in text.strip().splitlines():
        wrapped = textwrap.wrap(line, WRAP, break_long_words=False, break_on_hyphens=False)
        lines += wrapped or [""]
    return "\n".join(lines) + "\n"
