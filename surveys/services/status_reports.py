"""Reading delivery status reports (RFC 3464) and complaints (RFC 5965) out of a bounce mailbox."""

import hashlib
import re
from datetime import UTC, datetime
from email import message_from_bytes, message_from_string, policy
from email.message import EmailMessage
from email.utils import parsedate_to_datetime

from surveys.services.provider_events import Report

SOURCE = "mailbox"
OUR_ID = re.compile(r"\+([0-9a-f]{32})@")  # in the envelope sender of a mail with BOUNCE_ADDRESS
_ID_LINE = re.compile(r"^message-id:\s*(<[^>\s]{1,190}>)", re.IGNORECASE | re.MULTILINE)


def reports_in(raw: bytes, *, now: datetime) -> list[Report]:
    """The bounces and complaints a mail speaks of. Auto-replies, delays and everything else give none."""
    try:
        mail: EmailMessage = message_from_bytes(raw, policy=policy.compat32)  # type: ignore[assignment]
        if mail.get_content_type() != "multipart/report":
            return []
        wanted = str(mail.get_param("report-type", "")).lower()
        if wanted == "delivery-status":
            return _bounces(mail, now)
        return _complaints(mail, now) if wanted == "feedback-report" else []
    except (ValueError, LookupError, TypeError, AttributeError):  # parsers meet anything in such a mailbox
        return []


def _bounces(mail: EmailMessage, now: datetime) -> list[Report]:
    message_id, at = _original_id(mail), _date_of(mail, now)
    found = []
    for fields in _blocks(mail, "message/delivery-status"):
        address = _typed(fields.get("final-recipient", "") or fields.get("original-recipient", ""))
        if not address or fields.get("action", "").strip().lower() != "failed":
            continue
        status = f"{fields.get('status', '').split(' ')[0]} {_typed(fields.get('diagnostic-code', ''))}"
        found.append(_report("bounced", message_id, address, at, status=" ".join(status.split())))
    return found


def _complaints(mail: EmailMessage, now: datetime) -> list[Report]:
    for fields in _blocks(mail, "message/feedback-report"):
        if fields.get("feedback-type", "").strip().lower() == "abuse":
            address = _typed(fields.get("original-rcpt-to", "")).strip("<>")
            return [_report("complained", _original_id(mail), address, _date_of(mail, now))]
    return []


def _report(type_: str, message_id: str, recipient: str, at: datetime, *, status: str = "") -> Report:
    """The id follows from the content, so that reading a mailbox twice reports nothing twice."""
    named = f"{type_}\n{message_id}\n{recipient.lower()}\n{status}\n{at.isoformat()}"
    return Report(
        source=SOURCE,
        type=type_,
        occurred_at=at,
        event_id=hashlib.sha256(named.encode("utf-8", "replace")).hexdigest(),
        message_id=message_id,
        recipient=recipient,
        status=status,
    )


def _blocks(mail: EmailMessage, content_type: str) -> list[dict[str, str]]:
    """Groups of fields in the machine-readable part; names in lower case."""
    for part in mail.walk():
        if part.get_content_type() == content_type:
            payload = part.get_payload()
            groups = payload if isinstance(payload, list) else [message_from_string(str(payload))]
            return [
                {name.lower(): " ".join(str(value).split()) for name, value in group.items()}
                for group in groups
            ]
    return []


def _typed(value: str) -> str:
    """`rfc822; someone@example.com` without its type."""
    return value.partition(";")[2].strip() if ";" in value else value.strip()


def _original_id(mail: EmailMessage) -> str:
    """Message-ID of the mail that came back: by our own bounce address, else from its returned headers."""
    for name in ("To", "Delivered-To", "X-Original-To"):
        named = OUR_ID.search(str(mail.get(name, "")))
        if named:
            return named[1]
    for part in mail.walk():
        if part.get_content_type() == "text/rfc822-headers":
            line = _ID_LINE.search(_text_of(part))
            return line[1] if line else ""
        if part.get_content_type() == "message/rfc822" and isinstance(part.get_payload(), list):
            return str(part.get_payload()[0].get("Message-ID", "")).strip()  # type: ignore[union-attr,index]
    return ""


def _text_of(part: EmailMessage) -> str:
    found = part.get_payload(decode=True)
    return found.decode("utf-8", "replace") if isinstance(found, bytes) else ""


def _date_of(mail: EmailMessage, now: datetime) -> datetime:
    """The report's own date, never in the future."""
    try:
        found = parsedate_to_datetime(str(mail.get("Date", "")))
    except ValueError:
        return now
    return min(found if found.tzinfo else found.replace(tzinfo=UTC), now)
