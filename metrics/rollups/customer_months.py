"""CustomerMonth: one row per customer and month. Sources: LineSegment, Movement, CustomerStart, CurrencyFactor. Fourth of the chain.

Native MRR is summed first and expanded to months last; every value is native x the factor of the month's closing day.
A churn that is followed by a return inside the month counts in the base flows as its difference (C-2).
"""

from datetime import date

from metrics.choices import MovementKind
from metrics.formulas.periods import months_ago
from metrics.models import CurrencyFactor, CustomerMonth, CustomerStart, LineSegment, Movement
from metrics.rollups.engine import DELTAS, MONTHS, Frame, rows, run, scope, table

YEAR = 12  # months


def _sums(kind: MovementKind) -> str:
    return (
        f"coalesce(sum(amount) FILTER (WHERE kind = '{kind}'), 0) AS {kind},"
        f" count(*) FILTER (WHERE kind = '{kind}') AS {kind}_n"
    )


_KINDS = [kind.value for kind in MovementKind]
_GAP = "kind = 'reactivation' AND prior IS NOT NULL"

INSERT = f"""
INSERT INTO {table(CustomerMonth)}
    (customer_id, month, close_on, opening, {", ".join(_KINDS)}, {", ".join(f"{kind}_n" for kind in _KINDS)},
     fx, closing, base_expansion, base_contraction, base_churn, opening_at_close, kept, then_12m, kept_12m,
     cohort, initial_at_close)
WITH months AS ({MONTHS}),
deltas AS ({DELTAS.format(segments=table(LineSegment), scope=scope())}),
running AS (
    SELECT customer_id, currency, month, lead(month) OVER w AS next_month, sum(delta) OVER w AS native
    FROM (
        SELECT customer_id, currency, date_trunc('month', day)::date AS month, sum(delta) AS delta
        FROM deltas GROUP BY 1, 2, 3
    ) monthly
    WINDOW w AS (PARTITION BY customer_id, currency ORDER BY month)
),
held AS (
    SELECT r.customer_id, r.currency, m.month, r.native
    FROM running r JOIN months m ON m.month >= r.month AND (r.next_month IS NULL OR m.month < r.next_month)
    WHERE r.native > 0
),
seen AS (
    SELECT customer_id, currency, month, sum(now) AS now, sum(opening) AS opening, sum(year_ago) AS year_ago
    FROM (
        SELECT customer_id, currency, month, native AS now, 0 AS opening, 0 AS year_ago FROM held
        UNION ALL
        SELECT customer_id, currency, (month + interval '1 month')::date, 0, native, 0 FROM held
        WHERE month < %(last_month)s
        UNION ALL
        SELECT customer_id, currency, (month + interval '1 year')::date, 0, 0, native FROM held
        WHERE month < %(last_month)s::date - interval '1 year'
        UNION ALL
        SELECT customer_id, currency, %(last_month)s::date, 0, 0, sum(delta) FROM deltas
        WHERE day <= %(year_ago)s GROUP BY customer_id, currency HAVING sum(delta) > 0
    ) shifted
    GROUP BY customer_id, currency, month
),
valued AS (
    SELECT s.customer_id, s.month, sum(s.now * f.factor) AS closing, sum(s.opening * f.factor) AS opening_at_close,
        sum(s.year_ago * f.factor) AS then_12m
    FROM seen s JOIN months m USING (month)
    JOIN {table(CurrencyFactor)} f ON f.currency = s.currency AND f.day = m.close_on
    GROUP BY s.customer_id, s.month
),
moved AS (
    SELECT customer_id, month, {", ".join(_sums(kind) for kind in MovementKind)},
        coalesce(sum(amount) FILTER (WHERE kind = 'expansion'), 0)
            + coalesce(sum(greatest(amount + prior, 0)) FILTER (WHERE {_GAP}), 0) AS base_expansion,
        coalesce(-sum(amount) FILTER (WHERE kind = 'contraction'), 0)
            + coalesce(sum(greatest(-amount - prior, 0)) FILTER (WHERE {_GAP}), 0) AS base_contraction,
        coalesce(-sum(amount) FILTER (WHERE kind = 'churn' AND NOT returns), 0) AS base_churn
    FROM (
        SELECT customer_id, date_trunc('month', day)::date AS month, kind, amount,
            lag(amount) OVER w AS prior, lead(kind) OVER w IS NOT NULL AS returns
        FROM {table(Movement)} WHERE {scope()}
        WINDOW w AS (PARTITION BY customer_id, date_trunc('month', day), kind IN ('churn', 'reactivation') ORDER BY day)
    ) paired
    GROUP BY customer_id, month
),
joined AS (
    SELECT customer_id, month,
        coalesce(v.closing, 0) AS closing, coalesce(v.opening_at_close, 0) AS opening_at_close,
        coalesce(v.then_12m, 0) AS then_12m,
        CASE WHEN lag(month) OVER w = (month - interval '1 month')::date
            THEN lag(coalesce(v.closing, 0)) OVER w ELSE 0 END AS opening,
        {", ".join(f"coalesce(m.{kind}, 0) AS {kind}, coalesce(m.{kind}_n, 0) AS {kind}_n" for kind in _KINDS)},
        coalesce(m.base_expansion, 0) AS base_expansion, coalesce(m.base_contraction, 0) AS base_contraction,
        coalesce(m.base_churn, 0) AS base_churn
    FROM valued v FULL JOIN moved m USING (customer_id, month)
    WINDOW w AS (PARTITION BY customer_id ORDER BY month)
),
started AS (
    SELECT j.customer_id, j.month, min(s.cohort) AS cohort, sum(s.initial * f.factor) AS initial
    FROM joined j JOIN months m USING (month)
    JOIN {table(CustomerStart)} s ON s.customer_id = j.customer_id
    JOIN {table(CurrencyFactor)} f ON f.currency = s.currency AND f.day = m.close_on
    GROUP BY j.customer_id, j.month
)
SELECT j.customer_id, j.month, m.close_on, j.opening, {", ".join(f"j.{kind}" for kind in _KINDS)},
    {", ".join(f"j.{kind}_n" for kind in _KINDS)},
    j.closing - j.opening - {" - ".join(f"j.{kind}" for kind in _KINDS)}, j.closing,
    CASE WHEN j.opening > 0 THEN j.base_expansion ELSE 0 END,
    CASE WHEN j.opening > 0 THEN j.base_contraction ELSE 0 END,
    CASE WHEN j.opening > 0 THEN j.base_churn ELSE 0 END,
    j.opening_at_close, least(j.opening_at_close, j.closing), j.then_12m, least(j.then_12m, j.closing),
    s.cohort, coalesce(s.initial, 0)
FROM joined j JOIN months m USING (month) LEFT JOIN started s USING (customer_id, month)
ORDER BY j.customer_id, j.month
"""

FIRST_MONTH = f"SELECT date_trunc('month', min(day))::date FROM {table(Movement)} WHERE {scope()}"
FIRST_ROW = f"SELECT min(month) FROM {table(CustomerMonth)} WHERE {scope()}"


def fill(frame: Frame) -> date | None:
    """Replace the months of these customers; returns the first month whose rows may have changed, or None."""
    before = rows(FIRST_ROW, frame.params)[0][0]
    first = rows(FIRST_MONTH, frame.params)[0][0]
    run(f"DELETE FROM {table(CustomerMonth)} WHERE {scope()}", frame.params)
    if first is not None:
        year_ago = months_ago(frame.as_of, YEAR)
        run(INSERT, {**frame.params, "first_month": first, "year_ago": year_ago})
    return min((month for month in (before, first) if month is not None), default=None)
