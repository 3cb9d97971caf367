"""CohortMonth: one row per cohort and complete month. Sources: CustomerStart, CustomerMonth, CurrencyFactor. Last of the chain.

A customer that returns goes back to its old row (R-3); months still running are left out (R-2).
"""

from metrics.models import CohortMonth, CurrencyFactor, CustomerMonth, CustomerStart
from metrics.rollups.engine import MONTHS, Frame, rows, run, table

INSERT = f"""
INSERT INTO {table(CohortMonth)} (cohort, k, close_on, size, paying, initial, kept, mrr)
WITH months AS (
    SELECT * FROM ({MONTHS}) m WHERE close_on = (month + interval '1 month')::date - 1
),
sizes AS (SELECT cohort, count(DISTINCT customer_id) AS size FROM {table(CustomerStart)} GROUP BY cohort),
natives AS (SELECT cohort, currency, sum(initial) AS initial FROM {table(CustomerStart)} GROUP BY cohort, currency),
initials AS (
    SELECT n.cohort, m.month, sum(n.initial * f.factor) AS initial
    FROM natives n JOIN months m ON m.month >= n.cohort
    JOIN {table(CurrencyFactor)} f ON f.currency = n.currency AND f.day = m.close_on
    GROUP BY n.cohort, m.month
),
held AS (
    SELECT cohort, month, count(*) AS paying, sum(closing) AS mrr, sum(least(initial_at_close, closing)) AS kept
    FROM {table(CustomerMonth)} WHERE closing > 0 GROUP BY cohort, month
)
SELECT s.cohort,
    (extract(year FROM m.month) - extract(year FROM s.cohort)) * 12 + extract(month FROM m.month) - extract(month FROM s.cohort),
    m.close_on, s.size, coalesce(h.paying, 0), coalesce(i.initial, 0), coalesce(h.kept, 0), coalesce(h.mrr, 0)
FROM sizes s JOIN months m ON m.month >= s.cohort
LEFT JOIN initials i ON i.cohort = s.cohort AND i.month = m.month
LEFT JOIN held h ON h.cohort = s.cohort AND h.month = m.month
ORDER BY s.cohort, m.month
"""


def fill(frame: Frame) -> int:
    """Replace the whole table (some thousand rows); returns the rows written."""
    run(f"DELETE FROM {table(CohortMonth)}", {})
    first = rows(f"SELECT min(cohort) FROM {table(CustomerStart)}", {})[0][0]
    return 0 if first is None else run(INSERT, {**frame.params, "first_month": first})
