"""Scorecards: what is in force, drafts, the effect of a draft, and publishing it."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts.choices import Role
from config.web.access import declare
from config.web.errors import DomainError
from config.web.forms import refuse
from config.web.htmx import page_or_part
from customers.queries.access import customers_for
from metrics.forms.scorecards import PublishForm
from metrics.queries.scorecards import default_scorecard, live_version, version_by_id, versions_of
from metrics.queries.shown_customers import bands_in
from metrics.services import scorecards
from metrics.views.card_editor import draft_or_404
from metrics.views.card_preview import preview_page
from metrics.views.scorecard_tables import bands_summary, bands_table, least_share, weights_table

ADMINS = (Role.ADMIN,)


@require_safe
@declare(access="login", scope="customer")
def health_settings(request: HttpRequest) -> HttpResponse:
    """Scorecards: the version in force, customers and MRR per band in the reader's book, drafts, versions."""
    card = default_scorecard()
    live = live_version(card.pk) if card else None
    context: dict[str, Any] = {"card": card, "live": live, "may_edit": request.user.role == Role.ADMIN}
    if card is not None and live is not None:
        body = scorecards.weighted_card(live)
        context |= {
            **bands_summary(bands_table(body.bands, bands_in(customers_for(request.user)))),
            "weights": weights_table(body),
            "least": least_share(body),
            "versions": list(versions_of(card.pk)),
        }
    return page_or_part(request, "metrics/health_settings.html", context=context)


@require_safe
@declare(access="login", scope="organisation")
def scorecard(request: HttpRequest, pk: int) -> HttpResponse:
    """One version as it is or was in force: weights, curves, missing-data rules, bands."""
    version = version_by_id(pk)
    if version is None:
        raise Http404
    if version.number is None:
        return redirect("metrics:scorecard_draft", pk=pk)
    card = scorecards.weighted_card(version)
    context = {
        "version": version,
        "weights": weights_table(card),
        "bands": bands_table(card.bands, {})[:-1],
        "least": least_share(card),
    }
    return page_or_part(request, "metrics/scorecard.html", context=context)


@require_POST
@declare(access="login", scope="organisation", roles=ADMINS)
def publish_scorecard(request: HttpRequest, pk: int) -> HttpResponse:
    """Put a previewed draft in force; the worker scores everybody within a minute."""
    draft = draft_or_404(pk)
    form = PublishForm(request.POST)
    if form.is_valid():
        try:
            live = scorecards.publish(draft=draft, by=request.user, now=timezone.now(), **form.cleaned_data)
        except DomainError as error:
            refuse(form, error)
        else:
            messages.success(
                request, f"{live.scorecard} {live.label} is in force. Scores follow within a minute."
            )
            return redirect("metrics:health_settings")
    return preview_page(request, draft_or_404(pk), form, status=422)


@require_POST
@declare(access="login", scope="organisation", roles=ADMINS)
def start_draft(request: HttpRequest) -> HttpResponse:
    """A new draft from the version in force; installs the starter card first where there is none."""
    now = timezone.now()
    live = scorecards.ensure_default_scorecard(now=now)
    draft = scorecards.start_draft(scorecard=live.scorecard, by=request.user, now=now)
    return redirect("metrics:scorecard_draft", pk=draft.pk)


@require_POST
@declare(access="login", scope="organisation", roles=ADMINS)
def discard_draft(request: HttpRequest, pk: int) -> HttpResponse:
    """Delete a draft; nothing in force changes."""
    try:
        scorecards.discard_draft(draft=draft_or_404(pk), by=request.user, now=timezone.now())
    except DomainError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "The draft is gone. What is in force has not changed.")
    return redirect("metrics:health_settings")
