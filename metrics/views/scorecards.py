"""Scorecards: which there are, their versions, what changed between any two, and files in and out."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.choices import Grant, Role
from accounts.permissions import may
from config.web.access import declare
from config.web.errors import DomainError
from config.web.forms import refuse
from config.web.htmx import invalid, page_or_part
from customers.queries.access import customers_for
from metrics.choices import CardKind, VersionState
from metrics.forms.card_life import CopyCardForm, ImportCardForm, NewCardForm, RollBackForm
from metrics.models import ScorecardVersion
from metrics.queries.card_list import ListedCard, listed_cards
from metrics.queries.scorecards import card_by_key, version_before, version_by_id, versions_of
from metrics.services import card_files, rescoring, scorecards
from metrics.views.promises import promise_context
from metrics.views.scorecard_body import bands_of, body_context, differences_of, rules_rows
from metrics.views.scorecard_tables import bands_summary

ADMINS = (Role.ADMIN,)


@require_safe
@declare(access="login", scope="customer")
def health_settings(request: HttpRequest) -> HttpResponse:
    """All scorecards with what is in force, on the way, and whom they score in the reader's book; who gets which."""
    cards, rules = listed_cards(customers_for(request.user))
    context = {
        "cards": [_listed(row) for row in cards],
        "rules": rules,
        "rules_table": rules_rows(rules.live) if rules and rules.live else None,
        "default_title": next((row.card.title for row in cards if row.card.is_default), ""),
        "is_fresh": not any(row.live for row in cards),
        **_rights(request),
    }
    return page_or_part(request, "metrics/health_settings.html", context=context)


def _listed(row: ListedCard) -> dict[str, Any]:
    auc = (row.backtest or {}).get("auc")
    return {
        "row": row,
        "tested": row.backtest is not None,
        "auc": auc["value"] if auc else None,
        **bands_summary(bands_of(row.newest, row.counted)),
    }


def _rights(request: HttpRequest) -> dict[str, bool]:
    user = request.user
    is_admin = user.role == Role.ADMIN
    return {"may_edit": is_admin, "may_approve": may(user, Grant.PUBLISH_SCORECARD)}


@require_safe
@declare(access="login", scope="organisation")
def scorecard(request: HttpRequest, pk: int) -> HttpResponse:
    """One version as it is or was in force, what it changed, and what came of its promise."""
    version = version_or_404(pk)
    if version.state == VersionState.DRAFT:
        return redirect(
            "metrics:rules_draft" if version.kind == CardKind.RULES else "metrics:scorecard_draft", pk=pk
        )
    before = version_before(version)
    job = rescoring.job_of(version) if version.number else None
    context = {
        "version": version,
        "before": before,
        "changes": differences_of(before, version),
        "versions": list(versions_of(version.scorecard_id)),
        "form": RollBackForm(),
        "job": job if job is not None and job.state in {"queued", "running"} else None,
        **promise_context(job, version),
        **body_context(version),
        **_rights(request),
    }
    return page_or_part(request, "metrics/scorecard.html", context=context)


@require_safe
@declare(access="login", scope="organisation")
def scorecard_versions(request: HttpRequest, key: str) -> HttpResponse:
    """Every version of a scorecard: who edited and approved it, when, why, and what changed."""
    card = card_by_key(key)
    if card is None:
        raise Http404
    versions = list(versions_of(card.pk))
    context = {"card": card, "versions": versions, **_compared(request, versions), **_rights(request)}
    return page_or_part(request, "metrics/scorecard_versions.html", context=context)


def _compared(request: HttpRequest, versions: list[ScorecardVersion]) -> dict[str, Any]:
    """The two versions named in the address, and what changed from the first to the second."""
    by_pk = {str(version.pk): version for version in versions}
    one, other = (by_pk.get(request.GET.get(name, "")) for name in ("from", "to"))
    if one is None or other is None:
        return {"one": versions[1] if len(versions) > 1 else None, "other": versions[0] if versions else None}
    return {"one": one, "other": other, "changes": differences_of(one, other), "is_compared": True}


@require_safe
@declare(access="login", scope="organisation")
def export_scorecard(request: HttpRequest, pk: int) -> HttpResponse:
    """A version as one YAML file; drafts are the admins' own."""
    version = version_or_404(pk)
    if version.state == VersionState.DRAFT and not _rights(request)["may_edit"]:
        raise Http404
    name = f"{version.scorecard.key}-{version.number or f'draft-{version.pk}'}.yaml"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(
        card_files.card_to_yaml(version), content_type="application/yaml; charset=utf-8", headers=headers
    )


@require_http_methods(["GET", "HEAD", "POST"])
@declare(access="login", scope="organisation", roles=ADMINS)
def new_scorecard(request: HttpRequest) -> HttpResponse:
    """A new scorecard of either kind, or from a file; both begin as drafts."""
    is_file = "file" in request.FILES or "import" in request.POST
    form = NewCardForm(None if is_file else request.POST or None)
    upload = ImportCardForm(request.POST, request.FILES) if is_file else ImportCardForm()
    asked = upload if is_file else form
    if asked.is_bound and asked.is_valid():
        try:
            return redirect(draft_url(_made(request, asked.cleaned_data)))
        except DomainError as error:
            asked.add_error("file", str(error)) if is_file else refuse(form, error)
    status = invalid(not asked.is_bound)
    return page_or_part(
        request, "metrics/scorecard_new.html", context={"form": form, "upload": upload}, status=status
    )


def _made(request: HttpRequest, given: dict[str, Any]) -> ScorecardVersion:
    now = timezone.now()
    if "file" in given:
        file = card_files.card_from_yaml(given["file"])
        draft = card_files.import_card(file=file, by=request.user, now=now)
        messages.success(request, f"{draft.scorecard} is a draft now. Nothing in force has changed.")
        return draft
    return scorecards.new_card(title=given["title"], kind=given["kind"], by=request.user, now=now)


def draft_url(draft: ScorecardVersion) -> str:
    """Where a draft is edited."""
    name = "metrics:rules_draft" if draft.kind == CardKind.RULES else "metrics:scorecard_draft"
    return str(redirect(name, pk=draft.pk).url)


@require_POST
@declare(access="login", scope="organisation", roles=ADMINS)
def copy_scorecard(request: HttpRequest, pk: int) -> HttpResponse:
    """A new scorecard with the body of a version."""
    version, form = version_or_404(pk), CopyCardForm(request.POST)
    if version.kind == CardKind.RULES or not form.is_valid():
        messages.error(request, "Give the copy a name of at most 80 characters.")
        return redirect("metrics:scorecard", pk=pk)
    draft = scorecards.new_card(
        title=form.cleaned_data["title"],
        kind=version.kind,
        by=request.user,
        now=timezone.now(),
        source=version,
    )
    return redirect(draft_url(draft))


@require_POST
@declare(access="login", scope="organisation", roles=ADMINS)
def start_draft(request: HttpRequest) -> HttpResponse:
    """A new draft of the default card; installs the starter card first where there is none."""
    now = timezone.now()
    live = scorecards.ensure_default_scorecard(now=now)
    draft = scorecards.start_draft(scorecard=live.scorecard, by=request.user, now=now)
    return redirect(draft_url(draft))


@require_POST
@declare(access="login", scope="organisation", roles=ADMINS)
def draft_from_version(request: HttpRequest, pk: int) -> HttpResponse:
    """A new draft with the body of any version."""
    version = version_or_404(pk)
    draft = scorecards.start_draft(
        scorecard=version.scorecard,
        by=request.user,
        now=timezone.now(),
        base=version,
    )
    return redirect(draft_url(draft))


@require_POST
@declare(access="login", scope="organisation", roles=ADMINS)
def discard_draft(request: HttpRequest, pk: int) -> HttpResponse:
    """Delete a draft; nothing in force changes."""
    version = version_or_404(pk)
    try:
        scorecards.discard_draft(draft=version, by=request.user, now=timezone.now())
    except DomainError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "The draft is gone. What is in force has not changed.")
    return redirect("metrics:health_settings")


def version_or_404(pk: int) -> ScorecardVersion:
    """Any version by its id."""
    version = version_by_id(pk)
    if version is None:
        raise Http404
    return version
