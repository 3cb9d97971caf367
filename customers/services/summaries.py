"""The one writer of CustomerSummary."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import F

from config.work.pg import COPY_FROM, Among, insert_models, update_values
from customers.models import CustomerSummary

_FIELDS = {field.name for field in CustomerSummary._meta.fields} - {"customer"}
BATCH = 2000  # rows per statement: below PostgreSQL's limit of 65,535 parameters


def publish(rows: Mapping[int, Mapping[str, Any]]) -> int:
    """Write {customer id: {field: value}}; all rows name the same fields. Returns how many rows were given.

    Unnamed fields keep their value, so that revenue, health and daily work may publish apart.
    """
    if not rows:
        return 0
    names = sorted(next(iter(rows.values())))
    columns = [CustomerSummary._meta.get_field(name).attname for name in names]
    unknown = {name.removesuffix("_id") for name in names} - _FIELDS
    if unknown:
        message = f"CustomerSummary has no field {', '.join(sorted(unknown))}"
        raise ValueError(message)
    if len(rows) >= COPY_FROM and CustomerSummary.objects.filter(Among(F("pk"), list(rows))).count() == len(
        rows
    ):
        values = ((pk, *(found[name] for name in names)) for pk, found in sorted(rows.items()))
        update_values(CustomerSummary, names, values)
        return len(rows)
    written = [
        CustomerSummary(
            customer_id=pk,
            **{column: rows[pk][name] for column, name in zip(columns, names, strict=True)},
        )
        for pk in sorted(rows)
    ]
    CustomerSummary.objects.bulk_create(
        written,
        update_conflicts=True,
        unique_fields=["customer"],
        update_fields=names,
        batch_size=BATCH,
    )
    return len(rows)


def ensure(customer_ids: Iterable[int]) -> None:
    """An empty summary for every customer that has none, so that it can be locked and listed."""
    CustomerSummary.objects.bulk_create(
        [CustomerSummary(customer_id=pk) for pk in sorted(set(customer_ids))],
        ignore_conflicts=True,
        batch_size=BATCH,
    )


def make(customer_ids: Iterable[int]) -> None:
    """Empty summaries of customers that were made in this transaction, many at once."""
    insert_models([CustomerSummary(customer_id=pk) for pk in customer_ids])
