"""DuckDB in memory, one thread: a dense row per customer and month, then the bridge, cohorts, NRR and GRR as sums over it.

Money is DECIMAL throughout: cents natively, amounts at a day's factor with 18 decimals, so every sum is exact.
"""

from pathlib import Path
from typing import Any

import duckdb

_held: dict[str, duckdb.DuckDBPyConnection] = {}

DENSE = """
CREATE OR REPLACE TABLE moves AS
SELECT customer, currency, day, month, d, d * factor AS amount, CASE
    WHEN after = d AND number = 1 THEN 'new' WHEN after = d THEN 'reactivation' WHEN after = 0 THEN 'churn'
    WHEN d > 0 THEN 'expansion' ELSE 'contraction' END AS kind
FROM (
    SELECT l.*, f.factor, (year(l.day) * 12 + month(l.day) - 1)::INTEGER AS month,
        (sum(d) OVER w)::DECIMAL(18, 2) AS after, row_number() OVER w AS number
    FROM (
        SELECT customer, currency, day, sum(d)::DECIMAL(18, 2) AS d FROM (
            SELECT customer, currency, from_on AS day, mrr AS d FROM lines
            UNION ALL SELECT customer, currency, to_on, -mrr FROM lines WHERE to_on <= $as_of
        ) GROUP BY ALL HAVING sum(d) <> 0
    ) l JOIN factors f ON f.currency = l.currency AND f.day = l.day
    WINDOW w AS (PARTITION BY l.customer ORDER BY l.day)
);
CREATE OR REPLACE TABLE dense AS
WITH months AS (
    SELECT customer, currency, month, sum(d) AS net,
        sum(amount) FILTER (kind = 'new') AS new, sum(amount) FILTER (kind = 'reactivation') AS reactivation,
        sum(amount) FILTER (kind = 'expansion') AS expansion, sum(amount) FILTER (kind = 'contraction') AS contraction,
        sum(amount) FILTER (kind = 'churn') AS churn
    FROM moves GROUP BY ALL
),
starts AS (SELECT customer, any_value(currency) AS currency, min(month) AS cohort FROM months GROUP BY customer),
grid AS (
    SELECT s.customer, s.currency, s.cohort, m.month
    FROM starts s JOIN (SELECT unnest(range($first, $last + 1))::INTEGER AS month) m ON m.month >= s.cohort
),
running AS (
    SELECT g.customer, g.currency, g.cohort, g.month, new, reactivation, expansion, contraction, churn,
        (sum(coalesce(net, 0)) OVER w)::DECIMAL(18, 2) AS closing
    FROM grid g LEFT JOIN months m ON m.customer = g.customer AND m.month = g.month
    WINDOW w AS (PARTITION BY g.customer ORDER BY g.month)
)
SELECT *, coalesce(lag(closing) OVER w, 0) AS opening, coalesce(lag(closing, 12) OVER w, 0) AS then_12m,
    first_value(closing) OVER w AS initial
FROM running WINDOW w AS (PARTITION BY customer ORDER BY month);
"""

# natively summed per currency, valued once per month: the cheapest exact way
COMPANY = """
SELECT d.month, sum(closing * factor), sum(new), sum(reactivation), sum(expansion), sum(contraction), sum(churn),
    sum(opening * factor), sum(kept * factor), sum(then_12m * factor), sum(kept_12m * factor), sum(now_12m * factor),
    sum(paying)
FROM (
    SELECT month, currency, sum(closing)::DECIMAL(18, 2) AS closing, coalesce(sum(new), 0) AS new,
        coalesce(sum(reactivation), 0) AS reactivation, coalesce(sum(expansion), 0) AS expansion,
        coalesce(sum(contraction), 0) AS contraction, coalesce(sum(churn), 0) AS churn,
        sum(opening)::DECIMAL(18, 2) AS opening, sum(least(opening, closing))::DECIMAL(18, 2) AS kept,
        sum(then_12m)::DECIMAL(18, 2) AS then_12m, sum(least(then_12m, closing))::DECIMAL(18, 2) AS kept_12m,
        coalesce(sum(closing) FILTER (then_12m > 0), 0)::DECIMAL(18, 2) AS now_12m, count(*) FILTER (closing > 0) AS paying
    FROM dense GROUP BY ALL
) d JOIN closes c ON c.month = d.month AND c.currency = d.currency
GROUP BY d.month ORDER BY d.month
"""
COHORTS = """
SELECT d.cohort, d.month - d.cohort, sum(size), sum(paying), sum(initial * factor), sum(kept * factor), sum(mrr * factor)
FROM (
    SELECT cohort, month, currency, count(*) AS size, count(*) FILTER (closing > 0) AS paying,
        sum(initial)::DECIMAL(18, 2) AS initial, sum(least(initial, closing))::DECIMAL(18, 2) AS kept,
        sum(closing)::DECIMAL(18, 2) AS mrr
    FROM dense GROUP BY ALL
) d JOIN closes c ON c.month = d.month AND c.currency = d.currency
GROUP BY d.cohort, d.month ORDER BY 1, 2
"""
MONTH = (
    "closing", "new", "reactivation", "expansion", "contraction", "churn", "opening_at_close", "kept", "then_12m",
    "kept_12m", "now_12m", "close_logos",
)  # fmt: skip
COHORT = ("size", "paying", "initial", "kept", "mrr")


def prepare(folder: str, threads: int = 1) -> int:
    """Load the files into memory; not timed."""
    connection = duckdb.connect(":memory:")
    connection.execute(f"SET threads = {threads}")
    source = Path(folder)
    connection.execute(
        "CREATE TABLE lines AS SELECT customer::INTEGER AS customer, currency, from_on, to_on,"
        f" (cents / 100)::DECIMAL(18, 2) AS mrr FROM read_csv('{source / 'lines.csv'}', types = {{'to_on': 'DATE'}})"
    )
    connection.execute(
        "CREATE TABLE factors AS SELECT currency, day, factor::DECIMAL(20, 16) AS factor"
        f" FROM read_csv('{source / 'factors.csv'}', types = {{'factor': 'DECIMAL(20, 16)'}})"
    )
    connection.execute(
        "CREATE TABLE closes AS SELECT currency, (year(day) * 12 + month(day) - 1)::INTEGER AS month, factor"
        " FROM factors WHERE day = last_day(day)"
    )
    _held["it"] = connection
    return int(connection.execute("SELECT count(*) FROM lines").fetchone()[0])


def run(as_of: str, first: int, last: int) -> dict[str, Any]:
    """Everything from the line versions on; returns the sums."""
    connection = _held["it"]
    for statement in DENSE.split(";\n"):
        if statement.strip():
            asked = {"as_of": as_of} if "$as_of" in statement else {}
            if "$first" in statement:
                asked = {"first": first, "last": last}
            connection.execute(statement, asked)
    months = {
        str(month): dict(zip(MONTH, map(str, values), strict=True))
        for month, *values in connection.execute(COMPANY).fetchall()
    }
    cohorts = {
        f"{cohort}+{k}": dict(zip(COHORT, map(str, values), strict=True))
        for cohort, k, *values in connection.execute(COHORTS).fetchall()
    }
    return {"months": months, "cohorts": cohorts}
