"""Cohort cells of some customers, read from their starts and months."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from metrics.models import CompanyMonth, CurrencyFactor, CustomerMonth, CustomerStart
from metrics.sql.engine import rows, scope, table, who

Cell = tuple[date, int, date, int, int, Decimal, Decimal, Decimal]

CELLS = f"""
WITH months AS (
    SELECT month, close_on FROM {table(CompanyMonth)} WHERE close_on = (month + interval '1 month')::date - 1
),
sizes AS (SELECT cohort, count(DISTINCT customer_id) AS size FROM {table(CustomerStart)} WHERE {scope()} GROUP BY cohort),
begun AS (
    SELECT s.cohort, s.customer_id, m.month, coalesce(sum(s.initial * f.factor), 0) AS initial
    FROM {table(CustomerStart)} s JOIN months m ON m.month >= s.cohort
    LEFT JOIN {table(CurrencyFactor)} f ON f.currency = s.currency AND f.day = m.close_on
    WHERE {scope("s")}
    GROUP BY 1, 2, 3
),
held AS (SELECT customer_id, month, closing FROM {table(CustomerMonth)} WHERE closing > 0 AND {scope()})
SELECT z.cohort,
    ((extract(year FROM m.month) - extract(year FROM z.cohort)) * 12
        + extract(month FROM m.month) - extract(month FROM z.cohort))::int,
    m.close_on, z.size, count(h.customer_id), coalesce(sum(b.initial), 0),
    coalesce(sum(least(b.initial, h.closing)) FILTER (WHERE h.closing IS NOT NULL), 0), coalesce(sum(h.closing), 0)
FROM sizes z JOIN months m ON m.month >= z.cohort
LEFT JOIN begun b ON b.cohort = z.cohort AND b.month = m.month
LEFT JOIN held h ON h.customer_id = b.customer_id AND h.month = m.month
GROUP BY z.cohort, m.month, m.close_on, z.size
ORDER BY z.cohort, m.month
"""


def cells(ids: Iterable[int]) -> list[Cell]:
    """(cohort, k, close_on, size, paying, initial, kept, mrr) of every complete month, by cohort and k."""
    return rows(CELLS, who(ids))
