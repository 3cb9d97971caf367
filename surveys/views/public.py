"""What the pages behind mailed links share: headers, the one not-found answer, the miss limit (S-91, S-99)."""

from datetime import timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils import timezone

from config.web import client
from config.work import limits
from surveys import tokens
from surveys.choices import TokenPurpose
from surveys.models import LinkToken
from surveys.queries import links
from surveys.views.clients import fingerprints

MISS_LIMIT, MISS_WINDOW = 30, timedelta(minutes=10)  # unknown links per client network
MAX_BODY = 16 * 1024  # bytes
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; form-action 'self';"
    " base-uri 'none'; object-src 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex, nofollow",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
}


def page(
    request: HttpRequest, template: str, context: dict[str, Any] | None = None, status: int = 200
) -> HttpResponse:
    """A public page without login, cookie or script; HEAD gets the headers alone."""
    html = "" if request.method == "HEAD" else render_to_string(template, context or {})
    return sealed(HttpResponse(html, status=status))


def sealed(response: HttpResponse) -> HttpResponse:
    """The headers of every answer behind a mailed link."""
    for name, value in HEADERS.items():
        response.headers[name] = value
    return response


def find_link(token: str, *purposes: TokenPurpose) -> LinkToken | None:
    """The link of that secret for one of the purposes; the same work for every kind of miss."""
    return links.find(tokens.digest(token), *purposes, now=timezone.now())


def find_link_to_press(request: HttpRequest, token: str, *purposes: TokenPurpose) -> LinkToken | None:
    """The same for a POST, with what is known of this client's looks."""
    now = timezone.now()
    clients = fingerprints(request, now)
    return links.find_for_press(tokens.digest(token), *purposes, clients=clients, now=now)


def not_found(request: HttpRequest) -> HttpResponse:
    """Unknown, altered and crossed links look the same; whoever guesses too often is told to wait."""
    if limits.allow("unknown link", client.network(request), limit=MISS_LIMIT, window=MISS_WINDOW):
        return page(request, "surveys/link_not_found.html", status=404)
    response = page(request, "surveys/link_wait.html", status=429)
    response.headers["Retry-After"] = str(int(MISS_WINDOW.total_seconds()))
    return response


def is_too_big(request: HttpRequest) -> bool:
    """Whether the body is longer than any answer can be."""
    length = str(request.META.get("CONTENT_LENGTH") or "0")
    return not length.isdigit() or int(length) > MAX_BODY
