"""What is done to several customers at once: the drawer says how many change and how many are left out, and why."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from accounts.queries import organisation
from config.web.access import declare
from config.web.errors import DomainError
from config.web.forms import refuse
from config.web.replies import drawer, saved
from customers.choices import Attribute, Phase
from customers.forms.portfolio import BulkAssignForm, BulkFollowUpForm, BulkPhaseForm, SelectionForm
from customers.models import Customer
from customers.queries.access import customers_for, customers_to_edit
from customers.queries.follow_ups import people_who_may_own
from customers.services import assignments, attributes, follow_ups

WRITERS = ("admin", "manager", "csm")
USUAL_DUE_DAYS = 7


@require_http_methods(["GET", "HEAD", "POST"])
@declare(access="login", scope="customer", roles=WRITERS)
def bulk_follow_up(request: HttpRequest) -> HttpResponse:
    """One follow-up each for the selected customers, owned by their CSMs."""
    today = _today(request)
    form = BulkFollowUpForm(
        _data(request), initial={"due_on": today + timedelta(days=USUAL_DUE_DAYS), "priority": "normal"}
    )
    now = timezone.now()

    def one(customer: Customer) -> None:
        follow_ups.open_follow_up(
            customer=customer,
            owner=customer.summary.owner or request.user,
            by=request.user,
            now=now,
            **form.cleaned_data,
        )

    return _answer(request, "bulk_follow_up", form, "Add a follow-up", one, "{} follow-ups are open.")


@require_http_methods(["GET", "HEAD", "POST"])
@declare(access="login", scope="customer", roles=WRITERS)
def bulk_phase(request: HttpRequest) -> HttpResponse:
    """Another phase for the selected customers."""
    form = BulkPhaseForm(_data(request), initial={"from_on": _today(request), "phase": Phase.ADOPTION})
    now = timezone.now()

    def one(customer: Customer) -> None:
        attributes.set_attribute(
            customer=customer,
            key=Attribute.PHASE,
            value=form.cleaned_data["phase"],
            from_on=form.cleaned_data["from_on"],
            by=request.user,
            now=now,
        )

    return _answer(request, "bulk_phase", form, "Change the phase", one, "The phase of {} customers is set.")


@require_http_methods(["GET", "HEAD", "POST"])
@declare(access="login", scope="customer", roles=("admin", "manager"))
def bulk_assign(request: HttpRequest) -> HttpResponse:
    """Another primary CSM for the selected customers."""
    form = BulkAssignForm(
        _data(request), people=people_who_may_own(request.user), initial={"from_on": _today(request)}
    )
    now = timezone.now()

    def one(customer: Customer) -> None:
        assignments.assign(
            customer=customer,
            user=form.cleaned_data["owner"],
            from_on=form.cleaned_data["from_on"],
            by=request.user,
            now=now,
        )

    return _answer(request, "bulk_assign", form, "Assign a CSM", one, "{} customers are assigned.")


def _answer(
    request: HttpRequest,
    name: str,
    form: SelectionForm,
    title: str,
    one: Callable[[Customer], None],
    message: str,
) -> HttpResponse:
    selected = _selected(request, form)
    changing = _changing(request, selected)
    if form.is_bound and form.is_valid() and changing:
        try:
            with transaction.atomic():  # all of them or none
                for customer in changing:
                    one(customer)
        except DomainError as error:
            refuse(form, error)
        else:
            return saved(request, message.format(len(changing)), href=reverse("customers:portfolio"))
    readable = customers_for(request.user).filter(pk__in=selected).count()
    return drawer(
        request,
        f"customers/parts/{name}.html",
        title=title,
        form=form,
        href=reverse("customers:portfolio"),
        action=reverse(f"customers:{name}"),
        changing=changing,
        left_out=readable - len(changing),
    )


def _changing(request: HttpRequest, selected: tuple[int, ...]) -> list[Customer]:
    """The selected customers the reader may change; ids outside the scope are as if they had not been sent."""
    rows = customers_to_edit(request.user).active().filter(pk__in=selected)
    return list(rows.select_related("summary__owner").order_by("name", "pk"))


def _data(request: HttpRequest) -> Any:
    return request.POST if request.method == "POST" else None


def _selected(request: HttpRequest, form: SelectionForm) -> tuple[int, ...]:
    return form.selected if form.is_bound else SelectionForm(request.GET).selected


def _today(request: HttpRequest) -> Any:
    return organisation.local_day(timezone.now(), request.organisation)  # type: ignore[attr-defined] - third-party-type
