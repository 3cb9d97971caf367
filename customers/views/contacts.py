"""People at a customer: add, change, forget."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from accounts.permissions import may_see_identities
from config.web.access import declare
from config.web.errors import DomainError
from config.web.forms import refuse
from config.web.replies import drawer, saved
from customers.forms.contacts import ContactForm, EraseForm, initial_of
from customers.models import Contact, Customer
from customers.queries.access import customer_to_edit
from customers.services import contacts, erasure

WRITERS = ("admin", "manager", "csm")


@require_http_methods(["GET", "HEAD", "POST"])
@declare(access="login", scope="customer", roles=WRITERS)
def contact_form(request: HttpRequest, pk: int) -> HttpResponse:
    """A new person at the customer."""
    customer = customer_to_edit(request.user, pk)
    form = ContactForm(_data(request))
    if form.is_bound and form.is_valid():
        try:
            made = contacts.create_contact(
                customer=customer, by=request.user, now=timezone.now(), **form.fields_given()
            )
        except DomainError as error:
            refuse(form, error)
        else:
            return saved(request, f"{made} is added.", href=_href(customer))
    return _drawer(request, customer, form, "contact_form", "Add a contact")


@require_http_methods(["GET", "HEAD", "POST"])
@declare(access="login", scope="customer", roles=WRITERS)
def contact_change(request: HttpRequest, pk: int, contact_pk: int) -> HttpResponse:
    """Change a person; refused when somebody else was first."""
    customer, contact = _contact(request, pk, contact_pk)
    form = ContactForm(_data(request), initial=initial_of(contact))
    if form.is_bound and form.is_valid():
        try:
            contacts.update_contact(
                contact=contact,
                version=form.cleaned_data["version"] or 0,
                changes=form.fields_given(),  # type: ignore[arg-type]
                by=request.user,
                now=timezone.now(),
            )
        except DomainError as error:
            refuse(form, error)
        else:
            return saved(request, f"{contact} is saved.", href=_href(customer))
    return _drawer(request, customer, form, "contact_change", f"Change {contact}", contact=contact)


@require_http_methods(["GET", "HEAD", "POST"])
@declare(access="login", scope="customer", roles=("admin",))
def contact_erase(request: HttpRequest, pk: int, contact_pk: int) -> HttpResponse:
    """Forget a person everywhere, at every customer with this address. It cannot be taken back."""
    customer, contact = _contact(request, pk, contact_pk)
    form = EraseForm(_data(request), contact=contact)
    if form.is_bound and form.is_valid():
        try:
            erasure.erase_person(
                email=contact.email, by=request.user, now=timezone.now(), reason=form.cleaned_data["reason"]
            )
        except DomainError as error:
            refuse(form, error)
        else:
            done = "The person is forgotten here; surveys follow within a minute."
            return saved(request, done, href=_href(customer))
    return _drawer(request, customer, form, "contact_erase", f"Forget {contact}", contact=contact)


def _contact(request: HttpRequest, pk: int, contact_pk: int) -> tuple[Customer, Contact]:
    customer = customer_to_edit(request.user, pk)
    found = customer.contacts.filter(pk=contact_pk, erased_at=None).first()
    if found is None or not may_see_identities(request.user):
        raise Http404
    return customer, found


def _href(customer: Customer) -> str:
    return reverse("customers:customer", args=[customer.pk])


def _data(request: HttpRequest) -> Any:
    return request.POST if request.method == "POST" else None


def _drawer(
    request: HttpRequest, customer: Customer, form: Any, part: str, title: str, **context: Any
) -> HttpResponse:
    values = {"customer": customer, "action": request.path, **context}
    return drawer(
        request, f"customers/parts/{part}.html", title=title, form=form, href=_href(customer), **values
    )
