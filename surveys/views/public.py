"""What the pages behind mailed links share: headers, the one not-found answer, the miss limit (S-91, S-99)."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.core.exceptions import BadRequest, SuspiciousOperation
from django.http import HttpRequest, HttpResponse, QueryDict, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation.trans_real import parse_accept_lang_header

from config.web import client
from config.work import limits
from surveys import tokens
from surveys.choices import TokenPurpose
from surveys.models import LinkToken
from surveys.queries import links, policy
from surveys.views.clients import fingerprints
from surveys.words import catalogue

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
    """A public page without login or cookie; HEAD gets the headers alone."""
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


def posted(request: HttpRequest) -> QueryDict:
    """What was sent. A body that cannot be read holds nothing: the form comes back and says what is missing."""
    try:
        return request.POST
    except (BadRequest, SuspiciousOperation, MultiPartParserError, UnreadablePostError):
        return QueryDict()


def language_of(request: HttpRequest, own: str = "") -> str:
    """The language asked for by `?lang=`, else the mail's, else what the browser prefers, else English."""
    wanted = request.GET.get("lang", "")
    if wanted in catalogue.languages():
        return wanted
    if own:
        return catalogue.known(own)
    for code, _ in parse_accept_lang_header(request.headers.get("Accept-Language", "")):
        if code.partition("-")[0] in catalogue.languages():
            return catalogue.known(code)
    return catalogue.DEFAULT


def frame(say: catalogue.Spoken, *, offered: Sequence[str] = (), help_to: str = "") -> dict[str, Any]:
    """What every page behind a mailed link needs: its words, its direction, and the other languages it can have."""
    switch = [(code, catalogue.words(code).name, code == say.language) for code in offered]
    return {
        "say": say,
        "lang": say.language,
        "dir": say.words.direction,
        "switch": switch if len(switch) > 1 else [],
        "help_to": help_to,
    }


def notice(
    request: HttpRequest, context: Mapping[str, Any], *, head: str, text: str, status: int = 200
) -> HttpResponse:
    """A page of one heading and one sentence."""
    words = {"title": head, "head": head, "said": text}
    return page(request, "surveys/notice.html", words | dict(context), status=status)


def wait(request: HttpRequest, context: Mapping[str, Any], say: catalogue.Spoken) -> HttpResponse:
    """Too many tries."""
    response = notice(request, context, head=say["wait_head"], text=say["wait_text"], status=429)
    response.headers["Retry-After"] = str(int(MISS_WINDOW.total_seconds()))
    return response


def too_long(request: HttpRequest, context: Mapping[str, Any], say: catalogue.Spoken) -> HttpResponse:
    """More than any answer can be."""
    return notice(request, context, head=say["long_head"], text=say["long_text"], status=413)


def not_found(request: HttpRequest) -> HttpResponse:
    """Unknown, altered and crossed links look the same; whoever guesses too often is told to wait."""
    say = catalogue.Spoken(language_of(request))
    context = frame(say, help_to=policy.help_address())
    if limits.allow("unknown link", client.network(request), limit=MISS_LIMIT, window=MISS_WINDOW):
        return notice(request, context, head=say["not_found_head"], text=say["not_found_text"], status=404)
    return wait(request, context, say)


def is_too_big(request: HttpRequest) -> bool:
    """Whether the body is longer than any answer can be."""
    length = str(request.META.get("CONTENT_LENGTH") or "0")
    return not length.isdigit() or int(length) > MAX_BODY
