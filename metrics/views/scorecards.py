"""Scorecards: what is in force, drafts, the effect of a draft, and publishing it."""

from datetime import date, datetime
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.choices import Role
from accounts.queries.organisation import local_day
from config.web.access import declare
from config.web.errors import DomainError
from config.web.forms import refuse
from config.web.htmx import page_or_part
from customers.queries.access import customers_for
from metrics.forms.scorecards import GROUP, MEASURE, PublishForm, WeightsForm
from metrics.formulas.health_cards import CardError, read_card
from metrics.models import ScorecardVersion
from metrics.queries.card_preview import preview_of
from metrics.queries.scorecards import default_scorecard, draft_for, live_version, version_by_id, versions_of
from metrics.queries.shown_customers import bands_in
from metrics.services import scorecards
from metrics.services.scorecards import DraftChangedError
from metrics.views.scorecard_tables import (
    bands_summary,
    bands_table,
    checks,
    least_share,
    preview_tables,
    weights_table,
)

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


@require_http_methods(["GET", "HEAD", "POST"])
@declare(access="login", scope="organisation", roles=ADMINS)
def scorecard_draft(request: HttpRequest, pk: int) -> HttpResponse:
    """Edit the weights of a draft. A save that comes second is told what the first one stored."""
    draft = _draft_or_404(pk)
    form = _weights_form(request, draft)
    status = 200
    if form.is_bound:
        now = timezone.now()
        if form.is_valid() and _save(request, draft, form, now):
            return redirect(
                "metrics:scorecard_preview" if "preview" in request.POST else "metrics:scorecard_draft", pk=pk
            )
        status = 422
        draft = _draft_or_404(pk)
    context = _draft_context(draft, form)
    return page_or_part(request, "metrics/scorecard_draft.html", context=context, status=status)


@require_POST
@declare(access="login", scope="organisation", roles=ADMINS)
def scorecard_weights(request: HttpRequest, pk: int) -> HttpResponse:
    """The weights table with the shares of what is typed; nothing is stored."""
    draft = _draft_or_404(pk)
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


@require_safe
@declare(access="login", scope="organisation", roles=ADMINS)
def scorecard_preview(request: HttpRequest, pk: int) -> HttpResponse:
    """Who would change band if the draft were published today. Writes nothing."""
    return _preview_page(request, _draft_or_404(pk), PublishForm())


@require_POST
@declare(access="login", scope="organisation", roles=ADMINS)
def publish_scorecard(request: HttpRequest, pk: int) -> HttpResponse:
    """Put a previewed draft in force; the worker scores everybody within a minute."""
    draft = _draft_or_404(pk)
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
    return _preview_page(request, _draft_or_404(pk), form, status=422)


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
        scorecards.discard_draft(draft=_draft_or_404(pk), by=request.user, now=timezone.now())
    except DomainError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "The draft is gone. What is in force has not changed.")
    return redirect("metrics:health_settings")


def _draft_or_404(pk: int) -> ScorecardVersion:
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


def _preview_page(
    request: HttpRequest, draft: ScorecardVersion, form: PublishForm, status: int = 200
) -> HttpResponse:
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
