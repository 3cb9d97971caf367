"""People found by their address."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from django.db.models.functions import Lower

from customers.models import Contact
from customers.queries.access import customers_to_edit

AT_ONCE = 10_000  # addresses per statement


def contacts_by_email(emails: Iterable[str], *, user: Any = None) -> dict[str, dict[int, int]]:
    """Per address in small letters: customer and contact of everybody who has it, at customers `user` may change."""
    wanted = sorted({email.lower() for email in emails})
    rows = Contact.objects.filter(erased_at=None).annotate(address=Lower("email"))
    if user is not None:
        rows = rows.filter(customer__in=customers_to_edit(user))
    found: dict[str, dict[int, int]] = defaultdict(dict)
    for start in range(0, len(wanted), AT_ONCE):
        some = rows.filter(address__in=wanted[start : start + AT_ONCE])
        for address, customer_id, pk in some.values_list("address", "customer_id", "pk"):
            found[address][customer_id] = pk
    return found
