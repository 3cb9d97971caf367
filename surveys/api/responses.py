"""Read API of answers: keyset pages in the order of their last change, under the rights of the signed-in user (S-145)."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from accounts.permissions import may_see_identities
from config.web.access import declare
from surveys.choices import ResponseStatus
from surveys.models import Response
from surveys.queries.responses import named_rows

PAGE, MOST = 100, 500
ID_DIGITS = 18
SHOWN = (ResponseStatus.COUNTED, ResponseStatus.VOID)  # a void one says so, that copies elsewhere can follow


class BadParameterError(Exception):
    """Arguments: what is wrong in words, the parameter's name."""


@require_safe
@declare(access="login", scope="customer")
def responses(request: HttpRequest) -> JsonResponse:
    """Answers changed at or after `updated_since`, oldest change first; `next` leads on, null at the end."""
    if not may_see_identities(request.user):
        return _error(
            403,
            "forbidden",
            "Not allowed",
            "Named answers need the right “see identities”. An admin can give it.",
        )
    try:
        since, after, size = _since(request), _cursor(request), _size(request)
    except BadParameterError as error:
        return _error(400, "bad_parameter", "A parameter cannot be read", *error.args)
    rows = named_rows(Response.objects.filter(status__in=SHOWN), request.user)
    rows = rows.select_related("customer", "contact", "campaign")
    if since is not None:
        rows = rows.filter(updated_at__gte=since)
    if after is not None:
        rows = rows.filter(Q(updated_at__gt=after[0]) | Q(updated_at=after[0], pk__gt=after[1]))
    found = list(rows.order_by("updated_at", "pk")[: size + 1])
    more = found[size - 1] if len(found) > size else None
    return JsonResponse(
        {
            "results": [_row(response) for response in found[:size]],
            "next": _next(request, more, size) if more else None,
        }
    )


def _row(response: Response) -> dict[str, Any]:
    return {
        "id": response.pk,
        "status": response.status,
        "customer_id": response.customer_id,
        "customer": response.customer.name if response.customer else None,
        "contact_email": response.contact.email if response.contact else None,
        "kind": response.kind,
        "score": response.score,
        "scale_min": response.scale_min,
        "scale_max": response.scale_max,
        "direction": response.direction,
        "comment": response.comment,
        "wants_contact": response.wants_contact,
        "campaign": response.campaign.name if response.campaign else response.campaign_name or None,
        "series": response.series_key,
        "nature": response.nature,
        "channel": response.channel,
        "language": response.language,
        "phase": response.phase or None,
        "revision": response.revision,
        "sent_at": _utc(response.sent_at),
        "answered_at": _utc(response.answered_at),
        "updated_at": _utc(response.updated_at),
    }


def _utc(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat() if moment else None


def _next(request: HttpRequest, last: Response, size: int) -> str:
    state = {"cursor": f"{_utc(last.updated_at)}_{last.pk}", "limit": size}
    if request.GET.get("updated_since"):
        state["updated_since"] = request.GET["updated_since"]
    return request.build_absolute_uri(f"{request.path}?{urlencode(state)}")


def _since(request: HttpRequest) -> datetime | None:
    text = request.GET.get("updated_since", "")
    return _instant(text, "updated_since") if text else None


def _cursor(request: HttpRequest) -> tuple[datetime, int] | None:
    text = request.GET.get("cursor", "")
    if not text:
        return None
    moment, _, pk = text.partition("_")
    if not (pk.isascii() and pk.isdigit() and len(pk) <= ID_DIGITS):
        raise BadParameterError("cursor is not one of ours. Begin again without it.", "cursor")
    return _instant(moment, "cursor"), int(pk)


def _instant(text: str, name: str) -> datetime:
    # A plus sign that was not encoded arrives as a blank.
    try:
        moment = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise BadParameterError(
            f"{name} needs an instant with its offset, such as 2026-03-16T10:00:00Z.", name
        )
    return moment


def _size(request: HttpRequest) -> int:
    text = request.GET.get("limit", str(PAGE))
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(MOST)) and 1 <= int(text) <= MOST):
        raise BadParameterError(f"limit is a whole number from 1 to {MOST}.", "limit")
    return int(text)


def _error(status: int, code: str, title: str, message: str, field: str = "") -> JsonResponse:
    """The problem as RFC 9457 names its parts, and the field at fault where there is one."""
    errors = [{"field": field, "code": code, "message": message}] if field else []
    return JsonResponse({"type": code, "title": title, "detail": message, "errors": errors}, status=status)
