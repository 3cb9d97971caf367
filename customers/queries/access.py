"""The only door to customers: pages, parts, search, counts, exports and mails all start here."""

from datetime import date
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404

from accounts.queries.scope import book_owner_ids, write_owner_ids
from customers.models.customer import Customer, CustomerQuerySet


def customers_for(user: Any, *, on: date | None = None) -> CustomerQuerySet:
    """Customers this user may read; `on` looks at the books of a past day with today's rights of the user."""
    return Customer.objects.all().visible_to(user, on=on)


def scope_and_book_for(user: Any) -> tuple[CustomerQuerySet, CustomerQuerySet]:
    """Customers this user may read, and those of them in the user's own book; the same query set when they are equal."""
    owner_ids = book_owner_ids(user)
    scope = Customer.objects.all().in_books_of(owner_ids)
    return scope, scope if owner_ids == {user.pk} else scope.in_book_of(user)


def everybody() -> CustomerQuerySet:
    """All customers, for work that is no person's: recomputing, totals on the command line."""
    return Customer.objects.all()


def customers_to_edit(user: Any) -> CustomerQuerySet:
    """Customers this user may change: the own book for a CSM, the team's for a manager, all for an admin."""
    return Customer.objects.all().in_books_of(write_owner_ids(user))


def customer_for(user: Any, pk: int) -> Customer:
    """One readable customer, or 404: outside the scope and missing look the same."""
    return _or_404(customers_for(user), pk)


def customer_to_edit(user: Any, pk: int) -> Customer:
    """One customer the user may change; 404 outside the read scope, PermissionDenied inside it or when archived."""
    customer = _or_404(customers_for(user), pk)
    if customer.archived_at is not None:
        raise PermissionDenied("This customer is archived and can only be read. Restore it to change it.")
    if not customers_to_edit(user).filter(pk=pk).exists():
        raise PermissionDenied(
            "You may read this customer but not change it. Its CSM, a manager or an admin can."
        )
    return customer


def _or_404(customers: CustomerQuerySet, pk: int) -> Customer:
    customer = customers.filter(pk=pk).first()
    if customer is None:
        raise Http404
    return customer
