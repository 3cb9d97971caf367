"""Addresses that must not be asked."""

from collections.abc import Callable
from datetime import datetime

from django.db.models import QuerySet

from customers.models import Contact, Customer
from surveys.choices import SuppressionReason
from surveys.formulas.addresses import address_key
from surveys.models import Suppression


def suppressions_like(text: str) -> QuerySet[Suppression]:
    """Entries in force whose address holds the text; erased ones have no address and match only the empty text."""
    rows = Suppression.objects.filter(lifted_at=None)
    wanted = text.replace("\0", "").strip().lower()[:254]
    return rows.filter(email__contains=wanted) if wanted else rows


def blocked_contacts(
    customer: Customer, *, hasher: Callable[[str], str], now: datetime
) -> list[tuple[Contact, list[Suppression]]]:
    """Present contacts of a customer whose address is on the list, each with its entries in force."""
    by_hash: dict[str, Contact] = {}
    for contact in Contact.objects.filter(customer=customer, left_on=None, erased_at=None).order_by("pk"):
        key = address_key(contact.email)
        if key:
            by_hash[hasher(key)] = contact
    entries: dict[str, list[Suppression]] = {}
    for row in Suppression.objects.in_force(now).filter(email_hash__in=list(by_hash)).order_by("occurred_at"):
        entries.setdefault(row.email_hash, []).append(row)
    return [(by_hash[email_hash], rows) for email_hash, rows in entries.items()]


def is_erased(email_hash: str) -> bool:
    """Whether somebody with this address asked to be forgotten."""
    return Suppression.objects.filter(
        email_hash=email_hash, reason=SuppressionReason.ERASED, lifted_at=None
    ).exists()
