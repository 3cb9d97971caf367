"""Customers below a customer, however deep, in one recursive statement."""

from customers.models import Customer
from metrics.sql.engine import rows, table

_BELOW = f"""
WITH RECURSIVE below AS (
    SELECT c.id, 1 AS depth, ARRAY[%(top)s::bigint, c.id] AS path FROM {table(Customer)} c WHERE c.parent_id = %(top)s
    UNION ALL
    SELECT c.id, b.depth + 1, b.path || c.id FROM below b JOIN {table(Customer)} c ON c.parent_id = b.id
    WHERE c.id <> ALL (b.path)
)
SELECT id, min(depth) FROM below GROUP BY id ORDER BY 2, 1
"""


def ids_below(customer_id: int) -> list[tuple[int, int]]:
    """(customer, levels below) of everybody under a customer; a circle ends where it closes."""
    return rows(_BELOW, {"top": customer_id})  # type: ignore[return-value] - two columns
