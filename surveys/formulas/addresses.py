"""One key per mail address, so that case and space twins are one person (S-44)."""

import hashlib
import hmac
import re
import unicodedata

_LOCAL = re.compile(r"[!#$%&'*+/=?^_`{|}~a-z0-9-]+(\.[!#$%&'*+/=?^_`{|}~a-z0-9-]+)*")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
MAX_ADDRESS = 254  # characters, RFC 5321
MAX_LOCAL = 64


def address_key(raw: str) -> str | None:
    """Trimmed, NFC, lower case, domain in IDNA form, plus tags kept; None when it cannot be mailed.

    Refused: no dot in the domain, address literals, a local part that is not ASCII.
    """
    text = unicodedata.normalize("NFC", raw).strip().lower()
    local, at, domain = text.rpartition("@")
    if not at or len(local) > MAX_LOCAL or not _LOCAL.fullmatch(local):
        return None
    domain = _ascii_domain(domain)
    key = f"{local}@{domain}"
    return key if domain and len(key) <= MAX_ADDRESS else None


def _ascii_domain(domain: str) -> str:
    try:
        plain = domain.encode("idna").decode("ascii")
    except UnicodeError:
        return ""
    labels = plain.split(".")
    good = len(labels) > 1 and all(_LABEL.fullmatch(label) for label in labels) and not labels[-1].isdigit()
    return plain if good else ""


def keyed_hash(pepper: bytes, key: str) -> str:
    """HMAC-SHA256 of an address key, hex; what suppressions and clocks are stored under (S-120)."""
    return hmac.new(pepper, key.encode(), hashlib.sha256).hexdigest()


def domain_of(key: str) -> str:
    """The receiving domain of an address key."""
    return key.rpartition("@")[2]
