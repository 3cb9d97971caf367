"""Campaigns: the list, one campaign before and after launch, who is asked, and the mail as it lands."""

from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.choices import Grant
from accounts.queries import organisation
from config.web.access import declare
from config.web.htmx import page_or_part
from surveys import emails
from surveys.choices import CampaignState, SkipReason
from surveys.forms.campaign_acts import AdjustForm, CountForm, ExtendForm
from surveys.forms.campaigns import window_initial
from surveys.models import Campaign
from surveys.queries import audience, deliveries, results
from surveys.queries import policy as policies
from surveys.queries.campaigns import campaign_lines
from surveys.queries.waves import wave_lines
from surveys.services import campaign_ends, drafts, preflight, probes, senders, waves
from surveys.services import campaigns as service
from surveys.views.results_cells import score_cell
from surveys.words import catalogue

WRITERS = ("admin", "manager", "csm")
SHOWN_SKIPS = 200  # names on the list of people left out
# The mail brings its own inline styles; nothing else may load or run.
PREVIEW_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; sandbox"
WIDTHS = (600, 320)
OVER = (CampaignState.CLOSED, CampaignState.CANCELLED, CampaignState.ARCHIVED)


@require_safe
@declare(access="login", scope="organisation")
def campaigns(request: HttpRequest) -> HttpResponse:
    """All campaigns, newest first, with what was sent and answered; archived ones on demand."""
    now = timezone.now()
    policy = policies.current(now)
    archived = request.GET.get("state") == CampaignState.ARCHIVED
    rows = Campaign.objects.filter(state=CampaignState.ARCHIVED)
    lines = campaign_lines(rows if archived else Campaign.objects.exclude(state=CampaignState.ARCHIVED))
    context = {
        "rows": [
            {
                "line": line,
                "score": score_cell(results.score_of(line.campaign.current.kind, line.scores, policy)),
            }
            for line in lines
        ],
        "archived": archived,
        "uncertain": sum(line.uncertain for line in lines),
        "sending": deliveries.sending_facts(now),
    }
    return page_or_part(request, "surveys/campaigns.html", context=context)


@require_safe
@declare(access="login", scope="customer")
def campaign(request: HttpRequest, pk: int) -> HttpResponse:
    """A draft with its preflight, or a launched campaign with its waves and what may still change."""
    found = campaign_or_404(pk)
    return campaign_page(request, found)


def campaign_page(request: HttpRequest, found: Campaign, **shown: Any) -> HttpResponse:
    """The page of a campaign; `shown` are forms that were refused, with a `status`."""
    status = shown.pop("status", 200)
    if found.state == CampaignState.DRAFT:
        context = _draft_context(request, found, timezone.now())
        return page_or_part(request, "surveys/campaign.html", context={**context, **shown}, status=status)
    context = _running_context(request, found, timezone.now())
    return page_or_part(request, "surveys/campaign_running.html", context={**context, **shown}, status=status)


def _common(request: HttpRequest, found: Campaign, now: datetime) -> dict[str, Any]:
    policy, version = policies.current(now), found.current
    texts = list(version.texts.order_by("pk"))
    return {
        "campaign": found,
        "version": version,
        "text": next(text for text in texts if text.language == version.default_language),
        "languages": [(text.language, catalogue.words(text.language).name) for text in texts],
        "policy": policy,
        "window": policies.window_of(found, policy),
        "may_send": request.user.may(Grant.SEND_CAMPAIGN),
        "form": CountForm(),
    }


def _draft_context(request: HttpRequest, found: Campaign, now: datetime) -> dict[str, Any]:
    context = _common(request, found, now)
    version = found.current
    judged = []
    if not version.trigger_event:
        judged = waves.judged_audience(version, ends_at=found.ends_at, user=request.user, now=now)
    facts = audience.facts_of(judged, version=version)
    checks = preflight.checks(campaign=found, facts=facts, now=now)
    needed = service.confirmations_needed(
        facts.asked, before=waves.size_before(version), typed_over=context["policy"].typed_count_over
    )
    asked = [one for one in judged if not one.reason]
    openings = waves.first_openings(found, 1, asked, now=max(now, found.starts_at or now)) if asked else []
    first = min(openings, default=None)
    spoken = {code for code, _ in context["languages"]}
    return context | {
        "audience": summary_of(judged),
        "checks": checks,
        "blocked": preflight.blocking(checks),
        "needed": needed,
        "first_mail": first if first and first > now else None,
        "boxes": senders.unusable_boxes(_by_owner(asked)) if version.sender_mode == "csm" else [],
        "more_languages": [
            (code, catalogue.words(code).name) for code in catalogue.languages() if code not in spoken
        ],
        "may_draft": drafts.may_draft(request.user, found),
        "may_write": request.user.role in WRITERS,
    }


def _by_owner(asked: list[audience.Candidate]) -> dict[int | None, int]:
    found: dict[int | None, int] = {}
    for one in asked:
        found[one.owner_id] = found.get(one.owner_id, 0) + 1
    return found


def _running_context(request: HttpRequest, found: Campaign, now: datetime) -> dict[str, Any]:
    context = _common(request, found, now)
    lines = wave_lines(found)
    most = campaign_ends.reminders_of(found)
    initial = {**window_initial(found, organisation.zone()), "reminders": most}
    waits = service.first_leaving(found) if found.state == CampaignState.ACTIVE else None
    facts = None
    checks = (
        preflight.checks(campaign=found, facts=facts, now=now) if found.state == CampaignState.PAUSED else []
    )
    return context | {
        "waves": lines,
        "first_mail": waits if waits and waits > now else None,
        "checks": checks,
        "boxes": senders.unusable_boxes(senders.asked_by_owner(found))
        if found.current.sender_mode == "csm"
        else [],
        "adjust_form": AdjustForm(initial=initial, most=most),
        "extend_form": ExtendForm(),
        "is_over": found.state in OVER,
        "may_add_wave": found.state == CampaignState.ACTIVE
        and not found.extended_at
        and not found.current.trigger_event
        and all(line.wave.state not in {"planned", "sending"} for line in lines),
    }


def summary_of(judged: list[audience.Candidate]) -> dict[str, Any]:
    """An audience as the templates show it."""
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
@declare(access="login", scope="customer")
def campaign_preflight(request: HttpRequest, pk: int) -> HttpResponse:
    """The list before launch with a look at the public address and the sender's domain."""
    found, now = campaign_or_404(pk), timezone.now()
    judged = []
    if not found.current.trigger_event:
        judged = waves.judged_audience(found.current, ends_at=found.ends_at, user=request.user, now=now)
    facts = audience.facts_of(judged, version=found.current)
    if found.state != CampaignState.DRAFT:
        facts = None
    checks = preflight.checks(campaign=found, facts=facts, now=now, looked=probes.look(found.current))
    context = {"campaign": found, "checks": checks, "blocked": preflight.blocking(checks)}
    return page_or_part(
        request, "surveys/campaign_preflight.html", parts=["campaign_preflight"], context=context
    )


@require_safe
@declare(access="login", scope="customer", roles=WRITERS)
def left_out(request: HttpRequest, pk: int) -> HttpResponse:
    """Who is not asked and why, among the reader's customers; of a draft also who is asked."""
    found, now = campaign_or_404(pk), timezone.now()
    reason = request.GET.get("reason", "")
    shows_asked = request.GET.get("show") == "asked" and found.state == CampaignState.DRAFT
    if found.state == CampaignState.DRAFT:
        judged = waves.judged_audience(found.current, ends_at=found.ends_at, user=request.user, now=now)
        people = [
            {
                "pk": one.contact_id,
                "name": one.name,
                "email": one.email,
                "customer": one.customer,
                "reason": one.reason,
            }
            for one in judged
            if bool(one.reason) != shows_asked and (shows_asked or reason in {"", one.reason})
        ]
    else:
        people = results.people_left_out(found, user=request.user, reason=reason)
    for person in people:
        person["label"] = SkipReason(person["reason"]).label if person["reason"] else ""
    context = {
        "campaign": found,
        "people": people[:SHOWN_SKIPS],
        "total": len(people),
        "shows_asked": shows_asked,
        "may_draft": found.state == CampaignState.DRAFT and drafts.may_draft(request.user, found),
    }
    return page_or_part(request, "surveys/left_out.html", context=context)


@require_safe
@declare(access="login", scope="organisation")
def campaign_preview(request: HttpRequest, pk: int) -> HttpResponse:
    """The mail in every language, light and dark, wide and narrow; its links lead nowhere."""
    found = campaign_or_404(pk)
    languages = [
        (code, catalogue.words(code).name)
        for code in found.current.texts.order_by("pk").values_list("language", flat=True)
    ]
    wanted = request.GET.get("language", "")
    language = next((code for code, _ in languages if code == wanted), found.current.default_language)
    frames = [
        {"scheme": scheme, "width": width, "title": f"{scheme}, {width} wide"}
        for scheme in ("light", "dark")
        for width in WIDTHS
    ]
    context = {"campaign": found, "languages": languages, "language": language, "frames": frames}
    return page_or_part(request, "surveys/campaign_preview.html", context=context)


@require_safe
@declare(access="login", scope="organisation")
def campaign_mail(request: HttpRequest, pk: int) -> HttpResponse:
    """One mail for a frame: `language`, `scheme` light or dark; `?as=text` for the text part."""
    found = campaign_or_404(pk)
    texts = {text.language: text for text in found.current.texts.all()}
    text = texts.get(request.GET.get("language", ""), texts[found.current.default_language])
    plain, html = emails.preview_parts(found.current, text)
    as_text = request.GET.get("as") == "text"
    body = plain if as_text else in_scheme(html, request.GET.get("scheme", ""))
    response = HttpResponse(body, content_type=f"text/{'plain' if as_text else 'html'}; charset=utf-8")
    response.headers["Content-Security-Policy"] = PREVIEW_POLICY
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    return response


def in_scheme(html: str, scheme: str) -> str:
    """The mail as a reader with that colour scheme sees it, whatever the looker's own is."""
    query = "@media (prefers-color-scheme: dark)"
    if scheme == "dark":
        return html.replace(query, "@media all").replace("color-scheme: light dark", "color-scheme: dark")
    if scheme == "light":
        return html.replace(query, "@media not all").replace(
            "color-scheme: light dark", "color-scheme: light"
        )
    return html


def campaign_or_404(pk: int, state: str | None = None) -> Campaign:
    """A campaign by id; campaigns belong to the organisation, their people to the reader's scope."""
    rows = Campaign.objects.select_related("current", "launched_by", "created_by", "cloned_from")
    found = rows.filter(pk=pk).first()
    if found is None or (state is not None and found.state != state):
        raise Http404
    return found
