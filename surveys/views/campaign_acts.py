"""What starts, stops, changes and ends a campaign: one press each."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.formats import date_format
from django.views.decorators.http import require_POST

from accounts.choices import Grant
from accounts.queries import organisation
from config.web.access import declare
from config.web.errors import DomainError
from config.web.forms import refuse
from surveys.choices import CampaignState
from surveys.forms.campaign_acts import AdjustForm, CountForm, ExtendForm
from surveys.models import Campaign
from surveys.services import campaign_ends, waves
from surveys.services import campaigns as service
from surveys.views.campaigns import WRITERS, campaign_or_404, campaign_page


@require_POST
@declare(access="login", scope="customer", roles=WRITERS, grant=Grant.SEND_CAMPAIGN)
def campaign_launch(request: HttpRequest, pk: int) -> HttpResponse:
    """Start asking, now or at the draft's start; a second press finds it launched and changes nothing."""
    found, now = campaign_or_404(pk), timezone.now()
    form = CountForm(request.POST)
    form.is_valid()
    try:
        launched = service.launch(campaign=found, by=request.user, now=now, **_counts(form))
    except DomainError as error:
        if found.state != CampaignState.DRAFT:
            messages.error(request, str(error))
            return redirect("surveys:campaign", found.pk)
        refuse(form, error)
        return campaign_page(request, found, form=form, status=422)
    messages.success(request, f"“{found.name}” is {_launched(launched, request, now)}")
    return redirect("surveys:campaign", found.pk)


def _counts(form: CountForm) -> dict[str, Any]:
    return {name: form.cleaned_data.get(name) for name in ("typed_count", "typed_again")}


def _launched(campaign: Campaign, request: HttpRequest, now: Any) -> str:
    """When the first mails leave, for a launch outside the hours of sending."""
    start = max(now, campaign.starts_at)
    word = "scheduled." if campaign.state == CampaignState.SCHEDULED else "launched."
    if campaign.current.trigger_event:
        return f"{word} People are asked one by one, as it happens."
    judged = waves.judged_audience(campaign.current, ends_at=campaign.ends_at, user=request.user, now=now)
    asked = [one for one in judged if not one.reason]
    first = min(waves.first_openings(campaign, 1, asked, now=start), default=start)
    if first <= now:
        return f"{word} The first mails leave within a minute."
    local = first.astimezone(organisation.zone())
    return f"{word} The first mails leave {date_format(local, 'D j M, H:i')}."


@require_POST
@declare(access="login", scope="customer", roles=WRITERS, grant=Grant.SEND_CAMPAIGN)
def campaign_unschedule(request: HttpRequest, pk: int) -> HttpResponse:
    """Back to a draft."""
    return _act(request, pk, service.unschedule, "“{}” is a draft again.")


@require_POST
@declare(access="login", scope="customer", roles=WRITERS, grant=Grant.SEND_CAMPAIGN)
def campaign_pause(request: HttpRequest, pk: int) -> HttpResponse:
    """No new mail leaves."""
    return _act(request, pk, service.pause, "“{}” is paused.")


@require_POST
@declare(access="login", scope="customer", roles=WRITERS, grant=Grant.SEND_CAMPAIGN)
def campaign_resume(request: HttpRequest, pk: int) -> HttpResponse:
    """The rest goes out, at its next open moment."""
    form = CountForm(request.POST)
    form.is_valid()
    seen = bool(form.cleaned_data.get("acknowledged"))
    return _act(request, pk, service.resume, "“{}” goes on.", acknowledged=seen, **_counts(form))


@require_POST
@declare(access="login", scope="customer", roles=WRITERS, grant=Grant.SEND_CAMPAIGN)
def campaign_cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Withdraw every unsent mail."""
    close_links = request.POST.get("close_links") == "1"
    return _act(request, pk, service.cancel, "“{}” is cancelled.", close_links=close_links)


@require_POST
@declare(access="login", scope="customer", roles=WRITERS, grant=Grant.SEND_CAMPAIGN)
def campaign_close(request: HttpRequest, pk: int) -> HttpResponse:
    """End the asking now; links end at their own date."""
    return _act(request, pk, campaign_ends.close, "“{}” is closed. Open links go on taking answers.")


@require_POST
@declare(access="login", scope="customer", roles=WRITERS)
def campaign_archive(request: HttpRequest, pk: int) -> HttpResponse:
    """Out of the list."""
    return _act(request, pk, campaign_ends.archive, "“{}” is archived.")


@require_POST
@declare(access="login", scope="customer", roles=WRITERS, grant=Grant.SEND_CAMPAIGN)
def wave_add(request: HttpRequest, pk: int) -> HttpResponse:
    """One more wave with the same words."""
    form = CountForm(request.POST)
    form.is_valid()
    return _act(request, pk, service.add_wave, "A further wave of “{}” is planned.", **_counts(form))


@require_POST
@declare(access="login", scope="customer", roles=WRITERS, grant=Grant.SEND_CAMPAIGN)
def campaign_extend(request: HttpRequest, pk: int) -> HttpResponse:
    """Collect and remind for some days more."""
    form = ExtendForm(request.POST)
    if not form.is_valid():
        return campaign_page(request, campaign_or_404(pk), extend_form=form, status=422)
    return _act(
        request, pk, campaign_ends.extend, "“{}” collects for longer.", days=form.cleaned_data["days"]
    )


@require_POST
@declare(access="login", scope="customer", roles=WRITERS, grant=Grant.SEND_CAMPAIGN)
def campaign_adjust(request: HttpRequest, pk: int) -> HttpResponse:
    """Window, hourly cap, last day and fewer reminders of a running campaign."""
    found = campaign_or_404(pk)
    form = AdjustForm(request.POST, most=campaign_ends.reminders_of(found))
    if form.is_valid():
        data = form.cleaned_data
        try:
            campaign_ends.adjust(
                campaign=found,
                by=request.user,
                now=timezone.now(),
                cap_per_hour=data["cap_per_hour"],
                ends_at=form.end(organisation.zone()),
                reminders=data["reminders"],
                **form.hours(),
            )
        except DomainError as error:
            refuse(form, error)
        else:
            messages.success(request, f"“{found.name}” is changed. Waiting mails moved with it.")
            return redirect("surveys:campaign", found.pk)
    return campaign_page(request, found, adjust_form=form, status=422)


def _act(request: HttpRequest, pk: int, act: Callable[..., Any], done: str, **options: Any) -> HttpResponse:
    found = campaign_or_404(pk)
    try:
        act(campaign=found, by=request.user, now=timezone.now(), **options)
    except DomainError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, done.format(found.name))
    return redirect("surveys:campaign", found.pk)
