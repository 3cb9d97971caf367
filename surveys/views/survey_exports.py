"""Survey data as CSV or JSON, for people with the right to export."""

import json
from collections.abc import Iterator
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.permissions import may_see_identities
from accounts.queries import organisation
from config.web.access import declare
from config.web.sheets import csv_response
from config.work import audit
from surveys.queries import exports, feed
from surveys.queries import policy as policies
from surveys.views.responses import filters_of, wanted_of

FORMS = ("csv", "json")


@require_safe
@declare(access="login", scope="customer", grant="export")
def survey_export(request: HttpRequest, what: str, form: str) -> HttpResponseBase:
    """Invitations, messages, events, responses or revisions of the reader's own customers; the log notes it."""
    if what not in exports.WHAT or form not in FORMS:
        raise Http404
    if not may_see_identities(request.user):
        message = "This file names people. It needs the right “see identities”. An admin can give it under Settings, Users."
        raise PermissionDenied(message)
    now = timezone.now()
    least = policies.current(now).anonymous_min_group
    answers = feed.filtered(request.user, wanted_of(request.GET), least_anonymous=least)
    found = exports.export_of(what, request.user, answers=answers)
    zone = organisation.zone(request.organisation)  # type: ignore[attr-defined] - third-party-type
    after = {"what": what, "form": form, "filters": filters_of(request.GET)}
    audit.record(by=request.user, now=now, action="survey.exported", after=after)
    name = f"survey-{what}-{organisation.local_day(now)}"
    if form == "csv":
        return csv_response(f"{name}.csv", found.header(), found.lines(zone))
    response = StreamingHttpResponse(
        _objects(found.header(), found.lines(zone)), content_type="application/json"
    )
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.json"'
    return response


def _objects(header: list[str], lines: Iterator[list[Any]]) -> Iterator[str]:
    """A JSON list, one object per line; text is text here, no apostrophe is added."""
    yield "[\n"
    for place, line in enumerate(lines):
        yield (",\n" if place else "") + json.dumps(dict(zip(header, line, strict=True)), ensure_ascii=False)
    yield "\n]\n"
