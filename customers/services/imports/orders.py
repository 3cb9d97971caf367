"""One-off purchases from a file: a newer state of an order replaces the stored one."""

from collections.abc import Sequence
from typing import Any

from customers.connectors.table import Row
from customers.models import Customer, Order
from customers.services import facts, staleness
from customers.services.imports.context import ARGUMENTS, Context

REPORTED = ("day", "amount", "currency", "refunded")


def apply(rows: Sequence[Row], context: Context) -> None:
    """Record the state of all orders in one go."""
    rows = context.without_twins(rows, lambda row: row.values["order_id"], "order_id", "id")
    pairs = context.with_customers(rows)
    stored = _stored([row.values["order_id"] for row, _ in pairs], context)
    currencies = _currencies(pairs, context)
    change, first_days = facts.Change(), {}
    for row, pk in pairs:
        old = stored.get(row.values["order_id"])
        if old is not None and old.customer_id != pk:
            context.problems.add(
                row.number,
                "customer_id",
                row.values["customer_id"],
                "is another customer than the one this order belongs to",
                "Correct the customer, or give the order an id of its own.",
            )
            continue
        reported = _reported(row, old, currencies[pk], context)
        if old is not None and all(getattr(old, name) == value for name, value in reported.items()):
            context.counts.unchanged += 1
            continue
        new = Order(customer_id=pk, **reported, **context.fact(row.values["order_id"]))
        change.add(new, instead_of=old)
        context.counts.updated += old is not None
        context.counts.created += old is None
        day = min(new.day, old.day) if old else new.day
        first_days[pk] = min(first_days.get(pk, day), day)
    facts.write(change)
    staleness.mark_each(first_days=first_days, cause="order")


def _reported(row: Row, old: Order | None, currency: str, context: Context) -> dict[str, Any]:
    """What the row says; a file without a column keeps what is stored."""
    usual = {"currency": currency, "refunded": False}
    return {
        name: getattr(old, name)
        if old is not None and name not in context.given
        else row.values.get(name, usual.get(name))
        for name in REPORTED
    }


def _stored(ids: Sequence[str], context: Context) -> dict[str, Order]:
    found: dict[str, Order] = {}
    for start in range(0, len(ids), ARGUMENTS):
        rows = Order.objects.current().filter(
            source=context.source, source_key__in=ids[start : start + ARGUMENTS]
        )
        found.update({order.source_key: order for order in rows})
    return found


def _currencies(pairs: Sequence[tuple[Row, int]], context: Context) -> dict[int, str]:
    """What each customer pays in when the row does not say it."""
    usual = context.organisation.currency
    found = {pk: usual for _, pk in pairs}
    silent = sorted({pk for row, pk in pairs if "currency" not in row.values})
    for start in range(0, len(silent), ARGUMENTS):
        rows = Customer.objects.filter(pk__in=silent[start : start + ARGUMENTS]).exclude(currency="")
        found.update(rows.values_list("pk", "currency"))
    return found
