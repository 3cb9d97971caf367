"""Mails made from a form: rendered once per wording, cut at the places where mails differ, filled for each person.

Templates, headers and quoted-printable of everything that all mails of a wording share are done once. What is left per
mail are link secrets (always 22 safe letters, so that no line moves), a few headers, and the lines that hold a name;
those lines are wrapped, escaped and encoded as the templates and the mail library would. A form is used only while it
gives, for three sample people, the very bytes that rendering gives; otherwise its mails are rendered one by one.
"""

import logging
import re
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.policy import compat32
from email.utils import format_datetime

from django.conf import settings
from django.db.models import Model
from django.utils.html import escape

from surveys import emails
from surveys.emails import MailLinks, Values, Wording, link
from surveys.services import mail_checks

logger = logging.getLogger(__name__)

# Values that stand for the ones to come. Names are one private letter: no language has it, nothing escapes or wraps it.
NAME, CUSTOMER = "\ue0f1", "\ue0f2"
TOKENS = {kind: f"slot-{kind}-slot-slot-slot-"[:22] for kind in ("answer", "stop", "pit")}
SLOT_ID = "<slot@slot.example>"
LATER = ("To", "Date", "Message-ID", "In-Reply-To", "References")
SOFT = "(?:=\r\n)?"  # a soft line break may fall between any two letters
LINE_END = re.compile(r"\r\n|\r|\n")
SHORT = 76  # characters of a header that is surely not folded
MOST_FORMS = 256
SAMPLES = (
    ("Robin Ash", "Example Ltd"),
    ('=?Zoë?= "Z" O’Neil, <b>&amp;', "\"><i>Ærlig & Söhne 'Co' 100 % = all, of Trondheim and of Bergen</i>"),
    ("ليلى حداد", "شركة الاتصالات From «القاهرة»"),
)


@dataclass(frozen=True, slots=True)
class Slice:
    """Part of a value of fixed length."""

    slot: str
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class NamedLine:
    """A line of the mail that holds a name: its length differs, so it is wrapped and encoded for each mail."""

    pieces: tuple[str, ...]  # text, slot, text, slot, … text
    is_html: bool

    def encoded(self, fixed: Mapping[str, str], names: Mapping[str, str]) -> bytes:
        """The line, or the lines it becomes, with its last line break."""
        said = list(self.pieces)
        for place in range(1, len(said), 2):
            slot = said[place]
            said[place] = (
                fixed[slot] if slot in fixed else escape(names[slot]) if self.is_html else names[slot]
            )
        line = "".join(said)
        lines = [line] if self.is_html or _is_short(line) else emails.wrapped_line(line)
        return "".join(f"{_quoted_line(one)}\r\n" for one in lines).encode("ascii")


@dataclass(frozen=True, slots=True)
class LaterHeader:
    """A header whose value only the mail knows."""

    name: str


Piece = bytes | Slice | NamedLine | LaterHeader


@dataclass(frozen=True)
class Form:
    """The cut mail. Without pieces its mails are rendered; when not `is_checked`, each is asked the whole checklist."""

    wording: Wording
    pieces: tuple[Piece, ...] = ()
    is_checked: bool = False

    def filled(self, values: Values) -> bytes:
        """The raw mail of one person. A line break in a name or address raises."""
        fixed = _fixed(values)
        if not self.pieces or fixed is None:
            return emails.rendered(self.wording, values)
        names = {"name": values.first_name, "customer": values.customer_name}
        raw = {slot: value.encode() for slot, value in fixed.items()}
        found: list[bytes] = []
        for piece in self.pieces:
            if type(piece) is bytes:
                found.append(piece)
            elif type(piece) is Slice:
                found.append(raw[piece.slot][piece.start : piece.stop])
            elif type(piece) is NamedLine:
                found.append(piece.encoded(fixed, names))
            else:
                found.append(_later(piece.name, values))
        return b"".join(found)


@dataclass
class Forms:
    """The forms of one run. Wordings are compared by what they say, so that an edited draft gets a form of its own."""

    _found: dict[Hashable, Form] = field(default_factory=dict)

    def of(self, wording: Wording, values: Values) -> Form:
        """The form for this wording and for which of the optional values are there."""
        has = (bool(values.first_name), bool(values.customer_name), bool(values.links.honeypot))
        key = (
            wording.version.pk, wording.text.pk, wording.sender, wording.campaign_id, wording.is_reminder,
            wording.subject_prefix, has,
        )  # fmt: skip
        form = self._found.get(key)
        if form is None:
            form = self._found[key] = _made(wording, has)
        return form


_kept: dict[Hashable, Form] = {}  # of this process


def _made(wording: Wording, has: tuple[bool, bool, bool]) -> Form:
    key = (
        _said(wording.version), _said(wording.text), wording.sender, wording.campaign_id, wording.is_reminder,
        wording.subject_prefix, has, settings.SITE_URL,
    )  # fmt: skip
    form = _kept.get(key)
    if form is None:
        if len(_kept) >= MOST_FORMS:
            _kept.clear()
        form = _kept[key] = compiled(wording, *has)
    return form


def _said(row: Model) -> str:
    return repr([getattr(row, column.attname) for column in row._meta.concrete_fields])


def compiled(wording: Wording, has_name: bool, has_customer: bool, has_pit: bool) -> Form:
    """The form, tried on sample people."""
    slots = Values(
        links=_links(TOKENS, has_pit=has_pit),
        address="slot@slot.example",
        message_id=SLOT_ID,
        sent_at=emails.EPOCH,
        name=NAME if has_name else "",
        customer=CUSTOMER if has_customer else "",
        first_id=SLOT_ID,
    )
    form = Form(wording, tuple(_joined(_cut(wording, slots))))
    is_checked = True
    for name, customer in SAMPLES:
        sample = _sample(wording, slots, name if has_name else "", customer if has_customer else "")
        raw = emails.rendered(wording, sample)
        if form.filled(sample) != raw:
            logger.warning("The mails of text %s are rendered one by one: its form differs", wording.text.pk)
            return Form(wording)
        is_checked = is_checked and not _faults(raw, wording)
    return replace(form, is_checked=is_checked)


def _sample(wording: Wording, slots: Values, name: str, customer: str) -> Values:
    letters = {"answer": "Aa0_-", "stop": "Zz9-_", "pit": "Mm5__"}
    return replace(
        slots,
        links=_links(
            {kind: (few * 5)[:22] for kind, few in letters.items()}, has_pit=bool(slots.links.honeypot)
        ),
        address="sample@customer.example",
        message_id=f"<0123456789abcdef@{_domain(wording)}>",
        sent_at=datetime(2026, 11, 22, 23, 59, 1, tzinfo=UTC),
        name=name,
        customer=customer,
        first_id=f"<fedcba9876543210@{_domain(wording)}>",
    )


def _links(tokens: Mapping[str, str], *, has_pit: bool) -> MailLinks:
    return MailLinks(
        answer=link("s", tokens["answer"]),
        unsubscribe=link("u", tokens["stop"]),
        honeypot=link("s", tokens["pit"]) if has_pit else "",
    )


def why_not(raw: bytes, *, form: Form, values: Values) -> str:
    """Why this mail must not leave; empty when it may. In doubt the whole checklist decides."""
    if form.is_checked and _are_good(raw, form.wording, values):
        return ""
    return "; ".join(f"{finding.id}: {finding.detail}" for finding in _faults(raw, form.wording))


def _faults(raw: bytes, wording: Wording) -> list[mail_checks.Finding]:
    return mail_checks.faults_before_sending(raw, base=settings.SITE_URL, from_domain=_domain(wording))


def _are_good(raw: bytes, wording: Wording, values: Values) -> bool:
    """The rules of the checklist that a single person can break."""
    return (
        values.address.count("@") == 1
        and "@" not in values.name
        and values.message_id.endswith(f"@{_domain(wording)}>")
        and len(raw) <= mail_checks.MAX_BYTES
        and max(map(len, raw.split(b"\r\n"))) <= mail_checks.MAX_LINE
        and not mail_checks.UNRESOLVED_NAME.search(values.name)
        and not mail_checks.UNRESOLVED_NAME.search(values.customer)
    )


def _domain(wording: Wording) -> str:
    return wording.version.sender_email.rpartition("@")[2].lower()


def _fixed(values: Values) -> dict[str, str] | None:
    """Values of fixed length; None when one is not of ours."""
    found = {"boundary": values.boundary}
    links = (
        ("answer", "s", values.links.answer),
        ("stop", "u", values.links.unsubscribe),
        ("pit", "s", values.links.honeypot),
    )
    for slot, kind, href in links:
        start = f"{settings.SITE_URL}/{kind}/"
        found[slot] = href.removeprefix(start)
        if href and (not href.startswith(start) or len(found[slot]) != len(TOKENS[slot])):
            return None
    return found


def _cut(wording: Wording, slots: Values) -> Iterator[Piece]:
    """The rendered mail of the slots, header by header and line by line."""
    raw = emails.rendered(wording, slots)
    plain, html = emails.bodies(wording, slots)
    head, _, body = raw.partition(b"\r\n\r\n")
    for line in re.split(rb"\r\n(?![ \t])", head):
        name = line.partition(b":")[0].decode("ascii")
        if name in LATER:
            yield LaterHeader(name)
        else:
            yield from _sliced(line + b"\r\n", slots)
    yield b"\r\n"
    before, _, rest = body.partition(_crlf(emails.quoted(emails.wrapped(plain))))
    between, _, after = rest.partition(_crlf(emails.quoted(html)))
    yield from _sliced(before, slots)
    yield from _lines(plain.strip().splitlines(), slots, is_html=False)
    yield from _sliced(between, slots)
    lines = LINE_END.split(html)
    yield from _lines(lines[:-1], slots, is_html=True)
    yield from _sliced(_crlf(emails.quoted(lines[-1])), slots)
    yield from _sliced(after, slots)


def _lines(lines: list[str], slots: Values, *, is_html: bool) -> Iterator[Piece]:
    for line in lines:
        if NAME in line or CUSTOMER in line:
            yield NamedLine(tuple(_named(line, slots)), is_html)
            continue
        for one in [line] if is_html else emails.wrapped_line(line):
            yield from _sliced(_crlf(emails.quoted(one + "\n")), slots)


def _named(line: str, slots: Values) -> Iterator[str]:
    """Text and slot in turn."""
    places = {NAME: "name", CUSTOMER: "customer"} | {value: slot for slot, value in _fixed(slots).items()}
    for place, said in enumerate(re.split("(" + "|".join(map(re.escape, places)) + ")", line)):
        yield places[said] if place % 2 else said


def _sliced(raw: bytes, slots: Values) -> Iterator[Piece]:
    """Bytes, and slices of the values of fixed length; soft line breaks stay where they are."""
    fixed = {slot: value for slot, value in _fixed(slots).items() if value}
    # each letter as quoted-printable may write it: the boundary holds "=", but stands in no quoted text
    patterns = (f"(?P<{slot}>{SOFT.join(map(re.escape, value))})" for slot, value in fixed.items())
    last = 0
    for found in re.finditer("|".join(patterns).encode(), raw):
        yield raw[last : found.start()]
        last, start = found.end(), 0
        for part in found.group().split(b"=\r\n"):
            yield Slice(str(found.lastgroup), start, start + len(part))
            start += len(part)
            if start < len(fixed[str(found.lastgroup)]):
                yield b"=\r\n"
    yield raw[last:]


def _joined(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """Neighbouring bytes as one piece."""
    waiting = b""
    for piece in pieces:
        if isinstance(piece, bytes):
            waiting += piece
            continue
        if waiting:
            yield waiting
        waiting = b""
        yield piece
    if waiting:
        yield waiting


def _later(name: str, values: Values) -> bytes:
    if name == "To":
        value = emails.address(values.name, values.address)
    elif name == "Date":
        value = format_datetime(values.sent_at)
    else:
        value = values.message_id if name == "Message-ID" else values.first_id
    checked = emails.header(name, value)
    if (
        isinstance(checked, str)
        and len(name) + len(value) < SHORT
        and value.isascii()
        and value == value.strip()
    ):
        return f"{name}: {value}\r\n".encode("ascii")
    return _crlf(compat32.fold(name, checked))


def _crlf(text: str) -> bytes:
    return text.replace("\r\n", "\n").replace("\n", "\r\n").encode("ascii")


def _quoted_line(line: str) -> str:
    return emails.quoted(line).replace("\n", "\r\n")


def _is_short(line: str) -> bool:
    """Whether wrapping leaves the line as it is."""
    return len(line) <= emails.WRAP and line == " ".join(line.split())
