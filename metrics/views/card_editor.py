"""The card editor: a draft, its parts, and what they come to before anything is stored."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from accounts.choices import Role
from config.web.access import declare
from config.web.errors import DomainError
from config.web.forms import refuse
from config.web.htmx import page_or_part
from metrics.forms.scorecards import GROUP, MEASURE, WeightsForm
from metrics.models import ScorecardVersion
from metrics.queries.scorecards import draft_for, versions_of
from metrics.services import scorecards
from metrics.services.scorecards import DraftChangedError
from metrics.views.scorecard_tables import checks, weights_table

ADMINS = (Role.ADMIN,)


@require_http_methods(["GET", "HEAD", "POST"])
@declare(access="login", scope="organisation", roles=ADMINS)
def scorecard_draft(request: HttpRequest, pk: int) -> HttpResponse:
    """Edit the weights of a draft. A save that comes second is told what the first one stored."""
    draft = draft_or_404(pk)
    form = _weights_form(request, draft)
    status = 200
    if form.is_bound:
        now = timezone.now()
        if form.is_valid() and _save(request, draft, form, now):
            return redirect(
                "metrics:scorecard_preview" if "preview" in request.POST else "metrics:scorecard_draft", pk=pk
            )
        status = 422
        draft = draft_or_404(pk)
    context = _draft_context(draft, form)
    return page_or_part(request, "metrics/scorecard_draft.html", context=context, status=status)


@require_POST
@declare(access="login", scope="organisation", roles=ADMINS)
def scorecard_weights(request: HttpRequest, pk: int) -> HttpResponse:
    """The weights table with the shares of what is typed; nothing is stored."""
    draft = draft_or_404(pk)
    form = _weights_form(request, draft)
    valid = form.is_valid()
    if valid:
        draft.body = scorecards.with_weights(draft.body, form.weights(GROUP), form.weights(MEASURE))
    context = _draft_context(draft, form)
    return page_or_part(
        request,
        "metrics/scorecard_draft.html",
        parts=["scorecard_weights"],
        context=context,
        status=200 if valid else 422,
    )


def draft_or_404(pk: int) -> ScorecardVersion:
    """The draft of a page, 404 for what is no draft (any more)."""
    draft = draft_for(pk)
    if draft is None:
        raise Http404
    return draft


def _weights_form(request: HttpRequest, draft: ScorecardVersion) -> WeightsForm:
    data = request.POST if request.method == "POST" else None
    return WeightsForm(data, card=scorecards.weighted_card(draft), initial={"version": draft.version})


def _save(request: HttpRequest, draft: ScorecardVersion, form: WeightsForm, now: datetime) -> bool:
    try:
        scorecards.save_draft(
            draft=draft,
            group_weights=form.weights(GROUP),
            measure_weights=form.weights(MEASURE),
            version=form.cleaned_data["version"],
            by=request.user,
            now=now,
        )
    except DraftChangedError as error:
        form.data = {**form.data.dict(), "version": str(error.current.version)}
        refuse(form, error)
        return False
    except DomainError as error:
        refuse(form, error)
        return False
    messages.success(request, "The draft is saved.")
    return True


def _draft_context(draft: ScorecardVersion, form: WeightsForm) -> dict[str, Any]:
    card = scorecards.weighted_card(draft)
    base = scorecards.weighted_card(draft.base) if draft.base else None
    return {
        "draft": draft,
        "form": form,
        "weights": weights_table(card, form=form, base=base),
        "share_sum": 1 if card.base_total else 0,
        "checks": checks(card),
        "bands": card.bands,
        "versions": list(versions_of(draft.scorecard_id)),
        "is_conflict": form.is_bound and bool(form.non_field_errors()),
    }
