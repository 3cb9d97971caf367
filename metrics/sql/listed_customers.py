"""Every customer as lists show it, in integers: what a preview compares with."""

from customers.models import Customer, CustomerSummary
from metrics.formulas.health_numbers import MICRO
from metrics.sql.engine import rows, table

MONEY_PLACES = 8  # decimals of a stored amount

Listed = tuple[int, int, int, int, int | None, int, str]


def listed_customers() -> list[Listed]:
    """(customer, MRR in whole units, the rest of it in 10^-8, owner or 0, score, coverage, band) by customer id.

    Score and coverage in 10^-6; archived customers are left out.
    """
    sql = f"""
SELECT s.customer_id, floor(s.mrr)::bigint, ((s.mrr - floor(s.mrr)) * {10**MONEY_PLACES})::bigint,
    coalesce(s.owner_id, 0), (s.score * {MICRO})::bigint, (s.coverage * {MICRO})::bigint, s.band
FROM {table(CustomerSummary)} s JOIN {table(Customer)} c ON c.id = s.customer_id
WHERE c.archived_at IS NULL ORDER BY s.customer_id"""
    return rows(sql, {})  # type: ignore[return-value] - third-party-type
