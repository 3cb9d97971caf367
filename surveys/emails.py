"""One function per mail. A survey mail is rendered at send time, because only then its link secrets exist.

`rendered` is the mail as its templates say it; `surveys.services.mail_forms` fills the same bytes from a form made once.
"""

import hashlib
import re
import textwrap
from dataclasses import dataclass
from datetime import UTC, datetime
from email import charset as charsets
from email.header import Header
from email.message import Message as MimeMessage
from email.mime.multipart import MIMEMultipart
from email.mime.nonmultipart import MIMENonMultipart
from email.utils import format_datetime, formataddr
from functools import cached_property
from urllib.parse import urlsplit

from django.conf import settings
from django.template.loader import render_to_string

from config.web.errors import DomainError
from surveys.choices import MessageKind, SurveyKind
from surveys.formulas.scales import SCALES, Scale
from surveys.models import CampaignText, CampaignVersion, Message
from surveys.services import senders
from surveys.words import catalogue

WRAP = 76  # characters; mail programs add a quote mark and still stay under 78
FOLD = 78  # characters per header line where a blank allows it
QUOTED = charsets.Charset("utf-8")
QUOTED.body_encoding = charsets.QP
EPOCH = datetime(2000, 1, 3, tzinfo=UTC)  # when a preview would be sent
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


@dataclass(frozen=True)
class Wording:
    """What all mails of one text have in common. `sender` depends on the CSM where the campaign says so."""

    version: CampaignVersion
    text: CampaignText
    sender: senders.Sender
    campaign_id: int | None
    is_reminder: bool = False
    subject_prefix: str = ""


@dataclass(frozen=True)
class Values:
    """What differs from mail to mail. `first_id` is the Message-ID a reminder points to; names may be empty."""

    links: MailLinks
    address: str
    message_id: str
    sent_at: datetime
    name: str = ""
    customer: str = ""
    first_id: str = ""

    @cached_property
    def first_name(self) -> str:
        """How the mail greets."""
        return (catalogue.plain(self.name).split() or [""])[0]

    @cached_property
    def customer_name(self) -> str:
        """What the mail calls the customer."""
        return catalogue.plain(self.customer)

    @cached_property
    def boundary(self) -> str:
        """Between the parts: "=_" stands in no quoted-printable text, the rest makes it this mail's own."""
        return f"=_{hashlib.sha256(self.message_id.encode()).hexdigest()[:24]}"


def wording_of(message: Message, *, subject_prefix: str = "") -> Wording:
    """Needs invitation, wave, version, text and owner loaded."""
    invitation = message.invitation
    version, text = invitation.wave.version, invitation.text
    return Wording(
        version=version,
        text=text,
        sender=senders.sender_of(version, invitation.owner_at_send, text.language),
        campaign_id=invitation.wave.campaign_id,
        is_reminder=message.kind == MessageKind.REMINDER,
        subject_prefix=subject_prefix,
    )


def values_of(message: Message, *, links: MailLinks, now: datetime, first_id: str = "") -> Values:
    """Needs invitation, contact and customer loaded. A reminder looks up the mail it points to when not told."""
    invitation = message.invitation
    if message.kind == MessageKind.REMINDER and not first_id:
        first_id = invitation.messages.get(kind=MessageKind.FIRST, seq=0).message_id
    return Values(
        links=links,
        address=invitation.email_norm,
        message_id=message.message_id,
        sent_at=now,
        name=invitation.contact.name if invitation.contact else "",
        customer=invitation.customer.name if invitation.customer else "",
        first_id=first_id,
    )


def survey_mail(message: Message, *, links: MailLinks, now: datetime, subject_prefix: str = "") -> bytes:
    """The invitation or reminder as raw bytes with CRLF line ends. Needs invitation, text, version and contact loaded."""
    return rendered(
        wording_of(message, subject_prefix=subject_prefix), values_of(message, links=links, now=now)
    )


def rendered(wording: Wording, values: Values) -> bytes:
    """The raw mail as templates and the mail library make it."""
    mime = MIMEMultipart("alternative", boundary=values.boundary)
    for name, value in headers(wording, values).items():
        mime[name] = header(name, value)
    plain, html = bodies(wording, values)
    mime.attach(_part("plain", wrapped(plain)))
    mime.attach(_part("html", html))
    raw = mime.as_bytes()
    return raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def headers(wording: Wording, values: Values) -> dict[str, str]:
    """Names and values of all headers but those of MIME, in their order."""
    version, sender = wording.version, wording.sender
    found = {
        "From": address(sender.name, sender.email),
        "To": address(values.name, values.address),
        "Reply-To": address("", sender.reply_to),
        "Subject": f"{wording.subject_prefix}{wording.text.subject}",
        "Date": format_datetime(values.sent_at),
        "Message-ID": values.message_id,
        "List-Id": f"{_kind_word(version.kind)} survey <{version.kind}.surveys.{_host()}>",
        "List-Unsubscribe": f"<{values.links.unsubscribe}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "OOF, AutoReply",
        "Feedback-ID": f"c{wording.campaign_id}:{version.kind}:{_manner(version)}:tend",
        "Content-Language": wording.text.language,
    }
    if wording.is_reminder:
        found |= {"In-Reply-To": values.first_id, "References": values.first_id}
    return found


def bodies(wording: Wording, values: Values) -> tuple[str, str]:
    """The text, its lines not yet wrapped, and the HTML."""
    words = _words(wording, values)
    return (
        render_to_string("surveys/emails/invitation-body.txt", words),
        render_to_string("surveys/emails/invitation-body.html", words),
    )


def preview_parts(version: CampaignVersion, text: CampaignText) -> tuple[str, str]:
    """Text and HTML of the mail to an invented contact; its links lead nowhere."""
    nowhere = "preview-preview-previe"
    sender = senders.sender_of(version, None, text.language)
    wording = Wording(version, text, sender, campaign_id=version.campaign_id)
    values = Values(
        links=MailLinks(answer=link("s", nowhere), unsubscribe=link("u", nowhere)),
        address="",
        message_id="",
        sent_at=EPOCH,
        name="Robin Ash",
        customer="Example Ltd",
    )
    plain, html = bodies(wording, values)
    return wrapped(plain), html


def _words(wording: Wording, values: Values) -> dict[str, object]:
    version, text = wording.version, wording.text
    scale = SCALES[version.kind]
    name, customer = values.first_name, values.customer_name
    low, high = f"{scale.low} – {text.labels[0]}", f"{scale.high} – {text.labels[-1]}"
    say = catalogue.Spoken(
        text.language, company=version.company, name=name, customer=customer, low=low, high=high
    )
    is_rtl = say.words.direction == "rtl"
    return {
        "say": say,
        "dir": say.words.direction,
        "start": "right" if is_rtl else "left",
        "end": "left" if is_rtl else "right",
        "version": version,
        "text": text,
        "subject": f"{wording.subject_prefix}{text.subject}",
        "is_nps": version.kind == SurveyKind.NPS,
        "is_anonymous": version.is_anonymous,
        "points": _points(say, text, scale, values.links),
        "low_end": low,
        "high_end": high,
        "first_name": name,
        "customer": customer,
        "sender": wording.sender,
        "links": values.links,
        "privacy": f"{settings.SITE_URL}/privacy?lang={say.language}",
        "is_reminder": wording.is_reminder,
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


def address(name: str, mailbox: str) -> str:
    """`Name <address>` with the name encoded where needed; the address is ASCII by its key."""
    if _BREAK.search(name + mailbox):
        raise BadHeaderTextError(
            "A name or address holds a line break.", hint="Remove it from the contact or sender."
        )
    return formataddr((name, mailbox), "utf-8") if name else mailbox


def header(name: str, value: str) -> Header | str:
    """The value, encoded when it is not ASCII. A line break would start a header of somebody else's."""
    if _BREAK.search(value):
        raise BadHeaderTextError(
            f"The {name} of this mail holds a line break.", hint="Remove it from the text."
        )
    return value if value.isascii() else Header(value, "utf-8", header_name=name, maxlinelen=FOLD)


def _part(subtype: str, text: str) -> MimeMessage:
    part = MIMENonMultipart("text", subtype, charset="utf-8")
    part.set_payload(text.encode("utf-8", "replace").decode(), QUOTED)
    return part


def wrapped(text: str) -> str:
    """Lines of at most 76 characters; an address of a page is never broken."""
    lines = []
    for line in text.strip().splitlines():
        lines += wrapped_line(line)
    return "\n".join(lines) + "\n"


def wrapped_line(line: str) -> list[str]:
    """One line as the lines it becomes; an empty one stays."""
    return textwrap.wrap(line, WRAP, break_long_words=False, break_on_hyphens=False) or [""]


def quoted(text: str) -> str:
    """Quoted-printable, line ends as they are. Every line by itself gives the same as all of them together."""
    return QUOTED.body_encode(text.encode("utf-8", "replace").decode())
