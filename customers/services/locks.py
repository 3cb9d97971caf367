"""All row locks of the app, always in key order."""

from collections.abc import Iterable

from django.db.models import F

from config.work.pg import Among
from customers.models import Customer, CustomerSummary


def lock_customers(customer_ids: Iterable[int]) -> list[int]:
    """Hold these customers until the transaction ends; returns the ids that exist."""
    rows = Customer.objects.select_for_update(no_key=True).filter(pk__in=list(customer_ids)).order_by("pk")
    return list(rows.values_list("pk", flat=True))


def lock_summaries(customer_ids: Iterable[int]) -> None:
    """Wait for whoever computes these customers, and hold their summary rows: one scoring per customer at a time."""
    rows = CustomerSummary.objects.select_for_update().filter(Among(F("customer_id"), list(customer_ids)))
    list(rows.order_by("customer_id").values_list("customer_id", flat=True))


def lock_summaries_unless_taken(customer_ids: Iterable[int]) -> list[int]:
    """Hold the summary rows nobody else holds: one refresh per customer at a time, nobody waits."""
    rows = CustomerSummary.objects.select_for_update(skip_locked=True).filter(
        Among(F("customer_id"), list(customer_ids))
    )
    return list(rows.order_by("customer_id").values_list("customer_id", flat=True))
