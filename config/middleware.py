"""What every answer gets: headers, a calm page while the database is away, and htmx manners."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth import logout
from django.contrib.messages import get_messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import resolve_url
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.functional import SimpleLazyObject
from django.utils.http import urlencode

from accounts.queries import organisation
from config.sessions import SEEN, STARTED
from config.web.client import address, network
from config.web.failures import outage_answer
from config.work import limits

Answer = Callable[[HttpRequest], HttpResponseBase]

FEATURES_OFF = (
    "accelerometer", "autoplay", "camera", "display-capture", "encrypted-media", "fullscreen", "geolocation",
    "gyroscope", "magnetometer", "microphone", "midi", "payment", "picture-in-picture", "publickey-credentials-get",
    "screen-wake-lock", "sync-xhr", "usb", "xr-spatial-tracking",
)  # fmt: skip
HEADERS = {
    "Permissions-Policy": ", ".join(f"{feature}=()" for feature in FEATURES_OFF),
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
SIGNED_OUT = '"cache", "cookies", "storage"'
IDLE_S = 60 * 60  # an unattended desk is signed out after an hour
DAY_S, ADMIN_DAY_S = 12 * 3600, 8 * 3600  # and everybody after a working day, admins sooner
TOUCH_S = 5 * 60  # use is written down at most this often
MINUTE = timedelta(minutes=1)
PER_ADDRESS, PER_NETWORK = 30, 120  # posts a minute; an office shares an address
GUARDED = frozenset(
    {"account_login", "account_reset_password", "account_reset_password_from_key", "accounts:accept_invite"}
)
REDIRECTS = frozenset({301, 302, 303, 307, 308})


class HeadersMiddleware:
    """The headers of every answer, static files and errors included; a view may set its own before."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response


class DatabaseOutageMiddleware:
    """While the database is away a view answers 503 with the moment to try again, not 500."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, _request: HttpRequest, exception: Exception) -> HttpResponse | None:
        return outage_answer(exception)


class PageMiddleware:
    """Pages: session limits, the reader's time zone, no-store, and redirects and messages as htmx wants them."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request.now = datetime.fromtimestamp(time.time(), tz=UTC)  # type: ignore[attr-defined] - third-party-type
        request.organisation = SimpleLazyObject(organisation.current)  # type: ignore[attr-defined] - third-party-type
        _ignore_nonsense(request)
        _end_if_over(request)
        with _zone_of_reader(request):
            response = self.get_response(request)
        patch_vary_headers(response, ["HX-Request", "HX-Target", "Cookie"])
        response.headers.setdefault("Cache-Control", "no-store")
        if request.path == resolve_url("account_logout") and request.method == "POST":
            response.headers["Clear-Site-Data"] = SIGNED_OUT
        return _for_htmx(request, response) if getattr(request, "htmx", False) else response

    def process_view(self, request: HttpRequest, *_view: object) -> HttpResponse | None:
        """Bound anonymous sign-in, reset and invitation posts before any password is hashed."""
        route = request.resolver_match.view_name if request.resolver_match else ""
        if request.method != "POST" or route not in GUARDED:
            return None
        by_address = limits.allow("sign-in", address(request), limit=PER_ADDRESS, window=MINUTE)
        if by_address and limits.allow("sign-in-net", network(request), limit=PER_NETWORK, window=MINUTE):
            return None
        return HttpResponse(
            render_to_string("429.html"),
            status=429,
            headers={"Retry-After": str(int(MINUTE.total_seconds()))},
        )


def _ignore_nonsense(request: HttpRequest) -> None:
    """Pages are UTF-8 whatever charset a client names, and an htmx address that cannot be read is none."""
    if request.encoding is not None:
        request.encoding = None
    try:
        urlsplit(request.META.get("HTTP_HX_CURRENT_URL", ""))
    except ValueError:
        del request.META["HTTP_HX_CURRENT_URL"]
        request.__dict__.pop("headers", None)  # a copy that Django keeps


def _end_if_over(request: HttpRequest) -> None:
    """Sign out who has been idle too long or signed in for longer than a working day."""
    session = request.session
    if settings.SESSION_COOKIE_NAME not in request.COOKIES or not request.user.is_authenticated:
        return
    now = int(time.time())
    seen, started = session.get(SEEN, now), session.get(STARTED, now)
    longest = ADMIN_DAY_S if request.user.is_admin else DAY_S
    if now - seen > IDLE_S or now - started > longest:
        logout(request)
    elif now - seen > TOUCH_S:
        session.modified = True


def _zone_of_reader(request: HttpRequest) -> AbstractContextManager[object]:
    """Moments are shown in the reader's own zone, else in the organisation's."""
    if settings.SESSION_COOKIE_NAME not in request.COOKIES or not request.user.is_authenticated:
        return nullcontext()
    name = request.user.time_zone or request.organisation.time_zone  # type: ignore[attr-defined] - third-party-type
    return timezone.override(ZoneInfo(name))


def _for_htmx(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """A redirect becomes a visit of the whole page; waiting messages ride along as toasts."""
    if response.status_code in REDIRECTS:
        target = response.headers["Location"]
        if urlsplit(target).path == resolve_url(settings.LOGIN_URL):
            target = _login_and_back(request)
        moved = HttpResponse(headers={"HX-Redirect": target, "Cache-Control": "no-store"})
        moved.cookies = response.cookies
        return moved
    if isinstance(response, HttpResponse) and response.headers.get("Content-Type", "").startswith(
        "text/html"
    ):
        waiting = list(get_messages(request))
        if waiting:
            response.content += render_to_string("components/toasts_oob.html", {"messages": waiting}).encode()
    return response


def _login_and_back(request: HttpRequest) -> str:
    """The login page, returning to the page the reader was on, not to the part that failed."""
    page = urlsplit(request.headers.get("HX-Current-URL", "/"))
    back = f"{page.path}?{page.query}" if page.query else page.path
    return f"{resolve_url(settings.LOGIN_URL)}?{urlencode({'next': back})}"
