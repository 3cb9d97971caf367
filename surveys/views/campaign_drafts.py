"""Drafting: the builder, its words per language, who is left out by hand, copies."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.queries import organisation
from config.web.access import declare
from config.web.errors import DomainError
from config.web.forms import refuse
from config.web.htmx import invalid, page_or_part
from customers.models import Contact
from surveys.choices import CampaignState
from surveys.forms.campaign_acts import WordsForm
from surveys.forms.campaigns import CampaignForm, initial_of
from surveys.models import Campaign, CampaignVersion
from surveys.queries.campaigns import audience_options
from surveys.services import drafts, test_sends, waves
from surveys.views.campaigns import WRITERS, campaign_or_404, summary_of
from surveys.words import catalogue


@require_http_methods(["GET", "HEAD", "POST"])
@declare(access="login", scope="customer", roles=WRITERS)
def campaign_new(request: HttpRequest) -> HttpResponse:
    """A new draft from a standard question."""
    return _draft(request, None)


@require_http_methods(["GET", "HEAD", "POST"])
@declare(access="login", scope="customer", roles=WRITERS)
def campaign_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a draft."""
    return _draft(request, campaign_or_404(pk, CampaignState.DRAFT))


def _draft(request: HttpRequest, campaign: Campaign | None) -> HttpResponse:
    zone, now = organisation.zone(), timezone.now()
    initial = initial_of(campaign, zone) if campaign else {"reminders": 1}
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
    data = form.cleaned_data
    version = CampaignVersion(
        kind=data.get("kind") or "nps",
        nature=data.get("nature") or "relationship",
        on_throttle=data.get("on_throttle") or "defer",
        audience=form.audience(),
        per_customer=data.get("per_customer") or 0,
        per_role=form.quotas(),
        asks_escalated=bool(data.get("asks_escalated")),
    )
    judged = waves.judged_audience(version, ends_at=None, user=request.user, now=timezone.now())
    return page_or_part(
        request,
        "surveys/audience_count.html",
        parts=["audience_count"],
        context={"audience": summary_of(judged), "one_by_one": bool(data.get("trigger_event"))},
    )


@require_http_methods(["GET", "HEAD", "POST"])
@declare(access="login", scope="organisation", roles=WRITERS)
def campaign_words(request: HttpRequest, pk: int, language: str) -> HttpResponse:
    """Every word of a draft in one language, with up to three further questions."""
    found = campaign_or_404(pk, CampaignState.DRAFT)
    if language not in catalogue.languages():
        raise Http404
    text = found.current.texts.select_related("version").filter(language=language).first()
    own = text or found.current.texts.select_related("version").get(language=found.current.default_language)
    form = WordsForm(request.POST if request.method == "POST" else None, language=language, text=text)
    if form.is_bound and form.is_valid():
        try:
            drafts.save_words(
                campaign=found,
                language=language,
                words=form.words(),
                extra=form.further(),
                by=request.user,
                now=timezone.now(),
            )
        except DomainError as error:
            refuse(form, error)
        else:
            messages.success(request, f"The words in {catalogue.words(language).name} are saved.")
            return redirect("surveys:campaign", found.pk)
    context = {
        "form": form,
        "campaign": found,
        "language": language,
        "language_name": catalogue.words(language).name,
        "direction": catalogue.direction(language),
        "standard": drafts.standard_words(
            found.current.kind, language=language, company=own.version.company, about=own.version.about
        ),
        "is_own": language == found.current.default_language,
        "is_new": text is None,
    }
    return page_or_part(
        request, "surveys/campaign_words.html", context=context, status=invalid(not form.is_bound)
    )


@require_POST
@declare(access="login", scope="organisation", roles=WRITERS)
def campaign_unspeak(request: HttpRequest, pk: int, language: str) -> HttpResponse:
    """Take one language away."""
    found = campaign_or_404(pk)
    try:
        drafts.remove_language(campaign=found, language=language, by=request.user, now=timezone.now())
    except DomainError as error:
        messages.error(request, str(error))
    return redirect("surveys:campaign", found.pk)


@require_POST
@declare(access="login", scope="customer", roles=WRITERS)
def campaign_leave_out(request: HttpRequest, pk: int, contact: int) -> HttpResponse:
    """Leave one contact out by hand, or let it in again."""
    found = campaign_or_404(pk)
    if not Contact.objects.visible_to(request.user).filter(pk=contact).exists():
        raise Http404
    out = request.POST.get("out") == "1"
    try:
        drafts.leave_out(campaign=found, contact_id=contact, out=out, by=request.user, now=timezone.now())
    except DomainError as error:
        messages.error(request, str(error))
    response = redirect("surveys:left_out", found.pk)
    if out:
        response.headers["Location"] += "?show=asked"
    return response


@require_POST
@declare(access="login", scope="organisation", roles=WRITERS)
def campaign_clone(request: HttpRequest, pk: int) -> HttpResponse:
    """A new draft with the same words."""
    made = drafts.clone(campaign=campaign_or_404(pk), by=request.user, now=timezone.now())
    messages.success(request, "This is the copy. Asked with the same words, it goes on with the same series.")
    return redirect("surveys:campaign", made.pk)


@require_POST
@declare(access="login", scope="customer", roles=WRITERS)
def campaign_delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Remove a draft."""
    found = campaign_or_404(pk)
    try:
        drafts.delete_draft(campaign=found, by=request.user, now=timezone.now())
    except DomainError as error:
        messages.error(request, str(error))
        return redirect("surveys:campaign", found.pk)
    messages.success(request, f"“{found.name}” is deleted.")
    return redirect("surveys:campaigns")


@require_POST
@declare(access="login", scope="self", roles=WRITERS)
def campaign_test(request: HttpRequest, pk: int) -> HttpResponse:
    """Mail the survey to oneself, in one of its languages."""
    found = campaign_or_404(pk)
    language = request.POST.get("language", "")
    try:
        test_sends.send_test(campaign=found, to=request.user, now=timezone.now(), language=language)
    except DomainError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"A test goes to {request.user.email}. Its answer counts nowhere.")
    return redirect("surveys:campaign", found.pk)
