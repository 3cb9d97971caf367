"""Touchpoints: log one, correct one."""

from typing import Any
from uuid import uuid4

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from config.web.access import declare
from config.web.errors import DomainError
from config.web.forms import refuse
from config.web.replies import drawer, saved
from customers.forms.touchpoints import TouchpointForm
from customers.models import Customer
from customers.queries.access import customer_to_edit
from customers.services import touchpoints

WRITERS = ("admin", "manager", "csm")


@require_http_methods(["GET", "HEAD", "POST"])
@declare(access="login", scope="customer", roles=WRITERS)
def touchpoint_form(request: HttpRequest, pk: int) -> HttpResponse:
    """Log a call, meeting, mail or note; sending the form twice logs it once."""
    customer = customer_to_edit(request.user, pk)
    now = timezone.now()
    form = TouchpointForm(
        _data(request),
        customer=customer,
        initial={"occurred_at": timezone.localtime(now), "once": uuid4().hex},
    )
    if form.is_bound and form.is_valid():
        values = dict(form.cleaned_data)
        once = f"form:{values.pop('once')}"
        try:
            if not customer.touchpoints.filter(source="tend", source_key=once).exists():
                touchpoints.log_touchpoint(
                    customer=customer, by=request.user, now=now, source_key=once, **values
                )
        except DomainError as error:
            refuse(form, error)
        else:
            return saved(request, "The touchpoint is logged.", href=_href(customer))
    return _drawer(request, customer, form, "touchpoint_form", "Log touchpoint", [customer.pk])


@require_http_methods(["GET", "HEAD", "POST"])
@declare(access="login", scope="customer", roles=WRITERS)
def touchpoint_correction(request: HttpRequest, pk: int, touchpoint_pk: int) -> HttpResponse:
    """Correct a touchpoint; the original stays readable in the timeline."""
    customer = customer_to_edit(request.user, pk)
    row = customer.touchpoints.filter(pk=touchpoint_pk, superseded_by=None, voids=False).first()
    if row is None:
        raise Http404
    initial = {
        name: getattr(row, name)
        for name in ("kind", "direction", "contact", "subject", "body", "is_meaningful")
    }
    form = TouchpointForm(
        _data(request),
        customer=customer,
        initial={**initial, "occurred_at": timezone.localtime(row.occurred_at), "once": uuid4().hex},
    )
    if form.is_bound and form.is_valid():
        values = {name: value for name, value in form.cleaned_data.items() if name != "once"}
        try:
            touchpoints.correct_touchpoint(touchpoint=row, by=request.user, now=timezone.now(), **values)
        except DomainError as error:
            refuse(form, error)
        else:
            return saved(request, "The touchpoint is corrected.", href=_href(customer))
    args = [customer.pk, touchpoint_pk]
    return _drawer(request, customer, form, "touchpoint_correction", "Correct touchpoint", args)


def _drawer(
    request: HttpRequest, customer: Customer, form: Any, part: str, title: str, args: list[int]
) -> HttpResponse:
    return drawer(
        request,
        f"customers/parts/{part}.html",
        title=title,
        form=form,
        href=_href(customer),
        action=reverse(f"customers:{part}", args=args),
        about=customer.name,
        customer=customer,
    )


def _data(request: HttpRequest) -> Any:
    return request.POST if request.method == "POST" else None


def _href(customer: Customer) -> str:
    return reverse("customers:customer", args=[customer.pk])
