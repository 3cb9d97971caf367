"""Alerts on Today: rate them, put them away."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_POST

from accounts.models import User
from config.web.access import declare
from config.web.errors import DomainError
from config.web.htmx import page_or_part, wanted_part
from customers.queries.alerts import alert_groups_of, alert_of
from customers.services.alerts import answer_alert


def alerts_context(user: User) -> dict[str, Any]:
    """What the list of alerts shows."""
    shown, held_back = alert_groups_of(user)
    return {"alert_groups": shown, "held_back": held_back}


@require_POST
@declare(access="login", scope="self")
def alert_answer(request: HttpRequest, pk: int) -> HttpResponse:
    """Thumbs up or down, or seen; answers with the list."""
    alert = alert_of(request.user, pk)
    try:
        answer_alert(alert=alert, answer=request.POST.get("answer", ""), by=request.user, now=timezone.now())
    except DomainError as error:
        messages.error(request, str(error))
    if wanted_part(request, ["today_alerts"]) is None:
        return redirect("customers:today")
    return page_or_part(
        request, "customers/today.html", parts=["today_alerts"], context=alerts_context(request.user)
    )
