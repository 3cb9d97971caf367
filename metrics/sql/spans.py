"""What customers did in spans of days: one reading query over line segments and movements, for any days and customers.

A span has an opening day, a first day, a closing day and the day twelve months before the close. Values at the opening,
`opening_at_close`, the close and `then_12m` are sums of native amounts times the factor of one day, so that currencies
never mix before they are valued. Flows `base_*` belong to customers paying at the opening, with a churn that is followed
by a return counted as its difference (C-2).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from metrics.choices import MovementKind
from metrics.models import CurrencyFactor, LineSegment, Movement
from metrics.sql.engine import dicts, scope, table, who

KINDS = [kind.value for kind in MovementKind]
AMOUNTS = [
    "opening", "opening_at_close", "closing", "then_12m", *KINDS, "base_expansion", "base_contraction", "base_churn",
]  # fmt: skip
COUNTS = [f"{kind}_n" for kind in KINDS]


@dataclass(frozen=True, slots=True)
class SpanDays:
    """The days of one span, all local and inclusive."""

    open_on: date
    start: date
    close_on: date
    year_on: date


@dataclass(frozen=True, slots=True)
class Reading:
    """How spans are read: the movement grain, whether same-period new and churn are left out, and free customers.

    `month_grain` names what lies between both ends only (M-6). `suppress` leaves out customers who came and left inside
    (H-12). `with_free` counts customers with an active line at MRR 0 (H-14).
    """

    month_grain: bool = False
    suppress: bool = False
    with_free: bool = False


PLAIN = Reading()

_GAP = "kind = 'reactivation' AND prior IS NOT NULL"
_KIND_SUMS = ",\n        ".join(
    f"coalesce(sum(amount) FILTER (WHERE kind = '{kind}'), 0) AS {kind},"
    f" count(*) FILTER (WHERE kind = '{kind}') AS {kind}_n"
    for kind in KINDS
)

CUSTOMER_SPANS = f"""
spans AS (
    SELECT * FROM unnest(%(nos)s::int[], %(opens)s::date[], %(starts)s::date[], %(closes)s::date[], %(years)s::date[])
        AS s(no, open_on, start_on, close_on, year_on)
),
held AS (
    SELECT s.no, l.customer_id, l.currency,
        coalesce(sum(l.mrr) FILTER (WHERE l.from_on <= s.open_on AND (l.to_on IS NULL OR l.to_on > s.open_on)), 0)
            AS opening,
        coalesce(sum(l.mrr) FILTER (WHERE l.to_on IS NULL OR l.to_on > s.close_on), 0) AS closing,
        coalesce(sum(l.mrr) FILTER (WHERE l.from_on <= s.year_on AND (l.to_on IS NULL OR l.to_on > s.year_on)), 0)
            AS year_ago
    FROM {table(LineSegment)} l
    JOIN spans s ON l.from_on <= s.close_on AND (l.to_on IS NULL OR l.to_on > s.year_on)
    WHERE l.mrr > 0 AND {scope("l")}
    GROUP BY 1, 2, 3
),
worth AS (
    SELECT h.no, h.customer_id, coalesce(sum(h.opening * o.factor), 0) AS opening,
        coalesce(sum(h.opening * c.factor), 0) AS opening_at_close,
        coalesce(sum(h.closing * c.factor), 0) AS closing, coalesce(sum(h.year_ago * c.factor), 0) AS then_12m
    FROM held h JOIN spans s USING (no)
    LEFT JOIN {table(CurrencyFactor)} o ON o.currency = h.currency AND o.day = s.open_on
    LEFT JOIN {table(CurrencyFactor)} c ON c.currency = h.currency AND c.day = s.close_on
    GROUP BY 1, 2
),
moved AS (
    SELECT no, customer_id, {_KIND_SUMS},
        coalesce(sum(amount) FILTER (WHERE kind = 'expansion'), 0)
            + coalesce(sum(greatest(amount + prior, 0)) FILTER (WHERE {_GAP}), 0) AS base_expansion,
        coalesce(-sum(amount) FILTER (WHERE kind = 'contraction'), 0)
            + coalesce(sum(greatest(-amount - prior, 0)) FILTER (WHERE {_GAP}), 0) AS base_contraction,
        coalesce(-sum(amount) FILTER (WHERE kind = 'churn' AND NOT returns), 0) AS base_churn
    FROM (
        SELECT s.no, m.customer_id, m.kind, m.amount, lag(m.amount) OVER w AS prior, coalesce(lead(m.kind) OVER w = 'reactivation', false) AS returns
        FROM {table(Movement)} m JOIN spans s ON m.day BETWEEN s.start_on AND s.close_on
        WHERE {scope("m")}
        WINDOW w AS (PARTITION BY s.no, m.customer_id, m.kind IN ('churn', 'reactivation') ORDER BY m.day, m.event)
    ) paired
    GROUP BY no, customer_id
),
joined AS (
    SELECT no, customer_id, s.open_on, s.start_on, s.close_on, s.year_on,
        {", ".join(f"coalesce({name}, 0) AS {name}" for name in [*AMOUNTS, *COUNTS])}
    FROM worth FULL JOIN moved USING (no, customer_id) JOIN spans s USING (no)
)"""

_NET = " + ".join(KINDS)
# between both ends: one movement, of the kind the ends say
BY_MONTH_ENDS = f"""
shown AS (
    SELECT no, customer_id, open_on, start_on, close_on, year_on, opening, opening_at_close, closing, then_12m,
        {", ".join(f"CASE WHEN kind = '{kind}' THEN net ELSE 0 END AS {kind}" for kind in KINDS)},
        CASE WHEN kind = 'expansion' THEN net ELSE 0 END AS base_expansion,
        CASE WHEN kind = 'contraction' THEN -net ELSE 0 END AS base_contraction,
        CASE WHEN kind = 'churn' THEN -net ELSE 0 END AS base_churn,
        {", ".join(f"CASE WHEN kind = '{kind}' AND net <> 0 THEN 1 ELSE 0 END AS {kind}_n" for kind in KINDS)}
    FROM (
        SELECT j.*, {_NET} AS net, CASE
            WHEN opening = 0 AND closing = 0 THEN ''
            WHEN opening = 0 AND new_n > 0 THEN 'new'
            WHEN opening = 0 THEN 'reactivation'
            WHEN closing = 0 THEN 'churn'
            WHEN {_NET} > 0 THEN 'expansion' ELSE 'contraction' END AS kind
        FROM joined j
    ) k
)"""
GONE = "(opening = 0 AND new_n > 0 AND churn_n > 0 AND closing = 0)"
SUPPRESSED = f"""
shown AS (
    SELECT no, customer_id, open_on, start_on, close_on, year_on, opening, opening_at_close, closing, then_12m,
        {", ".join(f"CASE WHEN {GONE} THEN 0 ELSE {name} END AS {name}" for name in [*KINDS, *COUNTS])},
        base_expansion, base_contraction, base_churn
    FROM joined
)"""
EVERYTHING = "shown AS (SELECT * FROM joined)"

# sums and counts of a span over some customers; `free_*` are customers with an active line at MRR 0
TOTALS = {
    **{name: f"sum({name})" for name in [*AMOUNTS, *COUNTS]},
    "base_expansion": "sum(base_expansion) FILTER (WHERE opening > 0)",
    "base_contraction": "sum(base_contraction) FILTER (WHERE opening > 0)",
    "base_churn": "sum(base_churn) FILTER (WHERE opening > 0)",
    "kept": "sum(least(opening_at_close, closing))",
    "kept_12m": "sum(least(then_12m, closing))",
    "now_of_base": "sum(closing) FILTER (WHERE opening > 0)",
    "now_12m": "sum(closing) FILTER (WHERE then_12m > 0)",
    "open_logos": "count(*) FILTER (WHERE {open})",
    "close_logos": "count(*) FILTER (WHERE {close})",
    "lost_logos": "count(*) FILTER (WHERE {open} AND NOT {close})",
    "logos_12m": "count(*) FILTER (WHERE {year})",
    "kept_logos_12m": "count(*) FILTER (WHERE {year} AND {close})",
    "joined_logos": "count(*) FILTER (WHERE NOT {open} AND new_n + reactivation_n > 0)",
    "joined_lost_logos": "count(*) FILTER (WHERE NOT {open} AND new_n + reactivation_n > 0 AND NOT {close})",
}
_PAYS = {"open": "opening > 0", "close": "closing > 0", "year": "then_12m > 0"}
_EXISTS = {
    "open": "(opening > 0 OR free_open)",
    "close": "(closing > 0 OR free_close)",
    "year": "(then_12m > 0 OR free_year)",
}
FREE = f"""
free AS (
    SELECT s.no, l.customer_id,
        bool_or(l.from_on <= s.open_on AND (l.to_on IS NULL OR l.to_on > s.open_on)) AS free_open,
        bool_or(l.to_on IS NULL OR l.to_on > s.close_on) AS free_close,
        bool_or(l.from_on <= s.year_on AND (l.to_on IS NULL OR l.to_on > s.year_on)) AS free_year
    FROM {table(LineSegment)} l
    JOIN spans s ON l.from_on <= s.close_on AND (l.to_on IS NULL OR l.to_on > s.year_on)
    WHERE l.counted AND l.mrr = 0 AND l.state = 'active' AND {scope("l")}
    GROUP BY 1, 2
),
counted AS (
    SELECT no, customer_id, open_on, {", ".join(f"coalesce({name}, 0) AS {name}" for name in [*AMOUNTS, *COUNTS])},
        coalesce(free_open, false) AS free_open, coalesce(free_close, false) AS free_close,
        coalesce(free_year, false) AS free_year
    FROM shown FULL JOIN free USING (no, customer_id)
)"""


def ctes(reading: Reading = PLAIN) -> str:
    """The common part of every query over spans; its last table is `shown`."""
    last = EVERYTHING
    if reading.month_grain:
        last = BY_MONTH_ENDS
    elif reading.suppress:
        last = SUPPRESSED
    return f"{CUSTOMER_SPANS},\n{last}"


def totals(
    spans: Sequence[SpanDays], *, ids: Iterable[int] | None, reading: Reading = PLAIN
) -> dict[int, dict[str, Any]]:
    """{position of the span: {part: sum or count}} over these customers (None: all); spans without rows are absent."""
    if not spans:
        return {}
    pays = _EXISTS if reading.with_free else _PAYS
    columns = ", ".join(f"coalesce({text.format(**pays)}, 0) AS {name}" for name, text in TOTALS.items())
    source = f"{ctes(reading)},\n{FREE}" if reading.with_free else ctes(reading)
    name = "counted" if reading.with_free else "shown"
    found = dicts(f"WITH {source} SELECT no, {columns} FROM {name} GROUP BY no", params(spans, ids))
    return {row.pop("no"): row for row in found}


def customer_rows(
    spans: Sequence[SpanDays],
    *,
    ids: Iterable[int] | None,
    where: str = "true",
    order: str = "no, customer_id",
    limit: int | None = None,
    offset: int = 0,
    reading: Reading = PLAIN,
) -> list[dict[str, Any]]:
    """One row per customer and span with all parts; `where` and `order` are SQL over the column names of this module.

    They are written by this project's code only, never by people.
    """
    sql = f"WITH {ctes(reading)} SELECT * FROM shown WHERE {where} ORDER BY {order} LIMIT %(limit)s OFFSET %(offset)s"
    return dicts(sql, {**params(spans, ids), "limit": limit, "offset": offset})


def params(spans: Sequence[SpanDays], ids: Iterable[int] | None) -> dict[str, Any]:
    """Parameters of every query over spans."""
    return {
        **who(ids),
        "nos": list(range(len(spans))),
        "opens": [span.open_on for span in spans],
        "starts": [span.start for span in spans],
        "closes": [span.close_on for span in spans],
        "years": [span.year_on for span in spans],
    }
