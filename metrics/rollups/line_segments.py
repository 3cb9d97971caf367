"""LineSegment: one row per line and constant stretch. Sources: line versions, LinePrice, CurrencyFactor. First of the chain.

A version is cut at the end of its trial and of its discount, and where the definition says so: after too many days past
due, on the day of notice, at the end of the grace of a late renewal, and at each service period that locks its own rate.
"""

from collections.abc import Mapping
from datetime import date

from customers.choices import Interval, LineStatus
from customers.models import LineVersion, Subscription
from metrics.formulas.definition import Definition
from metrics.models import CurrencyFactor, LinePrice, LineSegment
from metrics.sql.engine import Frame, run, scope, table
from metrics.sql.knowledge import line_versions

LOCKED = (
    "billing_start",
    "purchase",
)  # currency policies under which a line keeps the factor of a day of its own
NEVER = "'infinity'::date"

_DISCOUNTED = "(coalesce(v.discount_percent, 0) > 0 OR coalesce(v.discount_amount, 0) > 0)"
_COUNTING_DISCOUNT = {
    "in_force": _DISCOUNTED,
    "forever_only": f"({_DISCOUNTED} AND v.discount_until IS NULL)",
    "list_price": "false",
}

INSERT = """
INSERT INTO {segments}
    (customer_id, subscription_id, version_id, from_on, to_on, mrr, currency, state, counted, plan, quantity,
     discounted, reason, native_mrr, factor)
"""
STRETCHES = """
WITH versions AS ({versions}),
lines AS (
    SELECT v.*, {mrr} AS value, {mrr_after} AS value_after, {discounted} AS is_discounted, {ends} AS ends,
        {auto_churn} AS auto_churn_on, {first_day} AS first_day
    FROM versions v {prices}
),
bounds AS (
    SELECT v.*,
        CASE
            WHEN v.status = '{trial}' AND v.trial_end IS NULL THEN {never}
            WHEN v.status IN ('{trial}', '{active}') AND v.trial_end > v.from_on THEN v.trial_end
            ELSE v.from_on
        END AS paid_from,
        least(v.ends, v.auto_churn_on) AS paid_to,
        CASE WHEN v.status IN ('{trial}', '{free}') THEN 'active' ELSE v.status END AS paid_state,
        v.status IN ({counted}) AS is_counted
    FROM lines v
),
pieces AS (
    {pieces}
)
{select}
ORDER BY 1, 2, 4
"""

# (begins, stops, state, counts, monthly value, discounted) of the stretches of a version; each is a scan of its own,
# because a list of rows per version takes the planner ten times as long to walk
PIECES = (
    ("v.from_on", "least(v.paid_from, v.paid_to)", "'trialing'", "false", "0::numeric", "false"),
    ("v.paid_from", f"least(coalesce(v.discount_until, {NEVER}), v.paid_to)", "v.paid_state", "v.is_counted", "v.value",
     "v.is_discounted"),
    ("greatest(v.paid_from, v.discount_until)",
     "CASE WHEN v.discount_until IS NULL THEN v.paid_from ELSE v.paid_to END", "v.paid_state", "v.is_counted",
     "v.value_after", "false"),
)  # fmt: skip
_PIECE = """SELECT v.*, {} AS begins, {} AS stops, {} AS state, {} AS counts, {} AS monthly, {} AS off
    FROM bounds v WHERE {} > {}"""

PLAIN = """
SELECT v.customer_id, v.subscription_id, v.id, v.begins, nullif(v.stops, 'infinity'),
    CASE WHEN v.counts AND v.status <> '{free}' THEN v.monthly ELSE 0 END,
    v.currency, v.state, v.counts, v.plan, v.quantity, v.off, v.reason, NULL::numeric, NULL::numeric
FROM pieces v
"""

# every stretch carries the value of its own day's factor; what changes with the factor alone is no movement. A rate that
# comes later than the day to be locked is locked on its first day; what begins after the last day is not locked yet
LOCKED_RATES = """
SELECT v.customer_id, v.subscription_id, v.id, v.begins, nullif(v.stops, 'infinity'),
    CASE WHEN NOT v.counts OR v.status = '{free}' THEN 0
        WHEN f.factor IS NULL THEN v.monthly ELSE round(v.monthly * f.factor, 8) END,
    CASE WHEN f.factor IS NULL THEN v.currency ELSE %(reporting)s END, v.state, v.counts, v.plan, v.quantity, v.off,
    v.reason, CASE WHEN f.factor IS NOT NULL THEN CASE WHEN v.counts AND v.status <> '{free}' THEN v.monthly ELSE 0 END END,
    f.factor
FROM ({cut}) v
LEFT JOIN (SELECT currency, min(day) AS day FROM {factors} GROUP BY currency) since ON since.currency = v.currency
LEFT JOIN {factors} f ON v.currency <> %(reporting)s AND f.currency = v.currency
    AND f.day = greatest(v.locked_on, since.day) AND v.begins <= %(as_of)s
"""

AT_PURCHASE = "SELECT p.*, p.first_day AS locked_on FROM pieces p"

EACH_PERIOD = """
SELECT {columns},
    CASE WHEN t.starts IS NULL OR t.starts < p.begins THEN p.begins ELSE t.starts END AS begins,
    least(p.stops, coalesce(t.ends, p.stops)) AS stops, p.state, p.counts, p.monthly, p.off,
    greatest(coalesce(t.starts, p.from_on), p.first_day) AS locked_on
FROM pieces p
LEFT JOIN LATERAL (
    SELECT starts::date AS starts, lead(starts::date) OVER (ORDER BY starts) AS ends
    FROM generate_series(0, CASE WHEN p.currency = %(reporting)s OR p.interval = '{term}' THEN -1
        ELSE ((least(p.stops, %(as_of)s::date + 1) - p.first_day) / {days}) + 1 END) AS k,
    LATERAL (SELECT p.first_day + k * {step} AS starts) s
) t ON t.starts < least(p.stops, %(as_of)s::date + 1) AND coalesce(t.ends, {never}) > p.begins
"""
_DAYS = (  # no more than the days of the interval, so that the series is long enough
    "(p.interval_count * CASE p.interval WHEN 'day' THEN 1 WHEN 'week' THEN 7 WHEN 'month' THEN 28"
    " WHEN 'quarter' THEN 89 ELSE 365 END)"
)
_STEP = (
    "(p.interval_count * CASE p.interval WHEN 'day' THEN interval '1 day' WHEN 'week' THEN interval '7 days'"
    " WHEN 'month' THEN interval '1 month' WHEN 'quarter' THEN interval '3 months' ELSE interval '1 year' END)"
)

# the day a line goes on after its end: as another period of the same product
_NEXT = """
(SELECT min(n.from_on) FROM {versions} n JOIN {lines} nl ON nl.id = n.subscription_id
 WHERE n.customer_id = v.customer_id AND n.from_on >= v.to_on AND nl.product = (
    SELECT l.product FROM {lines} l WHERE l.id = v.subscription_id))
"""
_GRACE_UNTIL = """
(SELECT CASE
    WHEN v.to_on IS NULL OR v.cancelled_on IS NOT NULL OR v.reason <> '' THEN v.to_on
    WHEN x.renewed_on <= v.to_on + %(grace)s THEN x.renewed_on
    WHEN %(as_of)s < v.to_on + %(grace)s THEN v.to_on + %(grace)s
    ELSE v.to_on END
 FROM (SELECT {next} AS renewed_on) x)
"""


def fill(frame: Frame, *, rates_since: Mapping[str, date | None]) -> int:
    """Replace the segments of these customers; returns the rows written. Future stretches are kept too.

    `rates_since` names the currencies whose first rate is later than their first line, with that day (None: no rate
    at all); their lines count from there on (X-3).
    """
    run(f"DELETE FROM {table(LineSegment)} WHERE {scope()}", frame.params)
    written = run(statement(frame), params_of(frame))
    for currency, day in rates_since.items():
        _leave_out(frame, currency, day)
    return written


def statement(frame: Frame) -> str:
    """The INSERT for this definition."""
    return INSERT.format(segments=table(LineSegment)) + stretches(frame)


def stretches(frame: Frame) -> str:
    """SELECT of the stretches themselves, in the order of columns that INSERT names; parts not needed are left away."""
    definition = frame.definition
    words = {"trial": LineStatus.TRIAL, "active": LineStatus.ACTIVE, "free": LineStatus.FREE, "never": NEVER}
    priced = is_priced(definition)
    forever_only = definition.discount_policy == "forever_only"
    after = "coalesce(p.mrr_after_discount, v.mrr_after_discount)" if priced else "v.mrr_after_discount"
    now = "coalesce(p.mrr, v.mrr)" if priced else "v.mrr"
    if definition.discount_policy == "list_price":
        now = after
    elif forever_only:
        now = f"CASE WHEN v.discount_until IS NULL THEN {now} ELSE {after} END"
    ends = f"coalesce(v.to_on, {NEVER})"
    if definition.churn_recognition == "cancel_date":
        ends = f"least({ends}, greatest(coalesce(v.cancelled_on, {NEVER}), v.from_on))"
    is_overdue = definition.auto_churn_days is not None
    return STRETCHES.format(
        versions=f"{line_versions(frame)} AND {scope('v')}",
        mrr=now,
        mrr_after=after,
        discounted=_COUNTING_DISCOUNT[definition.discount_policy],
        ends=ends,
        auto_churn=f"CASE WHEN v.status = '{LineStatus.PAST_DUE}' THEN v.began_on + %(auto_churn)s ELSE {NEVER} END"
        if is_overdue
        else NEVER,
        first_day="min(v.from_on) OVER (PARTITION BY v.subscription_id)"
        if definition.fx_policy in LOCKED
        else "v.from_on",
        prices=f"LEFT JOIN {table(LinePrice)} p ON p.version_id = v.id" if priced else "",
        counted=", ".join(f"'{state}'" for state in counted_states(definition)),
        pieces=_pieces(definition),
        select=_select(definition).format(**words),
        **words,
    )


def counted_states(definition: Definition) -> list[str]:
    """Line states that count towards MRR (N-7, H-5, H-6); trials count from their end on."""
    states = [LineStatus.ACTIVE, LineStatus.PAST_DUE, LineStatus.FREE, LineStatus.TRIAL]
    if definition.pause_policy == "keep":
        states.append(LineStatus.PAUSED)
    if definition.unpaid_policy == "keep":
        states.append(LineStatus.UNPAID)
    return [str(state) for state in states]


def is_priced(definition: Definition) -> bool:
    """Whether some lines have another monthly value than the one their fact carries."""
    default = Definition()
    keys = ("weekly_factor", "daily_factor", "term_policy", "ramp_policy")
    return any(getattr(definition, key) != getattr(default, key) for key in keys)


def _pieces(definition: Definition) -> str:
    """One SELECT per stretch a version may have under this definition."""
    pieces = [*PIECES]
    if definition.auto_churn_days is not None:
        keeps = "true" if definition.unpaid_policy == "keep" else "false"
        begins, unpaid = "greatest(v.paid_from, v.auto_churn_on)", f"'{LineStatus.UNPAID}'"
        until = f"least(coalesce(v.discount_until, {NEVER}), v.ends)"
        rest = f"CASE WHEN v.discount_until IS NULL THEN {begins} ELSE v.ends END"
        pieces += [
            (begins, until, unpaid, keeps, "v.value", "v.is_discounted"),
            (f"greatest({begins}, v.discount_until)", rest, unpaid, keeps, "v.value_after", "false"),
        ]
    if definition.churn_recognition == "cancel_date":
        pieces.append(
            ("v.ends", f"coalesce(v.to_on, {NEVER})", "'non_renewing'", "false", "0::numeric", "false")
        )
    if definition.renewal_grace_days:
        until = _GRACE_UNTIL.format(next=_NEXT.format(versions="versions", lines=table(Subscription)))
        pieces.append(("v.to_on", until, "'renewal_pending'", *_as_on_the_last_day(definition)))
    return "\n    UNION ALL\n    ".join(_PIECE.format(*piece, piece[1], piece[0]) for piece in pieces)


def _as_on_the_last_day(definition: Definition) -> tuple[str, str, str]:
    """Whether a version counted at its end, at which value, and less a discount or not."""
    running = "(v.discount_until IS NULL OR v.discount_until >= v.to_on)"
    counts = "v.is_counted AND v.paid_from < v.to_on"
    if definition.unpaid_policy != "keep":
        counts += " AND v.auto_churn_on >= v.to_on"
    value = f"CASE WHEN {running} THEN v.value ELSE v.value_after END"
    return counts, value, f"v.is_discounted AND {running}"


def _select(definition: Definition) -> str:
    if definition.fx_policy not in LOCKED:
        return PLAIN
    cut = AT_PURCHASE
    if definition.fx_policy == "billing_start":
        columns = ", ".join(
            f"p.{name}"
            for name in (
                "id", "customer_id", "subscription_id", "from_on", "currency", "plan", "quantity", "reason", "status",
            )
        )  # fmt: skip
        cut = EACH_PERIOD.format(columns=columns, days=_DAYS, step=_STEP, never=NEVER, term=Interval.TERM)
    return LOCKED_RATES.replace("{cut}", cut).replace("{factors}", table(CurrencyFactor))


def params_of(frame: Frame) -> dict[str, object]:
    """Named parameters of `stretches`."""
    definition = frame.definition
    return {
        **frame.params,
        "reporting": definition.reporting_currency,
        "auto_churn": definition.auto_churn_days,
        "grace": definition.renewal_grace_days,
    }


def _leave_out(frame: Frame, currency: str, since: date | None) -> None:
    """Stretches before the currency's first rate count nothing and say why; one across that day is cut there."""
    params = {**frame.params, "currency": currency, "since": since or date.max}
    where = (
        f"(currency = %(currency)s OR (native_mrr IS NOT NULL AND version_id IN"
        f" (SELECT id FROM {table(LineVersion)} WHERE currency = %(currency)s)))"
        f" AND from_on < %(since)s AND counted AND {scope()}"
    )
    columns = (
        "customer_id, subscription_id, version_id, {from_on}, to_on, mrr, currency, state, counted, plan, quantity,"
        " discounted, reason, native_mrr, factor"
    )
    if since is not None:
        run(
            f"INSERT INTO {table(LineSegment)} ({columns.format(from_on='from_on')})"
            f" SELECT {columns.format(from_on='%(since)s')} FROM {table(LineSegment)}"
            f" WHERE {where} AND (to_on IS NULL OR to_on > %(since)s)",
            params,
        )
    run(
        f"UPDATE {table(LineSegment)} SET counted = false, mrr = 0, native_mrr = 0 * native_mrr, state = 'missing_rate',"
        f" to_on = CASE WHEN to_on IS NULL OR to_on > %(since)s THEN %(cut)s ELSE to_on END WHERE {where}",
        {**params, "cut": since},
    )
