"""What a customer pays for on a day."""

from datetime import date, timedelta
from typing import Any

from django.db.models import Q

from customers.choices import LineKind
from customers.models import Customer, LineVersion

ENDED_SHOWN_DAYS = 90  # a line that ended lately is still talked about


def lines_on(customer: Customer, *, day: date) -> list[Any]:
    """Recurring line versions in force on a day, then those to come and those that ended in the last 90 days."""
    rows = LineVersion.objects.filter(
        customer=customer, kind=LineKind.RECURRING, superseded_by=None, voids=False
    )
    recent = Q(to_on=None) | Q(to_on__gt=day - timedelta(days=ENDED_SHOWN_DAYS))
    return list(rows.filter(recent).select_related("subscription").order_by("from_on", "pk"))
