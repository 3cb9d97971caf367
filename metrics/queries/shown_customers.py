"""Customers and MRR as lists count them, for totals over everybody."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Count, Sum

from customers.models import CustomerSummary
from customers.models.customer import CustomerQuerySet


@dataclass(frozen=True, slots=True)
class ShownCustomer:
    """One customer with its MRR in the reporting currency."""

    pk: int
    name: str
    mrr: Decimal


def shown_customers() -> list[ShownCustomer]:
    """All customers that are not archived."""
    rows = CustomerSummary.objects.filter(customer__archived_at=None).order_by("customer_id")
    return [ShownCustomer(*row) for row in rows.values_list("customer_id", "customer__name", "mrr")]


def bands_in(customers: CustomerQuerySet) -> dict[str, tuple[int, Decimal]]:
    """Customers and MRR per band among some customers, archived ones left out."""
    rows = CustomerSummary.objects.filter(customer__in=customers.active()).order_by()
    counted = rows.values_list("band").annotate(customers=Count("pk"), mrr=Sum("mrr"))
    return {band: (count, mrr or Decimal(0)) for band, count, mrr in counted}


def names_of(customer_ids: Iterable[int]) -> dict[int, str]:
    """{customer id: name}, archived ones too."""
    rows = CustomerSummary.objects.filter(customer_id__in=list(customer_ids))
    return dict(rows.values_list("customer_id", "customer__name"))
