"""BridgeChange and CohortChange: what some customers add to the company's months. Sources: Movement, CustomerStart.

`collect` before a rebuild and `append` after it: only what differs is written, and no total is ever updated, so that
refreshes never wait for each other. What a customer of one currency adds follows from its own movements alone. A customer
with several currencies (or locked factors) adds rows of its own with the values of every month, read from its spans.
"""

from collections.abc import Mapping, Sequence
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

_MONTH_OF_DAY = "(extract(year FROM day)::int * 12 + extract(month FROM day)::int - 1)"
_GAP = "kind = 'reactivation' AND prior IS NOT NULL"

# movements with their place in the month; a state is a month with a movement, native at both ends, until the next one
LEDGER = f"""
placed AS (
    SELECT customer_id, currency, day, event, kind, amount, native_amount, native_after, month,
        lag(month) OVER w AS month_before, lead(month) OVER w AS month_after
    FROM (
        SELECT customer_id, currency, day, event, kind, amount, native_amount, native_after, {_MONTH_OF_DAY} AS month
        FROM {table(Movement)} WHERE native_after IS NOT NULL AND {scope()}
    ) m
    WINDOW w AS (PARTITION BY customer_id ORDER BY day, event)
),
ledger AS MATERIALIZED (
    SELECT *, month_before IS DISTINCT FROM month AS is_first, month_after IS DISTINCT FROM month AS is_last
    FROM placed
),
states AS MATERIALIZED (
    SELECT customer_id, currency, month, month_after AS until, native_after AS closing,
        coalesce(lag(native_after) OVER w, 0) AS opening, first_value(month) OVER w AS cohort,
        first_value(native_after) OVER w AS initial
    FROM ledger WHERE is_last
    WINDOW w AS (PARTITION BY customer_id ORDER BY month)
)"""

# flows of customers who pay at the opening; a churn and a return in one month count as their difference (C-2)
FLOWS = f"""
alone AS (
    SELECT month, currency, kind, sum(amount) AS amount, count(*) AS n,
        sum(amount) FILTER (WHERE is_first AND is_last AND native_after <> native_amount) AS of_base
    FROM ledger GROUP BY 1, 2, 3
),
together AS (
    SELECT month, currency,
        sum(amount) FILTER (WHERE kind = 'expansion') AS expansion,
        sum(greatest(amount + prior, 0)) FILTER (WHERE {_GAP}) AS gap_expansion,
        -sum(amount) FILTER (WHERE kind = 'contraction') AS contraction,
        sum(greatest(-amount - prior, 0)) FILTER (WHERE {_GAP}) AS gap_contraction,
        -sum(amount) FILTER (WHERE kind = 'churn' AND NOT returns) AS churn
    FROM (
        SELECT l.month, l.currency, l.kind, l.amount, lag(l.amount) OVER w AS prior, coalesce(lead(l.kind) OVER w = 'reactivation', false) AS returns
        FROM ledger l JOIN states s ON s.customer_id = l.customer_id AND s.month = l.month AND s.opening > 0
        WHERE NOT (l.is_first AND l.is_last)
        WINDOW w AS (PARTITION BY l.customer_id, l.month, l.kind IN ('churn', 'reactivation') ORDER BY l.day, l.event)
    ) paired
    GROUP BY month, currency
)"""

_ZEROS = dict.fromkeys(BRIDGE, "0")


def _bridge_row(**given: str) -> str:
    return ", ".join(f"{text} AS {name}" for name, text in (_ZEROS | given).items())


def _of_kind(kind: str, column: str) -> str:
    return f"coalesce(sum({column}) FILTER (WHERE kind = '{kind}'), 0)"


# the later of two states a year apart meets the earlier one; grouped first, spread over both edges last (BM-5)
PAIRS = f"""
pairs AS MATERIALIZED (
    SELECT currency, first, until, sum(before) AS before, sum(now) AS now, sum(least(before, now)) AS kept, count(*) AS n
    FROM (
        SELECT b.currency, b.closing AS before, n.closing AS now, greatest(b.month + {YEAR}, n.month) AS first,
            least(b.until + {YEAR}, n.until) AS until
        FROM states b JOIN states n ON n.customer_id = b.customer_id AND b.closing > 0 AND n.closing > 0
            AND (n.until IS NULL OR n.until > b.month + {YEAR}) AND (b.until IS NULL OR b.until + {YEAR} > n.month)
    ) pair
    GROUP BY currency, first, until
)"""

OF_ONE_CURRENCY = f"""
SELECT month, currency, {
    _bridge_row(
        **{kind: _of_kind(kind, "amount") for kind in KINDS},
        **{f"{kind}_n": _of_kind(kind, "n") for kind in KINDS},
        base_expansion=_of_kind("expansion", "of_base"),
        base_contraction="-" + _of_kind("contraction", "of_base"),
        base_churn="-" + _of_kind("churn", "of_base"),
    )
} FROM alone GROUP BY month, currency
UNION ALL
SELECT month, currency, {
    _bridge_row(
        base_expansion="coalesce(expansion, 0) + coalesce(gap_expansion, 0)",
        base_contraction="coalesce(contraction, 0) + coalesce(gap_contraction, 0)",
        base_churn="coalesce(churn, 0)",
    )
} FROM together
UNION ALL
SELECT month, currency, {
    _bridge_row(
        lost="coalesce(sum(opening - closing) FILTER (WHERE closing < opening), 0)",
        base_net="coalesce(sum(closing - opening) FILTER (WHERE opening > 0), 0)",
        lost_logos="count(*) FILTER (WHERE opening > 0 AND closing = 0)",
        ever_paid="count(*) FILTER (WHERE month = cohort)",
        mrr="sum(closing - opening)",
        paying="count(*) FILTER (WHERE closing > 0) - count(*) FILTER (WHERE opening > 0)",
    )
} FROM states GROUP BY month, currency
UNION ALL
SELECT edge.month, currency, {
    _bridge_row(
        now_12m="sum(edge.sign * now)",
        kept_12m="sum(edge.sign * kept)",
        kept_logos_12m="sum(edge.sign * n)",
    )
}
FROM pairs CROSS JOIN LATERAL (VALUES (first, 1), (until, -1)) AS edge (month, sign)
WHERE edge.month IS NOT NULL
GROUP BY edge.month, currency"""

COHORTS_OF_ONE = """
SELECT cohort, edge.month, currency, 0 AS size, sum(edge.sign * n) AS paying, 0 AS initial,
    sum(edge.sign * kept) AS kept, sum(edge.sign * mrr) AS mrr
FROM (
    SELECT cohort, month, until, currency, count(*) AS n, sum(least(initial, closing)) AS kept, sum(closing) AS mrr
    FROM states WHERE closing > 0 GROUP BY 1, 2, 3, 4
) held CROSS JOIN LATERAL (VALUES (month, 1), (until, -1)) AS edge (month, sign)
WHERE edge.month IS NOT NULL
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
    if rows(SOME, frame.params):  # nothing to take back when these customers never had a movement
        _insert({model: _pending(model) for model, _, _ in _of_one()}, _TURNED, frame)


def append(frame: Frame) -> int:
    """Write what these customers add after the rebuild less what they added before; returns the rows written."""
    written = _insert({model: table(model) for model, _, _ in _of_one()}, _DIFFERENCE, frame)
    for model, _, _ in _of_one():
        run(f"DROP TABLE {_pending(model)}", {})
    return written + _append_several(frame)


SOME = f"SELECT 1 FROM {table(Movement)} WHERE {scope()} LIMIT 1"
_TURNED = "SELECT {keys}, false, {turned} FROM ({select}) added"
_DIFFERENCE = (
    "SELECT {keys}, false, {sums} FROM (SELECT {keys}, {columns} FROM ({select}) added"
    " UNION ALL SELECT {keys}, {columns} FROM {pending}) summed GROUP BY {keys} HAVING {differs}"
)


def _insert(targets: Mapping[type[Model], str], select: str, frame: Frame) -> int:
    """One statement that reads the movements once and writes both kinds of change rows; returns the rows written."""
    parts, names = [], []
    for model, values, source in _of_one():
        keys, name = ", ".join(_keys(model)), f"added_{model._meta.model_name}"
        columns = ", ".join(values)
        chosen = select.format(
            keys=keys,
            columns=columns,
            select=source,
            pending=_pending(model),
            turned=", ".join(f"-{value}" for value in values),
            sums=", ".join(f"sum({value})" for value in values),
            differs=" OR ".join(f"sum({value}) <> 0" for value in values),
        )
        parts.append(
            f"{name} AS (INSERT INTO {targets[model]} ({keys}, folded, {columns}) {chosen} RETURNING 1)"
        )
        names.append(f"(SELECT count(*) FROM {name})")
    sql = f"WITH {LEDGER}, {FLOWS}, {PAIRS}, {', '.join(parts)} SELECT {' + '.join(names)}"
    return int(rows(sql, frame.params)[0][0])


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
