"""Overrides of one customer's score: the form, and the button that ends one."""

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from accounts.queries.organisation import local_day
from config.web.access import declare
from config.web.errors import DomainError
from config.web.forms import refuse
from config.web.replies import drawer, refused, saved
from customers.queries.access import customer_to_edit
from metrics.forms.overrides import OverrideForm
from metrics.services import overrides

WRITERS = ("admin", "manager", "csm")


@require_http_methods(["GET", "HEAD", "POST"])
@declare(access="login", scope="customer", roles=WRITERS)
def override_form(request: HttpRequest, pk: int) -> HttpResponse:
    """Set another score than the computed one, for a while."""
    customer = customer_to_edit(request.user, pk)
    now = timezone.now()
    today = local_day(now, request.organisation)  # type: ignore[attr-defined] - third-party-type
    form = OverrideForm(request.POST if request.method == "POST" else None, today=today)
    if form.is_bound and form.is_valid():
        try:
            row = overrides.set_override(customer=customer, by=request.user, now=now, **form.cleaned_data)
        except DomainError as error:
            refuse(form, error)
        else:
            message = f"The score of {customer.name} is overridden until {row.ends_on:%-d %B}."
            return saved(request, message, href=_href(pk))
    return drawer(
        request,
        "metrics/parts/override_form.html",
        title="Override the score",
        form=form,
        href=_href(pk),
        action=reverse("metrics:override_form", args=[pk]),
        about=customer.name,
    )


@require_POST
@declare(access="login", scope="customer", roles=WRITERS)
def end_override(request: HttpRequest, pk: int) -> HttpResponse:
    """Let the computed score count again."""
    customer = customer_to_edit(request.user, pk)
    try:
        overrides.end_override(customer=customer, by=request.user, now=timezone.now())
    except DomainError as error:
        return refused(request, str(error), href=_href(pk))
    return saved(request, f"The computed score of {customer.name} counts again.", href=_href(pk))


def _href(pk: int) -> str:
    return reverse("customers:customer", args=[pk])
