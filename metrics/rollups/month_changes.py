"""BridgeChange and CohortChange: what some customers add to the company's months. Sources: Movement, CustomerStart.

`collect` before a rebuild and `append` after it: only what differs is written, and no total is ever updated, so that
refreshes never wait for each other. What a customer of one currency adds follows from its own movements alone. A customer
with several currencies (or locked factors) adds rows of its own with the values of every month, read from its spans.
"""

from collections.abc import Sequence
from datetime import date, timedelta

from django.db.models import Model

from metrics.formulas.periods import add_months, month_of, months_ago, months_between
from metrics.models import BridgeChange, CohortChange, CurrencyFactor, CustomerStart, Movement
from metrics.sql.engine import Frame, rows, run, scope, table
from metrics.sql.spans import KINDS, SpanDays, ctes, params

YEAR = 12  # months
_COUNTS = [f"{kind}_n" for kind in KINDS]
BRIDGE = [
    *KINDS, *_COUNTS, "base_expansion", "base_contraction", "base_churn", "lost", "base_net", "lost_logos", "ever_paid",
    "mrr", "paying", "now_12m", "kept_12m", "kept_logos_12m", "opening_at_close", "then_12m", "logos_12m",
]  # fmt: skip
COHORT = ["size", "paying", "initial", "kept", "mrr"]

_GAP = "kind = 'reactivation' AND prior IS NOT NULL"
_KIND_SUMS = ", ".join(
    f"coalesce(sum(amount) FILTER (WHERE kind = '{kind}'), 0) AS {kind},"
    f" count(*) FILTER (WHERE kind = '{kind}') AS {kind}_n"
    for kind in KINDS
)

# one row per customer and month with a movement, native at both ends, and how long its closing value holds
STATES = f"""
moved AS MATERIALIZED (
    SELECT customer_id, currency, month, {_KIND_SUMS}, sum(native_amount) AS net,
        coalesce(sum(amount) FILTER (WHERE kind = 'expansion'), 0)
            + coalesce(sum(greatest(amount + prior, 0)) FILTER (WHERE {_GAP}), 0) AS base_expansion,
        coalesce(-sum(amount) FILTER (WHERE kind = 'contraction'), 0)
            + coalesce(sum(greatest(-amount - prior, 0)) FILTER (WHERE {_GAP}), 0) AS base_contraction,
        coalesce(-sum(amount) FILTER (WHERE kind = 'churn' AND NOT returns), 0) AS base_churn
    FROM (
        SELECT customer_id, currency, kind, amount, native_amount,
            (extract(year FROM day) * 12 + extract(month FROM day) - 1)::int AS month,
            lag(amount) OVER w AS prior, lead(kind) OVER w IS NOT NULL AS returns
        FROM {table(Movement)} WHERE native_after IS NOT NULL AND {scope()}
        WINDOW w AS (PARTITION BY customer_id, date_trunc('month', day), kind IN ('churn', 'reactivation')
            ORDER BY day, event)
    ) paired
    GROUP BY customer_id, currency, month
),
states AS MATERIALIZED (
    SELECT *, closing - net AS opening, lead(month) OVER w AS until,
        first_value(month) OVER w AS cohort, first_value(closing) OVER w AS initial
    FROM (
        SELECT *, sum(net) OVER (PARTITION BY customer_id ORDER BY month) AS closing FROM moved
    ) m
    WINDOW w AS (PARTITION BY customer_id ORDER BY month)
)"""

_ZEROS = dict.fromkeys(BRIDGE, "0")


def _bridge_row(**given: str) -> str:
    return ", ".join(f"{text} AS {name}" for name, text in (_ZEROS | given).items())


OF_ONE_CURRENCY = f"""
SELECT month, currency, {
    _bridge_row(
        **{name: f"sum({name})" for name in [*KINDS, *_COUNTS]},
        **{
            name: f"coalesce(sum({name}) FILTER (WHERE opening > 0), 0)"
            for name in ("base_expansion", "base_contraction", "base_churn")
        },
        lost="coalesce(sum(greatest(opening - closing, 0)), 0)",
        base_net="coalesce(sum(net) FILTER (WHERE opening > 0), 0)",
        lost_logos="count(*) FILTER (WHERE opening > 0 AND closing = 0)",
        ever_paid="count(*) FILTER (WHERE month = cohort)",
        mrr="sum(net)",
        paying="sum(sign(closing) - sign(opening))",
    )
} FROM states GROUP BY month, currency
UNION ALL
SELECT edge.month, currency, {
    _bridge_row(
        now_12m="sum(edge.sign * now)",
        kept_12m="sum(edge.sign * least(before, now))",
        kept_logos_12m="sum(edge.sign * sign(now))",
    )
}
FROM (
    SELECT b.currency, b.closing AS before, n.closing AS now,
        greatest(b.month + {YEAR}, n.month) AS first, least(b.until + {YEAR}, n.until) AS until
    FROM states b JOIN states n ON n.customer_id = b.customer_id AND b.closing > 0 AND n.closing > 0
        AND (n.until IS NULL OR n.until > b.month + {YEAR}) AND (b.until IS NULL OR b.until + {
    YEAR
} > n.month)
) pair
CROSS JOIN LATERAL (VALUES (first, 1), (pair.until, -1)) AS edge (month, sign)
WHERE edge.month IS NOT NULL
GROUP BY edge.month, currency"""

COHORTS_OF_ONE = """
SELECT cohort, edge.month, currency, 0 AS size, sum(edge.sign) AS paying, 0 AS initial,
    sum(edge.sign * least(initial, closing)) AS kept, sum(edge.sign * closing) AS mrr
FROM states CROSS JOIN LATERAL (VALUES (month, 1), (until, -1)) AS edge (month, sign)
WHERE closing > 0 AND edge.month IS NOT NULL
GROUP BY cohort, edge.month, currency
UNION ALL
SELECT cohort, cohort, currency, count(*), 0, sum(initial), 0, 0 FROM states WHERE month = cohort GROUP BY cohort, currency"""

# customers whose values are no product of one native sum and one factor
SEVERAL = f"""
SELECT customer_id, min(day) FROM {table(Movement)} WHERE native_after IS NULL AND {scope()} GROUP BY customer_id
"""

_MONTH_OF_SPAN = "(extract(year FROM start_on) * 12 + extract(month FROM start_on) - 1)::int"
_STARTED = f"""
started AS (
    SELECT s.no, c.customer_id, min(c.cohort) AS cohort, min(c.first_paid_on) AS first_paid_on,
        coalesce(sum(c.initial * f.factor), 0) AS initial
    FROM {table(CustomerStart)} c JOIN spans s ON s.start_on >= c.cohort
    LEFT JOIN {table(CurrencyFactor)} f ON f.currency = c.currency AND f.day = s.close_on
    WHERE {scope("c")} GROUP BY 1, 2
)"""
OF_SEVERAL = f"""
SELECT {_MONTH_OF_SPAN} AS month, '' AS currency, customer_id, {
    _bridge_row(
        **{name: name for name in [*KINDS, *_COUNTS]},
        **{
            name: f"CASE WHEN opening > 0 THEN {name} ELSE 0 END"
            for name in ("base_expansion", "base_contraction", "base_churn")
        },
        lost="greatest(opening_at_close - closing, 0)",
        base_net="CASE WHEN opening > 0 THEN closing - opening_at_close ELSE 0 END",
        lost_logos="(opening > 0 AND closing = 0)::int",
        ever_paid="(first_paid_on BETWEEN start_on AND close_on)::int",
        mrr="closing",
        paying="(closing > 0)::int",
        now_12m="CASE WHEN then_12m > 0 THEN closing ELSE 0 END",
        kept_12m="least(then_12m, closing)",
        kept_logos_12m="(then_12m > 0 AND closing > 0)::int",
        opening_at_close="opening_at_close",
        then_12m="then_12m",
        logos_12m="(then_12m > 0)::int",
    )
} FROM shown JOIN started USING (no, customer_id)"""

COHORTS_OF_SEVERAL = """
SELECT (extract(year FROM cohort) * 12 + extract(month FROM cohort) - 1)::int AS cohort,
    (extract(year FROM s.start_on) * 12 + extract(month FROM s.start_on) - 1)::int AS month, '' AS currency, customer_id,
    (cohort = s.start_on)::int AS size, (coalesce(closing, 0) > 0)::int AS paying, initial,
    least(initial, coalesce(closing, 0)) AS kept, coalesce(closing, 0) AS mrr
FROM started JOIN spans s USING (no) LEFT JOIN shown USING (no, customer_id)"""


def collect(frame: Frame) -> None:
    """Take the rows of their own away; keep what the others add now, with the sign turned, until `append`."""
    for model in (BridgeChange, CohortChange):
        run(f"DELETE FROM {table(model)} WHERE customer_id IS NOT NULL AND {scope()}", frame.params)
        run(
            f"CREATE TEMP TABLE IF NOT EXISTS {_pending(model)} ON COMMIT DROP AS TABLE {table(model)} WITH NO DATA",
            {},
        )
    for model, values, select in _of_one():
        keys = _keys(model)
        turned = ", ".join(f"-{name}" for name in values)
        run(
            f"INSERT INTO {_pending(model)} ({', '.join([*keys, *values])})"
            f" WITH {STATES} SELECT {', '.join(keys)}, {turned} FROM ({select}) added",
            frame.params,
        )


def append(frame: Frame) -> int:
    """Write what these customers add after the rebuild less what they added before; returns the rows written."""
    written = 0
    for model, values, select in _of_one():
        keys = ", ".join(_keys(model))
        columns, sums = ", ".join(values), ", ".join(f"sum({name})" for name in values)
        differs = " OR ".join(f"sum({name}) <> 0" for name in values)
        written += run(
            f"INSERT INTO {table(model)} ({keys}, folded, {columns}) WITH {STATES}"
            f" SELECT {keys}, false, {sums} FROM (SELECT {keys}, {columns} FROM ({select}) added"
            f" UNION ALL SELECT {keys}, {columns} FROM {_pending(model)}) summed GROUP BY {keys} HAVING {differs}",
            frame.params,
        )
        run(f"DROP TABLE {_pending(model)}", {})
    return written + _append_several(frame)


def _append_several(frame: Frame) -> int:
    found = rows(SEVERAL, frame.params)
    if not found:
        return 0
    ids, first = [pk for pk, _ in found], min(day for _, day in found)
    values = {**frame.params, **params(month_days(first, frame.as_of), ids)}
    head = f"WITH {ctes()}, {_STARTED}"
    written = 0
    for model, names, select in (
        (BridgeChange, BRIDGE, OF_SEVERAL),
        (CohortChange, COHORT, COHORTS_OF_SEVERAL),
    ):
        keys = ", ".join([*_keys(model), "customer_id"])
        columns = ", ".join(names)
        written += run(
            f"INSERT INTO {table(model)} ({keys}, folded, {columns})"
            f" {head} SELECT {keys}, true, {columns} FROM ({select}) added",
            values,
        )
    return written


def month_days(first: date, as_of: date) -> list[SpanDays]:
    """The days of every month from the month of `first` to the open one, which closes on `as_of`."""
    days = []
    for month in months_between(month_of(first), as_of):
        close_on = min(add_months(month, 1) - timedelta(days=1), as_of)
        days.append(SpanDays(month - timedelta(days=1), month, close_on, months_ago(close_on, YEAR)))
    return days


def _of_one() -> Sequence[tuple[type[Model], list[str], str]]:
    return ((BridgeChange, BRIDGE, OF_ONE_CURRENCY), (CohortChange, COHORT, COHORTS_OF_ONE))


def _keys(model: type[Model]) -> list[str]:
    return ["month", "currency"] if model is BridgeChange else ["cohort", "month", "currency"]


def _pending(model: type[Model]) -> str:
    return f"pending_{model._meta.model_name}"
