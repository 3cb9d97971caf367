"""The rules of asking, for admins."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from config.web.access import declare
from config.web.htmx import page_or_part
from surveys.forms.policy import CaseRulesForm, JudgingForm, PolicyForm, SenderForm
from surveys.models import SurveyPolicy
from surveys.queries import policy as policies
from surveys.services import policies as service

RULES = {"policy": PolicyForm, "cases": CaseRulesForm, "judging": JudgingForm}


@require_http_methods(["GET", "HEAD", "POST"])
@declare(access="login", scope="organisation", roles=("admin",))
def policy(request: HttpRequest) -> HttpResponse:
    """How often people may be asked and when, and who the mails come from; each save is a further version."""
    now = timezone.now()
    which = request.POST.get("form", "") if request.method == "POST" else ""
    rules = {
        name: form(request.POST if which == name else None, instance=policies.current(now))
        for name, form in RULES.items()
    }
    sender = SenderForm(request.POST if which == "sender" else None, instance=policies.sender())
    sent = rules.get(which)
    if sent is not None and sent.is_valid():
        service.save_policy(values=sent.cleaned_data, by=request.user, now=now)
        messages.success(request, "The rules are saved. They hold for every campaign from now on.")
        return redirect("surveys:policy")
    if sender.is_bound and sender.is_valid():
        service.save_sender(values=sender.cleaned_data, by=request.user, now=now)
        messages.success(request, "The sender is saved. New drafts use it.")
        return redirect("surveys:policy")
    versions = SurveyPolicy.objects.select_related("by").order_by("-valid_from", "-pk")[:5]
    context = {"rules": rules, "sender": sender, "versions": versions}
    failed = sent is not None or sender.is_bound
    return page_or_part(request, "surveys/policy.html", context=context, status=422 if failed else 200)
