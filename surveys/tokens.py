"""Secrets of mailed links and of the answer form. Only hashes are stored; nothing is derived from a primary key."""

import hashlib
import hmac
import secrets
from datetime import UTC, datetime, timedelta

from django.conf import settings

TOKEN_BYTES = 16  # 128 bits; short enough for one header line
NONCE_LIVES = timedelta(hours=24)  # an older form is shown once more
CLOCK_SLACK = timedelta(minutes=5)  # two web machines may disagree by this much


def mint() -> tuple[str, str]:
    """A new link secret and its SHA-256 in hex."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    return token, digest(token)


def digest(secret: str) -> str:
    """SHA-256 in hex: what is stored of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def form_nonce(token_hash: str, issued_at: datetime) -> str:
    """Proof that we gave out this form for this link at this moment; stands in for a login cookie (S-94)."""
    stamp = str(int(issued_at.timestamp() * 1000))
    return f"{stamp}.{_sign(settings.SECRET_KEY, token_hash, stamp)}"


def nonce_issued_at(nonce: str, token_hash: str, now: datetime) -> datetime | None:
    """When the form was given out; None when the proof is missing, wrong, older than a day or from the future."""
    stamp, _, signature = nonce.partition(".")
    if not stamp.isascii() or not stamp.isdigit() or len(stamp) > len("9999999999999"):
        return None
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    if not any(
        hmac.compare_digest(signature.encode(), _sign(key, token_hash, stamp).encode()) for key in keys
    ):
        return None
    issued_at = datetime.fromtimestamp(int(stamp) / 1000, tz=UTC)
    return issued_at if now - NONCE_LIVES <= issued_at <= now + CLOCK_SLACK else None


def _sign(key: str, token_hash: str, stamp: str) -> str:
    return hmac.new(key.encode(), f"answer-form:{token_hash}:{stamp}".encode(), hashlib.sha256).hexdigest()


def fingerprint(network: str, browser: str, day: str) -> str:
    """Which client looked, without saying who: a keyed hash of network and browser string, new every day."""
    text = f"visit:{day}:{network}:{browser}"
    return hmac.new(settings.SECRET_KEY.encode(), text.encode(), hashlib.sha256).hexdigest()[:32]
