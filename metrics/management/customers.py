"""Customers as the command line names them."""

from django.core.management.base import CommandError

from customers.models import CustomerSummary, ExternalId
from metrics.management.tables import REFUSED


def customer_id(text: str) -> int:
    """Ids of imported files win over Tend's own, because people know those. Exit 2 when nobody has it."""
    found = ExternalId.objects.filter(value=text).order_by("pk").values_list("customer_id", flat=True).first()
    if found is None and text.isascii() and text.isdigit():
        found = CustomerSummary.objects.filter(pk=int(text)).values_list("pk", flat=True).first()
    if found is None:
        raise CommandError(f"No customer {text}. Give its id as imported.", returncode=REFUSED)
    return found
