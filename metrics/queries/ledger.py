"""The ledger of movements, per customer and as it is exported."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Min, QuerySet

from customers.models import Customer, ExternalId
from metrics.formulas.money import ZERO, exactly
from metrics.models import Movement
from metrics.queries.usage_windows import Ids, within


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """A movement with what exchange rates did to the customer since its last one: before = last after + fx."""

    customer: str
    day: date
    kind: str
    amount: Decimal
    mrr_before: Decimal
    mrr_after: Decimal
    reason: str
    fx: Decimal


def movements_for(customer: Customer) -> QuerySet[Movement]:
    """All movements of one customer, oldest first."""
    return Movement.objects.filter(customer=customer).order_by("day")


def names_of_customers() -> QuerySet[Any]:
    """(customer id, the id it came with): the oldest external id of each customer that has one."""
    return ExternalId.objects.order_by("customer_id", "pk").distinct("customer_id")


def ledger_rows(
    *, first: date | None = None, last: date | None = None, customers: Ids = None
) -> Iterator[LedgerRow]:
    """Movements between two days, both included, by customer and day. Customers are named by their external id."""
    names = dict(names_of_customers().values_list("customer_id", "value"))
    rows = within(Movement.objects.order_by("customer_id", "day"), customers)
    if last is not None:
        rows = rows.filter(day__lte=last)
    held, after = 0, ZERO
    for row in rows.iterator(chunk_size=5_000):
        after = after if row.customer_id == held else ZERO
        fx, held, after = _drift(row.mrr_before, after), row.customer_id, row.mrr_after
        if first is None or row.day >= first:
            name = names.get(row.customer_id, str(row.customer_id))
            yield LedgerRow(
                name, row.day, row.kind, row.amount, row.mrr_before, row.mrr_after, row.reason, fx
            )


@exactly
def _drift(before: Decimal, last_after: Decimal) -> Decimal:
    return before - last_after


def customer_named(text: str) -> int | None:
    """Id of the customer with this external id (`ext:<source>:<id>` names the source), or None."""
    if text.startswith("ext:"):
        _, source, value = (*text.split(":", 2), "", "")[:3]
        rows = ExternalId.objects.filter(source=source, value=value)
    else:
        rows = ExternalId.objects.filter(value=text)
    return rows.order_by("pk").values_list("customer_id", flat=True).first()


def first_ledger_day() -> date | None:
    """Day of the first movement of all."""
    return Movement.objects.aggregate(first=Min("day"))["first"]
