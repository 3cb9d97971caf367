"""People at a customer."""

from datetime import date, datetime
from typing import Any, TypedDict, Unpack

from django.db import IntegrityError, transaction

from config.web.errors import DomainError
from config.work import audit
from customers.models import Contact, Customer
from customers.services import search_text
from customers.services.customers import EditedMeanwhileError
from customers.services.facts import refusal
from customers.services.imports import registry


class ContactFields(TypedDict, total=False):
    """What people may set on a contact."""

    email: str
    name: str
    role: str
    language: str
    time_zone: str
    do_not_survey: bool
    legal_basis: str
    legal_basis_on: date | None
    legal_basis_source: str
    left_on: date | None


class ErasedContactError(DomainError):
    """The person has been erased; nothing is written about them any more."""

    code = "contact_erased"


@transaction.atomic
def create_contact(
    *,
    customer: Customer,
    email: str,
    by: Any,
    now: datetime,
    source: str = "tend",
    external_id: str = "",
    **fields: Unpack[ContactFields],
) -> Contact:
    """A new person; a second one with the same address at this customer, or an erased address, is refused."""
    if registry.erased_check()(email):
        raise ErasedContactError(
            "This person has asked to be forgotten.",
            hint="Without the person’s own new request the address stays out.",
            field="email",
        )
    contact = Contact(
        customer=customer, email=email.strip(), source=source, external_id=external_id, **fields
    )
    _save(contact)
    search_text.refresh([customer.pk])
    audit.record(by=by, now=now, action="contact.created", subject=contact, after={"email": contact.email})
    return contact


@transaction.atomic
def update_contact(
    *, contact: Contact, version: int, changes: ContactFields, by: Any, now: datetime
) -> Contact:
    """Change a contact the person read at `version`."""
    stored = Contact.objects.select_for_update().get(pk=contact.pk)
    if stored.version != version:
        raise EditedMeanwhileError(
            f"Somebody else has saved {stored} meanwhile.",
            hint="Look at the new values and save yours again if they still hold.",
        )
    if stored.erased_at is not None:
        raise ErasedContactError("This person has been erased.", hint="Add a new contact instead.")
    before = {name: _plain(getattr(stored, name)) for name in changes}
    for name, value in changes.items():
        setattr(stored, name, value)
    stored.version = version + 1
    _save(stored)
    search_text.refresh([stored.customer_id])
    after = {name: _plain(value) for name, value in changes.items()}
    audit.record(by=by, now=now, action="contact.updated", subject=stored, before=before, after=after)
    return stored


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def _save(contact: Contact) -> None:
    try:
        with transaction.atomic():
            contact.save()
    except IntegrityError as error:
        raise refusal(error) from error
