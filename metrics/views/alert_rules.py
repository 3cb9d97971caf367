"""Alert rules: what is worth an alert, who hears of it, and how often it was worth it."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.choices import Role
from config.web.access import declare
from config.web.errors import DomainError
from config.web.forms import refuse
from config.web.htmx import invalid, page_or_part
from metrics.forms.alert_rules import AlertRuleForm
from metrics.models import AlertRule
from metrics.queries.alert_rules import alert_rule_by_id, rules_with_precision
from metrics.services.alert_rules import save_alert_rule, switch_alert_rule

ADMINS = (Role.ADMIN,)


@require_safe
@declare(access="login", scope="organisation", roles=ADMINS)
def alert_rules(request: HttpRequest) -> HttpResponse:
    """Every rule with its precision."""
    return page_or_part(request, "metrics/alert_rules.html", context={"rows": rules_with_precision()})


@require_http_methods(["GET", "HEAD", "POST"])
@declare(access="login", scope="organisation", roles=ADMINS)
def alert_rule(request: HttpRequest, pk: int) -> HttpResponse:
    """Change one rule."""
    return _edit(request, alert_rule_by_id(pk))


@require_http_methods(["GET", "HEAD", "POST"])
@declare(access="login", scope="organisation", roles=ADMINS)
def new_alert_rule(request: HttpRequest) -> HttpResponse:
    """Add a rule."""
    return _edit(request, AlertRule(receivers=["owner"]))


@require_POST
@declare(access="login", scope="organisation", roles=ADMINS)
def switch_alert(request: HttpRequest, pk: int) -> HttpResponse:
    """Turn a rule on or off."""
    rule = switch_alert_rule(
        rule=alert_rule_by_id(pk), is_on="on" in request.POST, by=request.user, now=timezone.now()
    )
    messages.success(request, f"“{rule}” is {'on' if rule.is_on else 'off'}.")
    return redirect("metrics:alert_rules")


def _edit(request: HttpRequest, rule: AlertRule) -> HttpResponse:
    form = AlertRuleForm(request.POST if request.method == "POST" else None, rule=rule)
    if form.is_bound and form.is_valid():
        try:
            save_alert_rule(rule=rule, by=request.user, now=timezone.now(), **form.cleaned_data)
        except DomainError as error:
            refuse(form, error)
        else:
            messages.success(request, f"“{rule}” is saved. It judges from the next scoring on.")
            return redirect("metrics:alert_rules")
    status = invalid(not form.is_bound or form.is_valid())
    return page_or_part(
        request, "metrics/alert_rule.html", context={"rule": rule, "form": form}, status=status
    )
