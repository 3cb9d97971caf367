"""The revenue and usage part of CustomerSummary, made from the rollups."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from accounts.queries import organisation
from customers.services import summaries
from metrics.queries.summary_facts import summary_facts_of


def publish_revenue(*, customer_ids: Sequence[int], as_of: date) -> int:
    """Write MRR, its change in 90 days, plan, renewal day and usage of these customers; returns the rows written."""
    currency = organisation.current().currency
    rows: Mapping[int, Mapping[str, Any]] = {
        pk: {**facts, "currency": currency}
        for pk, facts in summary_facts_of(customer_ids, as_of=as_of).items()
    }
    return summaries.publish(rows)
