"""Spans split by a dated attribute: who counts where is decided by the value valid on the day (S-1 to S-4).

The opening base and its rates belong to the segment at the opening of the window, the close to the segment at the close,
a movement to the segment on its day. Where a value changes, the MRR of the evening before moves as a transfer, which sums
to zero over all segments. A customer without a value is "unknown".
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from accounts.models import User
from customers.choices import AssignmentRole
from customers.models import Assignment, AttributeValue, Customer, CustomerSummary, Subscription
from metrics.models import CurrencyFactor, CustomerStart, LineSegment, Movement
from metrics.sql.engine import dicts, scope, table
from metrics.sql.spans import COUNTS, GONE, KINDS, PLAIN, Reading, SpanDays, ctes, params

UNKNOWN = "unknown"
DATED = {
    "segment": "segment",
    "tier": "tier",
    "region": "region",
    "lifecycle_phase": "phase",
}
CONSTANT = {"industry": "c.industry", "country": "c.country", "currency": "c.currency"}
CUSTOM = "cf_"
CSM, PLAN, BAND = "csm_email", "plan", "band"

_DATED_ROWS = f"""
SELECT v.customer_id, v.value, v.from_on, v.to_on
FROM {table(AttributeValue)} v {{later}} WHERE v.key = %(attribute)s AND {{known}} AND {scope("v")}"""
_CSM_ROWS = f"""
SELECT v.customer_id, u.email AS value, v.from_on, v.to_on
FROM {table(Assignment)} v JOIN {table(User)} u ON u.id = v.user_id {{later}}
WHERE v.role = '{AssignmentRole.PRIMARY}' AND {{known}} AND {scope("v")}"""
_CONSTANT_ROWS = f"""
SELECT c.id AS customer_id, {{value}} AS value, '-infinity'::date AS from_on, NULL::date AS to_on
FROM {table(Customer)} c {{join}} WHERE (%(ids)s::bigint[] IS NULL OR c.id = ANY(%(ids)s::bigint[]))"""
# the plan (or product) of the largest line of the day; after the last line it stays what it was
_PLAN_ROWS = f"""
SELECT customer_id, value, day AS from_on, lead(day) OVER (PARTITION BY customer_id ORDER BY day) AS to_on
FROM (
    SELECT DISTINCT ON (e.customer_id, e.day) e.customer_id, e.day, coalesce(nullif(l.plan, ''), p.product) AS value
    FROM (
        SELECT customer_id, from_on AS day FROM {table(LineSegment)} WHERE mrr > 0 AND {scope()}
        UNION
        SELECT customer_id, to_on FROM {table(LineSegment)} WHERE mrr > 0 AND to_on IS NOT NULL AND {scope()}
    ) e
    JOIN {table(LineSegment)} l ON l.customer_id = e.customer_id AND l.mrr > 0 AND l.from_on <= e.day
        AND (l.to_on IS NULL OR l.to_on > e.day)
    JOIN {table(Subscription)} p ON p.id = l.subscription_id
    ORDER BY e.customer_id, e.day, l.mrr DESC, l.subscription_id
) plans"""

_OF_OPENING = {
    "opening": "opening", "opening_at_close": "opening_at_close",
    **{name: f"CASE WHEN opening > 0 THEN {name} ELSE 0 END"
       for name in ("base_expansion", "base_contraction", "base_churn")},
    "kept": "least(opening_at_close, closing)",
    "now_of_base": "CASE WHEN opening > 0 THEN closing ELSE 0 END",
    "open_logos": "(opening > 0)::int", "lost_logos": "(opening > 0 AND closing = 0)::int",
}  # fmt: skip
_OF_CLOSE = {"closing": "closing", "close_logos": "(closing > 0)::int"}
_OF_YEAR = {
    "then_12m": "then_12m", "kept_12m": "least(then_12m, closing)",
    "now_12m": "CASE WHEN then_12m > 0 THEN closing ELSE 0 END",
    "logos_12m": "(then_12m > 0)::int", "kept_logos_12m": "(then_12m > 0 AND closing > 0)::int",
}  # fmt: skip
_COLUMNS = [
    *_OF_OPENING, *_OF_CLOSE, *_OF_YEAR, *KINDS, *COUNTS, "transfer_in", "transfer_out", "ever_paid",
]  # fmt: skip


def _part(source: str, given: dict[str, str]) -> str:
    columns = ", ".join(f"{given.get(name, '0')} AS {name}" for name in _COLUMNS)
    return f"SELECT no, coalesce(nullif(v.value, ''), '{UNKNOWN}') AS value, {columns} FROM {source}"


def _at(day: str, alias: str = "s", *, values: str = "v") -> str:
    return (
        f"LEFT JOIN stretch {values} ON {values}.customer_id = {alias}.customer_id AND {values}.from_on <= {day}"
        f" AND ({values}.to_on IS NULL OR {values}.to_on > {day})"
    )


# each day on which somebody's value changes, with the MRR of the evening before at that day's factors
_CHANGES = f"""
edges AS (
    SELECT customer_id, from_on AS day FROM stretch UNION SELECT customer_id, to_on FROM stretch WHERE to_on IS NOT NULL
),
turns AS (
    SELECT s.no, e.customer_id, e.day, coalesce(nullif(o.value, ''), '{UNKNOWN}') AS old,
        coalesce(nullif(n.value, ''), '{UNKNOWN}') AS now
    FROM edges e JOIN spans s ON e.day BETWEEN s.start_on AND s.close_on
    LEFT JOIN stretch o ON o.customer_id = e.customer_id AND o.from_on <= e.day - 1
        AND (o.to_on IS NULL OR o.to_on > e.day - 1)
    LEFT JOIN stretch n ON n.customer_id = e.customer_id AND n.from_on <= e.day AND (n.to_on IS NULL OR n.to_on > e.day)
),
carried AS (
    SELECT t.no, t.customer_id, t.old, t.now, sum(l.mrr * f.factor) AS mrr
    FROM turns t
    JOIN {table(LineSegment)} l ON l.customer_id = t.customer_id AND l.mrr > 0 AND l.from_on <= t.day - 1
        AND (l.to_on IS NULL OR l.to_on > t.day - 1)
    JOIN {table(CurrencyFactor)} f ON f.currency = l.currency AND f.day = t.day
    WHERE t.old <> t.now
    GROUP BY t.no, t.customer_id, t.day, t.old, t.now
)"""

# between both ends only: what a customer opened with goes over as it was
_CARRIED_BETWEEN_ENDS = f"""
carried AS (
    SELECT no, customer_id, old, now, opening AS mrr
    FROM (
        SELECT s.no, s.customer_id, s.opening, coalesce(nullif(o.value, ''), '{UNKNOWN}') AS old,
            coalesce(nullif(n.value, ''), '{UNKNOWN}') AS now
        FROM shown s {_at("s.open_on", values="o")} {_at("s.close_on", values="n")}
        WHERE s.opening > 0
    ) ends
    WHERE old <> now
)"""

_MOVES = f"""
SELECT s.no, m.customer_id, m.day, m.kind, m.amount
FROM {table(Movement)} m JOIN spans s ON m.day BETWEEN s.start_on AND s.close_on WHERE {scope("m")}"""
# who came and left inside is in no part, not even as a transfer (H-12)
_TOLD = f" WHERE NOT EXISTS (SELECT 1 FROM joined j WHERE j.no = m.no AND j.customer_id = m.customer_id AND {GONE})"
# movements between both ends have no day of their own; they stand where the customer is at the close
_KINDS_OF_SHOWN = {name: name for name in (*KINDS, *COUNTS)}
_BY_KIND = {
    **{kind: f"CASE WHEN m.kind = '{kind}' THEN m.amount ELSE 0 END" for kind in KINDS},
    **{f"{kind}_n": f"(m.kind = '{kind}')::int" for kind in KINDS},
}


def segment_totals(
    field: str,
    spans: Sequence[SpanDays],
    *,
    ids: Iterable[int] | None = None,
    reading: Reading = PLAIN,
    known_at: datetime | None = None,
) -> dict[str, dict[int, dict[str, Any]]]:
    """{value: {position of the span: {part: sum or count}}} of a field over these customers (None: all).

    The values of one span sum to the span's totals. An unknown field is a KeyError.
    """
    stretch, extra = _stretch(field, known_at)
    carried = _CARRIED_BETWEEN_ENDS if reading.month_grain else _CHANGES
    told = _TOLD if reading.suppress and not reading.month_grain else ""
    starts = f"{table(CustomerStart)} c JOIN spans s ON c.first_paid_on <= s.close_on"
    parts = [
        _part(f"shown s {_at('s.open_on')}", _OF_OPENING),
        _part(f"shown s {_at('s.close_on')}", _OF_CLOSE | (_KINDS_OF_SHOWN if reading.month_grain else {})),
        _part(f"shown s {_at('s.year_on')}", _OF_YEAR),
        _part(
            f"(SELECT DISTINCT s.no, s.close_on, c.customer_id FROM {starts} WHERE {scope('c')}) s {_at('s.close_on')}",
            {"ever_paid": "1"},
        ),
        f"SELECT no, old, {_moved_out()} FROM carried m{told}",
        f"SELECT no, now, {_moved_in()} FROM carried m{told}",
    ]
    if not reading.month_grain:
        parts.append(_part(f"({_MOVES}) m {_at('m.day', 'm')}{told}", _BY_KIND))
    sums = ", ".join(f"sum({name}) AS {name}" for name in _COLUMNS)
    some = " OR ".join(f"sum({name}) <> 0" for name in _COLUMNS)
    sql = (
        f"WITH {ctes(reading)}, stretch AS ({stretch}), {carried}, parts AS ({' UNION ALL '.join(parts)})"
        f" SELECT value, no, {sums} FROM parts GROUP BY value, no HAVING {some} ORDER BY value, no"
    )
    found: dict[str, dict[int, dict[str, Any]]] = {}
    for row in dicts(sql, {**params(spans, ids), **extra, "known_at": known_at}):
        found.setdefault(row.pop("value"), {})[row.pop("no")] = row
    return found


def _moved_out() -> str:
    return ", ".join("-mrr" if name == "transfer_out" else "0" for name in _COLUMNS)


def _moved_in() -> str:
    return ", ".join("mrr" if name == "transfer_in" else "0" for name in _COLUMNS)


def _stretch(field: str, known_at: datetime | None) -> tuple[str, dict[str, Any]]:
    known, later = "v.superseded_by_id IS NULL AND NOT v.voids", ""
    if known_at is not None:
        known = "v.recorded_at <= %(known_at)s AND NOT v.voids AND (later.id IS NULL OR later.recorded_at > %(known_at)s)"
        later = "LEFT JOIN {name} later ON later.id = v.superseded_by_id"
    if field in DATED:
        later = later.format(name=table(AttributeValue))
        return _DATED_ROWS.format(known=known, later=later), {"attribute": DATED[field]}
    if field == CSM:
        return _CSM_ROWS.format(known=known, later=later.format(name=table(Assignment))), {}
    if field == PLAN:
        return _PLAN_ROWS, {}
    if field == BAND:
        join = f"JOIN {table(CustomerSummary)} b ON b.customer_id = c.id"
        return _CONSTANT_ROWS.format(value="b.band", join=join), {}
    if field.startswith(CUSTOM):
        key = field.removeprefix(CUSTOM)
        return _CONSTANT_ROWS.format(value="c.custom ->> %(custom)s", join=""), {"custom": key}
    return _CONSTANT_ROWS.format(value=CONSTANT[field], join=""), {}
