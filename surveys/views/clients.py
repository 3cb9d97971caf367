"""How the client behind a mailed link shows itself: the HTTP side of a look and of a press."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.http import HttpRequest

from config.web import client
from surveys import tokens
from surveys.services.evidence import Press
from surveys.services.visits import Look

MOST = 7  # digits of a number that the page script may report
CHROMIUM = ("Chrome/", "Chromium/", "Edg/", "OPR/")


def fingerprints(request: HttpRequest, now: datetime) -> tuple[str, str]:
    """Today's and yesterday's name of this client, so that rules hold across midnight."""
    network, browser = client.network(request), _browser(request)
    today, yesterday = (
        tokens.fingerprint(network, browser, f"{day:%Y-%m-%d}") for day in (now, now - timedelta(days=1))
    )
    return today, yesterday


def look_of(request: HttpRequest, *, score: int | None, scanners: Sequence[str], now: datetime) -> Look:
    """One GET or HEAD as its client showed itself. `scanners` are parts of browser strings, from the policy."""
    headers = request.headers
    purpose = headers.get("Sec-Purpose", "") + headers.get("Purpose", "") + headers.get("X-Moz", "")
    return Look(
        method=request.method or "GET",
        score=score,
        fingerprint=fingerprints(request, now)[0],
        is_prefetch="prefetch" in purpose.lower() or "preview" in purpose.lower(),
        fetch_mode=headers.get("Sec-Fetch-Mode", ""),
        has_fetch_user="Sec-Fetch-User" in headers,
        is_scanner=_is_scanner(request, scanners),
        is_chromium=_is_chromium(request),
    )


def press_of(
    request: HttpRequest, *, issued_at: datetime | None, scanners: Sequence[str], now: datetime
) -> Press:
    """One POST as its client showed itself, with what the page script put into its two hidden fields."""
    events = request.POST.get("input_events", "")
    return Press(
        fingerprints=fingerprints(request, now),
        form_issued_at=issued_at,
        is_scanner=_is_scanner(request, scanners),
        is_chromium=_is_chromium(request),
        fetch_mode=request.headers.get("Sec-Fetch-Mode", ""),
        has_fetch_user="Sec-Fetch-User" in request.headers,
        typed_ms=_number(request.POST.get("typed_ms", "")),
        input_events=_number(events),
        ran_script=_number(events, missing=-1) >= 0,
    )


def _browser(request: HttpRequest) -> str:
    return request.headers.get("User-Agent", "")


def _is_chromium(request: HttpRequest) -> bool:
    return any(mark in _browser(request) for mark in CHROMIUM)


def _is_scanner(request: HttpRequest, scanners: Sequence[str]) -> bool:
    browser = _browser(request).lower()
    return any(part.lower() in browser for part in scanners if part)


def _number(text: str, missing: int = 0) -> int:
    """What a script reported; nonsense is nothing."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MOST else missing
