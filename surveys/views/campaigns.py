"""Campaigns: the list, drafting, and what starts and stops them."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.choices import Grant
from accounts.queries import organisation
from config.web.access import declare
from config.web.errors import DomainError
from config.web.forms import refuse
from config.web.htmx import invalid, page_or_part
from surveys import emails
from surveys.choices import CampaignState, SkipReason
from surveys.forms.campaigns import CampaignForm, LaunchForm, initial_of
from surveys.models import Campaign, CampaignVersion
from surveys.queries import audience, deliveries, results
from surveys.queries import policy as policies
from surveys.queries.campaigns import audience_options, campaign_lines
from surveys.services import campaigns as service
from surveys.services import drafts, preflight, test_sends, waves
from surveys.views.results_cells import score_cell

WRITERS = ("admin", "manager", "csm")
SHOWN_SKIPS = 200  # names on the list of people left out
PREVIEW_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; sandbox"  # the mail's own inline styles


@require_safe
@declare(access="login", scope="organisation")
def campaigns(request: HttpRequest) -> HttpResponse:
    """All campaigns, newest first, with what was sent and answered."""
    now = timezone.now()
    policy = policies.current(now)
    lines = campaign_lines(Campaign.objects.exclude(state=CampaignState.ARCHIVED))
    rows = [
        {"line": line, "score": score_cell(results.score_of(line.campaign.current.kind, line.scores, policy))}
        for line in lines
    ]
    context = {
        "rows": rows,
        "uncertain": sum(line.uncertain for line in lines),
        "sending": deliveries.sending_facts(now),
    }
    return page_or_part(request, "surveys/campaigns.html", context=context)


@require_http_methods(["GET", "HEAD", "POST"])
@declare(access="login", scope="customer", roles=WRITERS)
def campaign_new(request: HttpRequest) -> HttpResponse:
    """A new draft from a standard question."""
    return _draft(request, None)


@require_http_methods(["GET", "HEAD", "POST"])
@declare(access="login", scope="customer", roles=WRITERS)
def campaign_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a draft."""
    return _draft(request, _campaign(pk, CampaignState.DRAFT))


def _draft(request: HttpRequest, campaign: Campaign | None) -> HttpResponse:
    zone, now = organisation.zone(), timezone.now()
    initial = initial_of(campaign, zone) if campaign else None
    form = CampaignForm(
        request.POST if request.method == "POST" else None,
        options=audience_options(request.user),
        initial=initial,
    )
    if form.is_bound and form.is_valid():
        try:
            if campaign is None:
                saved = drafts.create_draft(plan=form.plan(zone), by=request.user, now=now)
            else:
                saved = drafts.edit_draft(campaign=campaign, plan=form.plan(zone), by=request.user, now=now)
        except DomainError as error:
            refuse(form, error)
        else:
            messages.success(request, f"“{saved.name}” is saved as a draft.")
            return redirect("surveys:campaign", saved.pk)
    context = {"form": form, "campaign": campaign}
    return page_or_part(
        request, "surveys/campaign_form.html", context=context, status=invalid(not form.is_bound)
    )


@require_safe
@declare(access="login", scope="customer", roles=WRITERS)
def audience_count(request: HttpRequest) -> HttpResponse:
    """How many people the filters name right now, and who is left out."""
    form = CampaignForm(request.GET, options=audience_options(request.user))
    form.is_valid()
    kind = form.cleaned_data.get("kind") or "nps"
    version = CampaignVersion(
        kind=kind,
        nature=form.cleaned_data.get("nature") or "relationship",
        on_throttle=form.cleaned_data.get("on_throttle") or "defer",
        audience=form.audience(),
    )
    judged = waves.judged_audience(version, ends_at=None, user=request.user, now=timezone.now())
    return page_or_part(
        request,
        "surveys/audience_count.html",
        parts=["audience_count"],
        context={"audience": _summary(judged)},
    )


@require_safe
@declare(access="login", scope="customer")
def campaign(request: HttpRequest, pk: int) -> HttpResponse:
    """A draft before launch; a launched campaign shows its results."""
    found = _campaign(pk)
    if found.state != CampaignState.DRAFT:
        return redirect("surveys:results", found.pk)
    return _draft_page(request, found, LaunchForm())


def _draft_page(request: HttpRequest, found: Campaign, form: LaunchForm, status: int = 200) -> HttpResponse:
    now = timezone.now()
    judged = waves.judged_audience(found.current, ends_at=found.ends_at, user=request.user, now=now)
    policy = policies.current(now)
    summary = _summary(judged)
    facts = audience.facts_of(judged, version=found.current)
    checks = preflight.checks(campaign=found, facts=facts, now=now)
    context = {
        "campaign": found,
        "version": found.current,
        "text": found.current.texts.get(language="en"),
        "audience": summary,
        "checks": checks,
        "blocked": [check for check in checks if check.tone == "risk"],
        "policy": policy,
        "window": policies.window_of(found, policy),
        "form": form,
        "needs_count": summary["asked"] > policy.typed_count_over,
        "may_send": request.user.may(Grant.SEND_CAMPAIGN),
        "may_write": request.user.role in WRITERS,
    }
    return page_or_part(request, "surveys/campaign.html", context=context, status=status)


def _summary(judged: list[audience.Candidate]) -> dict[str, Any]:
    asked = [one for one in judged if not one.reason]
    return {
        "named": len(judged),
        "asked": len(asked),
        "customers": len({one.customer_id for one in asked}),
        "deferred": sum(one.not_before is not None for one in asked),
        "reasons": [
            {"key": reason, "label": SkipReason(reason).label, "count": count}
            for reason, count in audience.reasons_counted(judged)
        ],
        "left_out": sum(bool(one.reason) for one in judged),
    }


@require_safe
@declare(access="login", scope="customer", roles=WRITERS)
def left_out(request: HttpRequest, pk: int) -> HttpResponse:
    """Who is not asked and why, among the reader's customers."""
    found, now = _campaign(pk), timezone.now()
    reason = request.GET.get("reason", "")
    if found.state == CampaignState.DRAFT:
        judged = waves.judged_audience(found.current, ends_at=found.ends_at, user=request.user, now=now)
        people = [
            {"name": one.name, "email": one.email, "customer": one.customer, "reason": one.reason}
            for one in judged
            if one.reason and reason in {"", one.reason}
        ]
    else:
        people = results.people_left_out(found, user=request.user, reason=reason)
    for person in people:
        person["label"] = SkipReason(person["reason"]).label
    context = {"campaign": found, "people": people[:SHOWN_SKIPS], "total": len(people)}
    return page_or_part(request, "surveys/left_out.html", context=context)


@require_safe
@declare(access="login", scope="organisation")
def campaign_preview(request: HttpRequest, pk: int) -> HttpResponse:
    """The mail as it lands, with links that lead nowhere; `?as=text` for the text part."""
    found = _campaign(pk)
    plain, html = emails.preview_parts(found.current, found.current.texts.get(language="en"))
    as_text = request.GET.get("as") == "text"
    response = HttpResponse(
        plain if as_text else html, content_type=f"text/{'plain' if as_text else 'html'}; charset=utf-8"
    )
    response.headers["Content-Security-Policy"] = PREVIEW_POLICY
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    return response


@require_POST
@declare(access="login", scope="customer", roles=WRITERS, grant=Grant.SEND_CAMPAIGN)
def campaign_launch(request: HttpRequest, pk: int) -> HttpResponse:
    """Freeze the wording and start sending; a second press finds nothing to do."""
    found = _campaign(pk)
    form = LaunchForm(request.POST)
    typed = form.cleaned_data["typed_count"] if form.is_valid() else None
    try:
        service.launch(campaign=found, by=request.user, now=timezone.now(), typed_count=typed)
    except DomainError as error:
        found.refresh_from_db()
        if found.state != CampaignState.DRAFT:
            return _refused(request, found, error)
        refuse(form, error)
        return _draft_page(request, found, form, status=422)
    messages.success(request, f"“{found.name}” is launched. Mails leave as soon as their hours are open.")
    return redirect("surveys:results", found.pk)


@require_POST
@declare(access="login", scope="customer", roles=WRITERS, grant=Grant.SEND_CAMPAIGN)
def campaign_pause(request: HttpRequest, pk: int) -> HttpResponse:
    """No new mail leaves."""
    return _act(request, pk, service.pause, "“{}” is paused.")


@require_POST
@declare(access="login", scope="customer", roles=WRITERS, grant=Grant.SEND_CAMPAIGN)
def campaign_resume(request: HttpRequest, pk: int) -> HttpResponse:
    """The rest goes out."""
    return _act(request, pk, service.resume, "“{}” goes on.")


@require_POST
@declare(access="login", scope="customer", roles=WRITERS, grant=Grant.SEND_CAMPAIGN)
def campaign_cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Withdraw every unsent mail."""
    return _act(
        request, pk, service.cancel, "“{}” is cancelled.", close_links=request.POST.get("close_links") == "1"
    )


@require_POST
@declare(access="login", scope="customer", roles=WRITERS)
def campaign_delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Remove a draft."""
    found = _campaign(pk)
    try:
        drafts.delete_draft(campaign=found, by=request.user, now=timezone.now())
    except DomainError as error:
        return _refused(request, found, error)
    messages.success(request, f"“{found.name}” is deleted.")
    return redirect("surveys:campaigns")


@require_POST
@declare(access="login", scope="self", roles=WRITERS)
def campaign_test(request: HttpRequest, pk: int) -> HttpResponse:
    """Mail the survey to oneself."""
    found = _campaign(pk)
    try:
        test_sends.send_test(campaign=found, to=request.user, now=timezone.now())
    except DomainError as error:
        return _refused(request, found, error)
    messages.success(request, f"A test goes to {request.user.email}. Its answer counts nowhere.")
    return redirect("surveys:campaign", found.pk)


def _act(request: HttpRequest, pk: int, act: Any, done: str, **options: Any) -> HttpResponse:
    found = _campaign(pk)
    try:
        act(campaign=found, by=request.user, now=timezone.now(), **options)
    except DomainError as error:
        return _refused(request, found, error)
    messages.success(request, done.format(found.name))
    return redirect("surveys:campaign", found.pk)


def _refused(request: HttpRequest, found: Campaign, error: DomainError) -> HttpResponse:
    messages.error(request, str(error))
    return redirect("surveys:campaign", found.pk)


def _campaign(pk: int, state: str | None = None) -> Campaign:
    """A campaign by id; campaigns belong to the organisation, their people to the reader's scope."""
    rows = Campaign.objects.select_related("current", "launched_by", "created_by")
    found = rows.filter(pk=pk).first()
    if found is None or (state is not None and found.state != state):
        raise Http404
    return found
