"""Planner statistics of the fact tables: after an import the planner knows nothing of the new rows."""

from django.db.models import Model

from customers.models import (
    Assignment,
    AttributeValue,
    Customer,
    LineVersion,
    Subscription,
    Ticket,
    Touchpoint,
    UsageEvent,
)
from metrics.sql.engine import rows, run

FACTS: tuple[type[Model], ...] = (
    Customer,
    Subscription,
    LineVersion,
    AttributeValue,
    Assignment,
    Touchpoint,
    Ticket,
)

# tables and partitions of which more than a tenth (and 500 rows) has changed since they were last looked at
CHANGED = """
SELECT relid::regclass::text FROM pg_stat_user_tables
WHERE (relname = ANY(%(facts)s) OR relname LIKE %(partitions)s)
    AND n_mod_since_analyze > 500 + n_live_tup / 10
ORDER BY relname
"""


def analyze_changed() -> int:
    """ANALYZE the fact tables that have changed much; returns how many."""
    found = rows(
        CHANGED,
        {
            "facts": [model._meta.db_table for model in FACTS],
            "partitions": f"{UsageEvent._meta.db_table}_%",
        },
    )
    for (name,) in found:
        run(f"ANALYZE {name}", {})
    return len(found)
