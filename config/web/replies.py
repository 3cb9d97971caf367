"""How views answer after a write: parts refresh themselves, without script the reader goes back to a page."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme

from config.web.htmx import part_or_page

CLOSED_DRAWER = '<dialog class="drawer" id="drawer" aria-labelledby="drawer-h" hx-swap-oob="true"></dialog>'
CHANGED = "customer-changed"  # parts of pages listen for it and load themselves again


def saved(request: HttpRequest, message: str, *, href: str, undo: str = "") -> HttpResponse:
    """The write is stored: a toast says so, with a button that posts to `undo` where the write can be taken back.

    htmx: the drawer closes and parts refresh; else the page is shown.
    """
    messages.success(request, message, extra_tags=undo)
    if not getattr(request, "htmx", False):
        return HttpResponseRedirect(_back(request, href))
    return HttpResponse(CLOSED_DRAWER, headers={"HX-Reswap": "none", "HX-Trigger": CHANGED})


def refused(request: HttpRequest, message: str, *, href: str) -> HttpResponse:
    """A rule said no to a single button: a toast says why, and parts refresh to show what holds now."""
    messages.error(request, message)
    if not getattr(request, "htmx", False):
        return HttpResponseRedirect(_back(request, href))
    return HttpResponse("", headers={"HX-Reswap": "none", "HX-Trigger": CHANGED}, content_type="text/html")


def drawer(
    request: HttpRequest, part: str, *, title: str, form: Any, href: str, **context: Any
) -> HttpResponse:
    """A form (template `part`) in the drawer, or on its own page; 422 when it was sent and refused."""
    status = 422 if form.is_bound and form.errors else 200
    values = {"form": form, "title": title, "back": href, **context}
    return part_or_page(request, part, title=title, context=values, status=status)


def _back(request: HttpRequest, href: str) -> str:
    """The page named by the form, if it is a path of ours."""
    wanted = request.POST.get("next", "")
    is_ours = wanted.startswith("/") and url_has_allowed_host_and_scheme(wanted, allowed_hosts=None)
    return wanted if is_ours else href
