"""CustomerStart: one row per customer and currency with its first paid day and MRR at the end of that month.

Sources: Movement, LineSegment. Third of the chain.
"""

from metrics.choices import MovementKind
from metrics.models import CustomerStart, LineSegment, Movement
from metrics.sql.engine import Frame, run, scope, table

# the kind is no condition on rows: that would read the index over all days again for every slice
INSERT = f"""
INSERT INTO {table(CustomerStart)} (customer_id, currency, first_paid_on, cohort, initial)
SELECT first.customer_id, s.currency, first.day, first.cohort,
    coalesce(sum(s.mrr) FILTER (
        WHERE s.from_on <= first.close_on AND (s.to_on IS NULL OR s.to_on > first.close_on)), 0)
FROM (
    SELECT customer_id, day, date_trunc('month', day)::date AS cohort,
        least((date_trunc('month', day) + interval '1 month')::date - 1, %(as_of)s::date) AS close_on
    FROM (
        SELECT customer_id, min(day) FILTER (WHERE kind = '{MovementKind.NEW}') AS day
        FROM {table(Movement)} WHERE {scope()} GROUP BY customer_id
    ) paid WHERE day IS NOT NULL
) first
JOIN {table(LineSegment)} s ON s.customer_id = first.customer_id AND s.mrr > 0 AND s.from_on <= %(as_of)s
    AND {scope("s")}
GROUP BY first.customer_id, s.currency, first.day, first.cohort
ORDER BY first.customer_id, s.currency
"""


def fill(frame: Frame) -> int:
    """Replace the starts of these customers; returns the rows written."""
    run(f"DELETE FROM {table(CustomerStart)} WHERE {scope()}", frame.params)
    return run(INSERT, frame.params)
