"""From a draft to a version in force: sending it, looking at it, approving it, taking it back."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.choices import Grant, Role
from accounts.queries.organisation import local_day
from config.web.access import declare
from config.web.errors import DomainError
from config.web.forms import refuse
from config.web.htmx import invalid, page_or_part
from metrics.choices import VersionState
from metrics.forms.card_life import ApproveForm, RollBackForm, SendBackForm, SendForm
from metrics.models import ScorecardVersion
from metrics.queries.scorecards import live_version
from metrics.services import scorecard_review, scorecards
from metrics.services.scorecard_review import Gate, gate_of
from metrics.services.scorecards import DraftChangedError
from metrics.views.card_editor import draft_or_404
from metrics.views.promises import summary_rows
from metrics.views.scorecard_body import body_context, differences_of
from metrics.views.scorecards import version_or_404

ADMINS = (Role.ADMIN,)


@require_http_methods(["GET", "HEAD", "POST"])
@declare(access="login", scope="organisation", roles=ADMINS)
def send_scorecard(request: HttpRequest, pk: int) -> HttpResponse:
    """What a draft changes, what stands in its way, and the form that sends it to review."""
    draft, now = draft_or_404(pk), timezone.now()
    gate = gate_of(draft, now=now)
    warnings = [one for one in gate.findings if one.level == "W"]
    form = SendForm(
        request.POST or None,
        warnings=warnings,
        notes=draft.acknowledged,
        initial={"version": draft.version, "effective_on": local_day(now)},
    )
    if form.is_bound and _sent(request, draft, form):
        return redirect("metrics:scorecard", pk=pk)
    if form.is_bound:
        draft = draft_or_404(pk)
        gate = gate_of(draft, now=now)
    return page_or_part(
        request,
        "metrics/scorecard_send.html",
        context={"form": form, "gate": gate, **_about(draft, gate)},
        status=invalid(not form.is_bound),
    )


def _sent(request: HttpRequest, draft: ScorecardVersion, form: SendForm) -> bool:
    """Keep the notes on warnings, then send; a refusal stands in the form."""
    now, valid = timezone.now(), form.is_valid()
    try:
        scorecards.acknowledge(draft=draft, notes=form.notes(), by=request.user, now=now)
        if not valid:
            return False
        given = {name: form.cleaned_data[name] for name in ("version", "note", "effective_on")}
        scorecard_review.send_to_review(draft=draft, by=request.user, now=now, **given)
    except DraftChangedError as error:  # the page shows what stands now, so that the next click is of that
        form.data = {**form.data.dict(), "version": str(error.current.version)}
        refuse(form, error)
        return False
    except DomainError as error:
        refuse(form, error)
        return False
    messages.success(request, "Sent to review. Its content is final now; somebody else approves it.")
    return True


def _about(version: ScorecardVersion, gate: Gate) -> dict[str, Any]:
    """What both review pages show of a version: differences, findings with notes, and what the preview counted."""
    live = live_version(version.scorecard_id)
    return {
        "version": version,
        "live": live,
        "changes": differences_of(live, version),
        "findings": [{"finding": one, "note": gate.note_on(one)} for one in gate.findings],
        "promised": summary_rows(version),
        "base_is_old": bool(version.base and live and version.base_id != live.pk),
    }


@require_safe
@declare(access="login", scope="organisation", grant=Grant.PUBLISH_SCORECARD)
def review_scorecard(request: HttpRequest, pk: int) -> HttpResponse:
    """A version in review: differences in words, findings with their notes, the preview; approve it or send it back."""
    version = version_or_404(pk)
    if version.state != VersionState.IN_REVIEW:
        return redirect("metrics:scorecard", pk=pk)
    return _review_page(request, version, ApproveForm(), SendBackForm())


def _review_page(
    request: HttpRequest, version: ScorecardVersion, approve: ApproveForm, back: SendBackForm
) -> HttpResponse:
    gate = gate_of(version, now=timezone.now())
    is_last_editor = version.edited_by_id == request.user.pk
    others = list(scorecard_review.approvers().exclude(pk=request.user.pk)[:4]) if is_last_editor else []
    context = {
        "approve": approve,
        "back": back,
        "others": others,
        "is_alone": is_last_editor and not others,
        **_about(version, gate),
        **body_context(version),
    }
    bound = approve.is_bound or back.is_bound
    return page_or_part(request, "metrics/scorecard_review.html", context=context, status=invalid(not bound))


@require_POST
@declare(access="login", scope="organisation", grant=Grant.PUBLISH_SCORECARD)
def approve_scorecard(request: HttpRequest, pk: int) -> HttpResponse:
    """Approve a version; it is in force at once or from its day on."""
    version, form = version_or_404(pk), ApproveForm(request.POST)
    if form.is_valid():
        try:
            found = scorecard_review.approve(
                version=version,
                by=request.user,
                now=timezone.now(),
                alone_reason=form.cleaned_data["alone_reason"],
            )
        except DomainError as error:
            refuse(form, error)
        else:
            messages.success(request, _approved(found))
            return redirect("metrics:scorecard", pk=pk)
    return _again(request, pk, form, SendBackForm())


def _approved(version: ScorecardVersion) -> str:
    if version.state == VersionState.LIVE:
        return f"{version.scorecard} {version.label} is in force. Scores follow within a minute."
    return f"{version.scorecard} is approved and in force from {version.effective_on:%-d %B}."


@require_POST
@declare(access="login", scope="organisation", grant=Grant.PUBLISH_SCORECARD)
def send_back_scorecard(request: HttpRequest, pk: int) -> HttpResponse:
    """Back to a draft with a note."""
    version, form = version_or_404(pk), SendBackForm(request.POST)
    if form.is_valid():
        try:
            scorecard_review.send_back(
                version=version, note=form.cleaned_data["note"], by=request.user, now=timezone.now()
            )
        except DomainError as error:
            refuse(form, error)
        else:
            messages.success(request, "Sent back. It is a draft again, with your note.")
            return redirect("metrics:health_settings")
    return _again(request, pk, ApproveForm(), form)


def _again(request: HttpRequest, pk: int, approve: ApproveForm, back: SendBackForm) -> HttpResponse:
    """The review page with what was refused; somebody else may have decided meanwhile."""
    version = version_or_404(pk)
    if version.state != VersionState.IN_REVIEW:
        messages.error(request, "This version is not in review any more.")
        return redirect("metrics:scorecard", pk=pk)
    return _review_page(request, version, approve, back)


@require_POST
@declare(access="login", scope="organisation", grant=Grant.PUBLISH_SCORECARD)
def withdraw_scorecard(request: HttpRequest, pk: int) -> HttpResponse:
    """Take back an approved version before its day."""
    version = version_or_404(pk)
    _told(
        request,
        lambda: scorecard_review.withdraw(version=version, by=request.user, now=timezone.now()),
        "Withdrawn. What is in force has not changed.",
    )
    return redirect("metrics:scorecard", pk=pk)


@require_POST
@declare(access="login", scope="organisation", roles=ADMINS)
def roll_back_scorecard(request: HttpRequest, pk: int) -> HttpResponse:
    """Put an earlier version in force again, as a new one."""
    version, form = version_or_404(pk), RollBackForm(request.POST)
    if not form.is_valid():
        messages.error(request, " ".join(form.errors.get("reason", ["Write a reason."])))
        return redirect("metrics:scorecard", pk=pk)
    reason, now = form.cleaned_data["reason"], timezone.now()
    back = _told(
        request,
        lambda: scorecard_review.roll_back(to=version, reason=reason, by=request.user, now=now),
        f"{version.scorecard} {version.label} is in force again. Scores follow within a minute.",
    )
    return redirect("metrics:scorecard", pk=back.pk if back else pk)


def _told(request: HttpRequest, act: Callable[[], ScorecardVersion], done: str) -> ScorecardVersion | None:
    """Do it and say so, or say why not."""
    try:
        found = act()
    except DomainError as error:
        messages.error(request, str(error))
        return None
    messages.success(request, done)
    return found
