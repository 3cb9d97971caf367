"""Answers for when things go wrong: the calm page while the database is away, and the plain error page."""

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

RETRY_AFTER_S = 5
GOING_DOWN = frozenset(
    {"57P01", "57P02", "57P03", "53300"}
)  # shutting down, crashed, starting, too many connections


def is_outage(error: BaseException | None) -> bool:
    """Whether an error means that the database cannot be reached now, and not that a statement was wrong."""
    if isinstance(error, InterfaceError):
        return True
    if not isinstance(error, OperationalError):
        return False
    state = getattr(error.__cause__, "sqlstate", None)
    return state is None or state.startswith("08") or state in GOING_DOWN


def outage_answer(error: BaseException | None) -> HttpResponse | None:
    """503 with Retry-After when the error is an outage, else None. Needs neither database nor session."""
    if not is_outage(error):
        return None
    return HttpResponse(render_to_string("503.html"), status=503, headers={"Retry-After": str(RETRY_AFTER_S)})


def server_error(request: HttpRequest) -> HttpResponse:
    """Handler of status 500; the pages it shows are static."""
    return outage_answer(sys.exc_info()[1]) or HttpResponse(render_to_string("500.html"), status=500)
