"""One customer's page: the facts of its head, its people, and its fields."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models.functions import Now

from accounts.models import User
from accounts.permissions import may_see_identities
from accounts.queries.scope import write_owner_ids
from customers.choices import AssignmentRole
from customers.models import Assignment, Contact, Customer, CustomerSummary, CustomField, Pulse
from customers.queries.access import customer_for, customers_to_edit

CONTACTS_SHOWN = 12


@dataclass(frozen=True)
class CustomerHead:
    """Who the customer is and how it stands today; `may_write` says whether the reader may change it."""

    customer: Customer
    summary: CustomerSummary
    holders: tuple[Assignment, ...]
    external_ids: tuple[str, ...]
    pulse: Pulse | None
    is_stale: bool
    may_write: bool
    may_assign: bool

    @property
    def primary(self) -> Assignment | None:
        """The primary CSM's assignment, or None while nobody is assigned."""
        return next((held for held in self.holders if held.role == AssignmentRole.PRIMARY), None)


@dataclass(frozen=True)
class People:
    """Contacts of a customer; names are hidden from readers who may not see identities."""

    rows: tuple[Contact, ...]
    total: int
    named: bool
    may_write: bool = False


@dataclass(frozen=True)
class FieldRow:
    """One fact of the fields panel. `kind` tells how to show the value."""

    label: str
    value: Any
    kind: str = "text"
    unit: str = ""


def customer_head(user: User, pk: int, *, today: date) -> CustomerHead:
    """The head of one customer, or 404 outside the reader's scope."""
    customer = customer_for(user, pk)
    summary = CustomerSummary.objects.select_related("owner").filter(customer=customer).first()
    may_write = customer.archived_at is None and customers_to_edit(user).filter(pk=pk).exists()
    return CustomerHead(
        customer=customer,
        summary=summary or CustomerSummary(customer=customer),
        holders=holders_of(customer, today=today),
        external_ids=tuple(f"{row.source}: {row.value}" for row in customer.external_ids.order_by("pk")),
        pulse=latest_pulse(customer),
        is_stale=customer.stale_marks.exists(),
        may_write=may_write,
        may_assign=may_write and write_owner_ids(user) != {user.pk},
    )


def holders_of(customer: Customer, *, today: date) -> tuple[Assignment, ...]:
    """Who holds the customer on a day: primary, co-owners, cover."""
    rows = Assignment.objects.filter(customer=customer, superseded_by=None, voids=False, from_on__lte=today)
    rows = rows.exclude(to_on__lte=today).select_related("user").order_by("-role", "pk")
    return tuple(rows)


def latest_pulse(customer: Customer) -> Pulse | None:
    """The pulse in force, unset ones included; None before the first."""
    rows = Pulse.objects.filter(
        customer=customer, superseded_by=None, voids=False, occurred_at__lte=Now()
    )  # `unset` of a change of CSM may lie ahead
    return rows.select_related("recorded_by").order_by("-occurred_at", "-pk").first()


def people_of(
    customer: Customer, user: User, *, shown: int = CONTACTS_SHOWN, may_write: bool = False
) -> People:
    """Contacts by name, those who left last."""
    rows = Contact.objects.filter(customer=customer, erased_at=None).order_by("left_on", "name", "pk")
    found = list(rows)
    found.sort(key=lambda contact: contact.left_on is not None)
    named = may_see_identities(user)
    return People(tuple(found[:shown]), len(found), named, named and may_write)


def fields_of(customer: Customer) -> list[FieldRow]:
    """Attributes, then the organisation's own fields; a field without a value is listed with None."""
    own = [
        FieldRow(field.label, customer.custom.get(field.key), field.kind, field.unit)
        for field in CustomField.objects.filter(is_archived=False).order_by("pk")
    ]
    fixed = [
        FieldRow("Domain", customer.domain),
        FieldRow("Industry", customer.industry),
        FieldRow("Segment", customer.segment),
        FieldRow("Region", customer.region),
        FieldRow("Country", customer.country),
        FieldRow("Time zone", customer.time_zone),
    ]
    return [row for row in fixed if row.value] + own
