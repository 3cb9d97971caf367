"""The effect of a draft on every customer, before anybody approves it."""

from datetime import date
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.choices import Role
from accounts.queries.organisation import local_day
from config.web.access import declare
from config.web.htmx import page_or_part
from customers.queries.access import customers_for
from metrics.choices import CardKind
from metrics.formulas.health_cards import CardError
from metrics.models import ScorecardVersion
from metrics.queries.card_moves import movers_of, moves_of, owners_of
from metrics.queries.card_preview import preview_of, promise_of
from metrics.services import scorecards
from metrics.views.card_editor import draft_or_404
from metrics.views.card_preview_tables import preview_tables

ADMINS = (Role.ADMIN,)
PAGE_SIZE = 50  # customers of a cell on one page


@require_safe
@declare(access="login", scope="organisation", roles=ADMINS)
def scorecard_preview(request: HttpRequest, pk: int) -> HttpResponse:
    """Who would change band if the draft were published today. Scores nothing; notes what was promised."""
    draft, today, now = draft_or_404(pk), _today(request), timezone.now()
    context: dict[str, Any] = {"draft": draft, "today": today, "edit": _editor_of(draft)}
    try:
        preview = preview_of(draft, as_of=today, now=now)
    except CardError as error:
        context["problems"] = error.problems
    else:
        movers = movers_of(preview, as_of=today, now=now, readers=customers_for(request.user))
        context |= {"preview": preview, "movers": movers, **preview_tables(preview, owners_of(preview))}
        scorecards.note_preview(draft=draft, summary=promise_of(preview, as_of=today), now=now)
    return page_or_part(request, "metrics/scorecard_preview.html", context=context)


@require_safe
@declare(access="login", scope="organisation", roles=ADMINS)
def preview_customers(request: HttpRequest, pk: int) -> HttpResponse:
    """The customers of one cell of the matrix, the largest MRR first."""
    draft = draft_or_404(pk)
    try:
        preview = preview_of(draft, as_of=_today(request), now=timezone.now())
    except CardError as error:
        raise Http404 from error
    rows = {band.key: band for band in preview.rows}
    columns = {band.key: band for band in preview.columns}
    before, after = rows.get(request.GET.get("from", "")), columns.get(request.GET.get("to", ""))
    if before is None or after is None:
        raise Http404
    places = preview.members(before.key, after.key)
    number = _page_number(request.GET.get("page", ""), -(-len(places) // PAGE_SIZE))
    shown = places[(number - 1) * PAGE_SIZE : number * PAGE_SIZE]
    context = {
        "draft": draft,
        "edit": _editor_of(draft),
        "before": before,
        "after": after,
        "cell": preview.cells[before.key, after.key],
        "moves": moves_of(preview, shown, customers_for(request.user)),
        "number": number,
        "pages": max(1, -(-len(places) // PAGE_SIZE)),
        "first": (number - 1) * PAGE_SIZE + 1,
        "last": (number - 1) * PAGE_SIZE + len(shown),
    }
    return page_or_part(
        request, "metrics/preview_customers.html", parts=["preview_customers"], context=context
    )


def _editor_of(draft: ScorecardVersion) -> str:
    """Where the draft is edited."""
    is_rules = draft.kind == CardKind.RULES
    return reverse("metrics:rules_draft" if is_rules else "metrics:scorecard_draft", args=[draft.pk])


def _page_number(text: str, last: int) -> int:
    number = int(text) if text.isascii() and text.isdigit() and len(text) < len(str(10**9)) else 1
    return min(max(1, number), max(1, last))


def _today(request: HttpRequest) -> date:
    return local_day(timezone.now(), request.organisation)  # type: ignore[attr-defined] - third-party-type
