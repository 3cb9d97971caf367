"""The effect of a draft on every customer, before anybody approves it."""

from datetime import date
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.choices import Role
from accounts.queries.organisation import local_day
from config.web.access import declare
from config.web.htmx import page_or_part
from metrics.forms.scorecards import PublishForm
from metrics.formulas.health_cards import CardError, read_card
from metrics.models import ScorecardVersion
from metrics.queries.card_preview import preview_of
from metrics.views.card_editor import draft_or_404
from metrics.views.scorecard_tables import preview_tables

ADMINS = (Role.ADMIN,)


@require_safe
@declare(access="login", scope="organisation", roles=ADMINS)
def scorecard_preview(request: HttpRequest, pk: int) -> HttpResponse:
    """Who would change band if the draft were published today. Writes nothing."""
    return preview_page(request, draft_or_404(pk), PublishForm())


def preview_page(
    request: HttpRequest, draft: ScorecardVersion, form: PublishForm, status: int = 200
) -> HttpResponse:
    """The preview page with the form that sends the draft on; `form` keeps what was typed and refused."""
    context: dict[str, Any] = {"draft": draft, "form": form, "today": _today(request)}
    form.initial = {"version": draft.version}
    try:
        read_card(draft.body)
    except CardError as error:
        context["problems"] = error.problems
    else:
        preview = preview_of(draft, as_of=context["today"])
        context |= {"preview": preview, **preview_tables(preview)}
    return page_or_part(request, "metrics/scorecard_preview.html", context=context, status=status)


def _today(request: HttpRequest) -> date:
    return local_day(timezone.now(), request.organisation)  # type: ignore[attr-defined] - third-party-type
