"""The checklist for survey mails, one finding per line, on the raw message as it travels.

C23 (every link answers and changes nothing) and C35 (forced dark) need a test client or a browser and are proved there.
"""

import re
from collections import Counter
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parseaddr
from functools import cached_property
from urllib.parse import urlsplit

from surveys.formulas import mail_html
from surveys.formulas.scales import SCALES
from surveys.services import mail_html_checks
from surveys.words import catalogue
from surveys.words.form import Words

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
MAX_LINE = 998  # characters, RFC 5322
MAX_TEXT_LINE = 78
MAX_UNSUBSCRIBE_URI = 70  # characters
MAX_NAME = MAX_SUBJECT = 60
MAX_FEEDBACK_FIELDS = 4
MAX_BYTES = 30 * 1024  # of text and html together; Gmail clips near 102 KB
TOKEN_LETTERS = 22  # 128 bits
UNRESOLVED = re.compile(r"\{\{|\{%|\bNone\b|\bnan\b")
# A name may hold the word, as "None Such Ltd" does.
UNRESOLVED_NAME = re.compile(r"\{\{|\{%|^\s*(?:None|nan)\s*$")
SCORE_EMOJI = re.compile("[\u2b50\U0001f31f\U0001f600-\U0001f64f]")
LINK = re.compile(r"/([su])/([A-Za-z0-9_-]+)")
ONE_EACH = ("From", "To", "Subject", "Date", "Message-ID", "MIME-Version")
FORBIDDEN = ("Precedence", "X-Mailer", "User-Agent", "X-Campaign", "X-Tracking", "Cc", "Bcc")
BULK_WORDS = ("no-reply", "noreply", "donotreply", "do-not-reply")

Line = tuple[str, object, str]


@dataclass(frozen=True)
class Finding:
    """One line of the checklist: id, whether it holds, and what is wrong when it does not."""

    id: str
    ok: bool
    detail: str = ""


@dataclass(frozen=True)
class Mail:
    """A message taken apart. `base` is the public address every link must start with."""

    raw: bytes
    base: str
    from_domain: str

    @cached_property
    def mime(self) -> EmailMessage:
        return message_from_bytes(self.raw, policy=policy.default)  # type: ignore[return-value]

    @cached_property
    def parts(self) -> list[EmailMessage]:
        return [part for part in self.mime.walk() if not part.is_multipart()]  # type: ignore[misc]

    @cached_property
    def text(self) -> str:
        return self._content("text/plain")

    @cached_property
    def html(self) -> str:
        return self._content("text/html")

    @cached_property
    def page(self) -> mail_html.MailHtml:
        return mail_html.read(self.html)

    @property
    def kind(self) -> str:
        """The survey kind named by List-Id; empty when there is none."""
        found = re.search(r"<([a-z0-9]+)\.surveys\.", self.header("List-Id"))
        return found.group(1) if found and found.group(1) in SCALES else ""

    @property
    def is_anonymous(self) -> bool:
        """Whether the mail is meant to carry one plain link and no rating links (S-205)."""
        return ":anonymous:" in self.header("Feedback-ID")

    @property
    def words(self) -> Words:
        """The fixed words of the language the mail says it is in."""
        return catalogue.words(self.header("Content-Language"))

    @cached_property
    def _headers(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for name, value in self.mime.items():
            found.setdefault(name.lower(), []).append(str(value))
        return found

    def headers(self, name: str) -> list[str]:
        return self._headers.get(name.lower(), [])

    def header(self, name: str) -> str:
        return (self.headers(name) or [""])[0]

    @property
    def receivers(self) -> int:
        """How many mailboxes To names; a sign within a name is no further one."""
        found = getattr(self.mime["To"], "addresses", ())
        return sum(max(1, one.addr_spec.count("@")) for one in found)

    def _content(self, content_type: str) -> str:
        found = [part for part in self.parts if part.get_content_type() == content_type]
        return found[0].get_content() if found else ""


def check_survey_mail(raw: bytes, *, base: str, from_domain: str = "") -> list[Finding]:
    """Every mechanical item of the checklist. `from_domain` is the configured sender domain when known."""
    mail = Mail(raw, base.rstrip("/"), from_domain)
    page = mail.page
    lines = [
        *_envelope(mail),
        *_mime(mail),
        *_text(mail),
        *_links(mail),
        *mail_html_checks.structure(page, base=mail.base, subject=mail.header("Subject")),
        *mail_html_checks.look(page),
        *mail_html_checks.reading_order(page, kind=mail.kind, is_rated=not mail.is_anonymous),
    ]
    found = [Finding(name, bool(ok), "" if ok else detail) for name, ok, detail in lines]
    return sorted(found, key=lambda finding: int(finding.id[1:]))


def faults_before_sending(raw: bytes, *, base: str, from_domain: str) -> list[Finding]:
    """The part that runs before a mail leaves: headers, MIME and unresolved tags (C1–C17, C37)."""
    mail = Mail(raw, base.rstrip("/"), from_domain)
    lines = [*_envelope(mail), *_mime(mail), *_text(mail)[1:]]
    return [Finding(name, ok=False, detail=detail) for name, ok, detail in lines if not ok]


def _envelope(mail: Mail) -> list[Line]:
    name, address = parseaddr(mail.header("From"))
    domain = address.rpartition("@")[2].lower()
    message_id = mail.header("Message-ID").strip()
    id_domain = message_id.rstrip(">").rpartition("@")[2].lower()
    reply_to = parseaddr(mail.header("Reply-To"))[1].lower()
    unsubscribe = mail.headers("List-Unsubscribe")
    uri = re.match(r"\s*<([^>]+)>", unsubscribe[0]) if unsubscribe else None
    first_uri = uri.group(1) if uri else ""
    subject = mail.header("Subject")
    wrong = [header for header in ONE_EACH if len(mail.headers(header)) != 1]
    is_reminder = bool(mail.headers("In-Reply-To"))
    return [
        ("C1", not wrong, f"not exactly one of: {', '.join(wrong)}"),
        ("C2", domain and domain == (mail.from_domain or domain) and len(name) <= MAX_NAME, f"From is {name} at {domain}"),
        ("C3", reply_to and not any(word in reply_to for word in BULK_WORDS), f"Reply-To is {reply_to or 'missing'}"),
        ("C4", mail.receivers == 1 and not mail.headers("Cc") + mail.headers("Bcc"), "more than one recipient"),
        ("C5", "." in id_domain and id_domain == domain, f"Message-ID is of {id_domain or 'no domain'}"),
        ("C6", len(unsubscribe) == 1 and _is_safe(first_uri) and len(first_uri) <= MAX_UNSUBSCRIBE_URI, f"{first_uri}"),
        ("C7", mail.headers("List-Unsubscribe-Post") == ["List-Unsubscribe=One-Click"], "not the one-click value"),
        ("C8", mail.kind and re.search(r"[A-Za-z]{3}", mail.header("List-Id").partition("<")[0]), "List-Id says no kind"),
        ("C9", mail.header("Auto-Submitted") == "auto-generated" and mail.header("X-Auto-Response-Suppress") == "OOF, AutoReply", "not marked as automatic"),
        ("C10", 0 < len(mail.header("Feedback-ID").split(":")) <= MAX_FEEDBACK_FIELDS and "@" not in mail.header("Feedback-ID"), "Feedback-ID"),
        ("C11", not [name for name in FORBIDDEN if mail.headers(name)], "a header that bulk mailers add"),
        ("C12", max(len(line) for line in mail.raw.split(b"\r\n")) <= MAX_LINE, "a line over 998 characters"),
        ("C14", not is_reminder or mail.header("References") == mail.header("In-Reply-To"), "References missing"),
        ("C15", _is_good_subject(subject), f"Subject is {subject!r}"),
    ]  # fmt: skip


def _mime(mail: Mail) -> list[Line]:
    types = [part.get_content_type() for part in mail.parts]
    encodings = {part.get("Content-Transfer-Encoding", "").lower() for part in mail.parts}
    charsets = {(part.get_content_charset() or "").lower() for part in mail.parts}
    attached = [
        part for part in mail.parts if part.get_filename() or part.get_content_disposition() == "attachment"
    ]
    return [
        ("C16", mail.mime.get_content_type() == "multipart/alternative" and types == ["text/plain", "text/html"] and not attached, f"parts are {types}"),
        ("C17", charsets == {"utf-8"} and encodings <= {"quoted-printable", "base64"}, f"{charsets} {encodings}"),
    ]  # fmt: skip


def _text(mail: Mail) -> list[Line]:
    links = [match.group(1) for match in LINK.finditer(mail.text)]
    long = [line for line in mail.text.splitlines() if len(line) > MAX_TEXT_LINE and "://" not in line]
    sender = parseaddr(mail.header("From"))[0]
    heading = (mail.page.named("h1") or [None])[0]
    said = heading and " ".join(heading.text.split()) in " ".join(mail.text.split())
    size = len(mail.text.encode()) + len(mail.html.encode())
    return [
        (
            "C18",
            said and {"s", "u"} <= set(links) and sender in mail.text and not long,
            f"text part: {long[:1]}",
        ),
        ("C19", size <= MAX_BYTES, f"{size} bytes"),
        ("C37", not UNRESOLVED.search(mail.text + mail.html), "an unresolved tag or an empty value"),
    ]


def _links(mail: Mail) -> list[Line]:
    shown = [tag for tag in mail.page.named("a") if not tag.hidden]
    hidden = [tag for tag in mail.page.named("a") if tag.hidden]
    hrefs = [tag.attrs.get("href", "") for tag in mail.page.named("a")]
    rated = [href.partition("?r=")[2] for href in hrefs if "?r=" in href]
    is_rated = mail.kind and not mail.is_anonymous
    wanted = [str(point) for point in SCALES[mail.kind].points] if is_rated else []
    tokens = {
        kind: {m.group(2) for href in hrefs for m in LINK.finditer(href) if m.group(1) == kind}
        for kind in "su"
    }
    short = [token for group in tokens.values() for token in group if len(token) < TOKEN_LETTERS]
    twice = [href for href, times in Counter(href for href in hrefs if "?r=" in href).items() if times > 1]
    foreign = [href for href in hrefs if not _is_safe(href) or not href.startswith(f"{mail.base}/")]
    pit = [tag for tag in hidden if tag.attrs.get("tabindex") == "-1" and not tag.text.strip()]
    unsubscribe = [
        tag for tag in shown if "/u/" in tag.attrs.get("href", "") and mail.words.unsubscribe in tag.text
    ]
    in_text = any(tag.attrs.get("href", "-") in mail.text for tag in pit)
    return [
        ("C20", not foreign, f"outside the public host: {foreign[:1]}"),
        ("C21", rated == wanted and not twice, f"rating links {rated}"),
        ("C22", not short and not tokens["s"] & tokens["u"] and tokens["u"], "link secrets"),
        (
            "C24",
            not [href for href in hrefs if href.lower().startswith(("javascript:", "data:"))],
            "script link",
        ),
        ("C25", unsubscribe, "no visible word for unsubscribing"),
        ("C26", len(pit) == len(hidden) and not in_text, "a hidden link that can be reached"),
    ]


def _is_safe(uri: str) -> bool:
    """https, or http on the loopback address of a development machine."""
    parts = urlsplit(uri)
    return parts.scheme == "https" or (parts.scheme == "http" and (parts.hostname or "") in LOOPBACK)


def _is_good_subject(subject: str) -> bool:
    return (
        0 < len(subject) <= MAX_SUBJECT
        and not subject.isupper()
        and not UNRESOLVED.search(subject)
        and not re.search(r"[{}]", subject)
        and not SCORE_EMOJI.search(subject)
    )
