"""Mails that wait for a person, the sending hold, and addresses that must not be asked."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from config.web.access import declare
from config.web.errors import DomainError
from config.web.forms import refuse
from config.web.htmx import invalid, page_or_part
from config.web.tables import Column, Table
from customers.queries.access import customers_for
from surveys.choices import ALL_SURVEYS
from surveys.forms.suppressions import LiftForm, SuppressForm
from surveys.models import Message, Suppression
from surveys.queries import deliveries as queries
from surveys.queries.suppressions import suppressions_like
from surveys.services import sending_state, uncertain
from surveys.services import suppressions as suppression_service

LEADERS = ("admin", "manager")
WAITING = Table((Column("since", "Since", "changed_at"),), default="since")
LISTED = Table((Column("since", "Since", "occurred_at", down_first=True),), default="-since")


@require_safe
@declare(access="login", scope="customer", roles=LEADERS)
def deliveries(request: HttpRequest) -> HttpResponse:
    """Uncertain and failed mails of the reader's customers, and whether mail may leave at all."""
    now = timezone.now()
    rows = queries.needing_a_person(customers_for(request.user))
    state = request.GET.get("state", "")
    state = state if state in {"uncertain", "failed"} else "uncertain"
    counts = {name: rows.filter(delivery_state=name).count() for name in ("uncertain", "failed")}
    context = {
        "page": WAITING.page(rows.filter(delivery_state=state), request.GET),
        "state": state,
        "counts": counts,
        "sending": queries.sending_facts(now),
        "findings": queries.silent_domains(customers_for(request.user), now=now),
        "now": now,
    }
    return page_or_part(request, "surveys/deliveries.html", parts=["deliveries_table"], context=context)


@require_POST
@declare(access="login", scope="customer", roles=LEADERS)
def message_resend(request: HttpRequest, pk: int) -> HttpResponse:
    """Send an uncertain mail once more; it may arrive twice, a person says so."""
    return _decide(request, pk, uncertain.resend, "It goes out again.")


@require_POST
@declare(access="login", scope="customer", roles=LEADERS)
def message_close(request: HttpRequest, pk: int) -> HttpResponse:
    """Treat an uncertain mail as not delivered."""
    return _decide(request, pk, uncertain.close_as_failed, "It counts as failed.")


@require_POST
@declare(access="login", scope="organisation", roles=("admin",))
def message_requeue(request: HttpRequest, pk: int) -> HttpResponse:
    """Try a failed mail once more from the start."""
    return _decide(request, pk, uncertain.requeue, "It is tried again.", back="?state=failed")


def _decide(request: HttpRequest, pk: int, act: Any, done: str, *, back: str = "") -> HttpResponse:
    message = queries.needing_a_person(customers_for(request.user)).filter(pk=pk).first()
    if message is None and not Message.objects.filter(
        pk=pk, invitation__customer__in=customers_for(request.user)
    ):
        raise Http404
    try:
        act(message=message or Message.objects.filter(pk=pk).first(), by=request.user, now=timezone.now())
    except DomainError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, done)
    return redirect(reverse("surveys:deliveries") + back)


@require_POST
@declare(access="login", scope="organisation", roles=("admin",))
def hold_release(request: HttpRequest) -> HttpResponse:
    """Let mail leave again after a restore or a move."""
    sending_state.release(by=request.user, now=timezone.now())
    messages.success(request, "Mail may leave again.")
    return redirect("surveys:deliveries")


@require_http_methods(["GET", "HEAD", "POST"])
@declare(access="login", scope="organisation", roles=LEADERS)
def suppressions(request: HttpRequest) -> HttpResponse:
    """Addresses that must not be asked; a POST adds one by hand."""
    form = SuppressForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            suppression_service.suppress_by_hand(
                email=form.cleaned_data["email"],
                scope=form.cleaned_data["scope"] or ALL_SURVEYS,
                by=request.user,
                now=timezone.now(),
            )
        except DomainError as error:
            refuse(form, error)
        else:
            messages.success(request, "This address is asked no more.")
            return redirect("surveys:suppressions")
    found = suppressions_like(request.GET.get("q", ""))
    context = {"form": form, "page": LISTED.page(found, request.GET), "q": request.GET.get("q", "")}
    return page_or_part(
        request, "surveys/suppressions.html", context=context, status=invalid(not form.is_bound)
    )


@require_POST
@declare(access="login", scope="organisation", roles=("admin",))
def suppression_lift(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask an address again, with the reason."""
    found = Suppression.objects.filter(pk=pk, lifted_at=None).first()
    if found is None:
        raise Http404
    form = LiftForm(request.POST)
    reason = form.cleaned_data.get("reason", "") if form.is_valid() else ""
    try:
        suppression_service.lift(suppression=found, reason=reason, by=request.user, now=timezone.now())
    except DomainError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "This address may be asked again.")
    return redirect("surveys:suppressions")
