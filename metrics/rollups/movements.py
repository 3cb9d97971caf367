"""Movement: one row per customer and local day with a net change (per line and day under the event grain).

Sources: LineSegment, CurrencyFactor. Second of the chain. Both sides of a day are valued at that day's factors, and a
line that keeps a factor of its own moves by what its native price did, so that a change of rates makes no movement.
"""

from metrics.choices import ChurnKind, MovementKind
from metrics.models import CurrencyFactor, LineSegment, Movement
from metrics.sql.engine import Frame, rows, run, scope, table
from metrics.sql.knowledge import LATE

# versions that ended because nobody paid; import files and billing systems use these words
_NON_PAYMENT = "('involuntary', 'non_payment', 'payment_failed', 'unpaid')"

CHANGES = """
changes AS (
    SELECT customer_id, from_on AS day, subscription_id, version_id, currency, reason,
        before, mrr AS after,
        CASE WHEN factor IS NULL OR NOT follows THEN mrr - before
            ELSE round((native_mrr - coalesce((prev).native_mrr, before)) * factor, 8) END AS moved,
        CASE WHEN follows THEN (prev).state END AS was, state AS becomes,
        follows AND (prev).plan <> plan AS new_plan, follows AND (prev).quantity IS DISTINCT FROM quantity AS new_quantity,
        follows AND (prev).discounted AS was_discounted, discounted AS is_discounted
    FROM stretches WHERE mrr <> before OR (follows AND native_mrr <> (prev).native_mrr)
    UNION ALL
    SELECT customer_id, to_on, subscription_id, version_id, currency, reason, mrr, 0, -mrr, state,
        CASE WHEN next_from = to_on THEN next_state END, true, true, discounted, false
    FROM stretches
    WHERE to_on <= %(as_of)s AND mrr > 0 AND (next_from IS DISTINCT FROM to_on OR next_currency <> currency)
)
"""

# each stretch with the one before on its line, which it follows when they touch and the currency is the same
STRETCHES = """
stretches AS (
    SELECT *, CASE WHEN follows THEN (prev).mrr ELSE 0 END AS before
    FROM (
        SELECT *, coalesce((prev).to_on = from_on AND (prev).currency = currency, false) AS follows
        FROM (
            SELECT s.*, lag(s) OVER w AS prev, lead(from_on) OVER w AS next_from, lead(currency) OVER w AS next_currency,
                lead(state) OVER w AS next_state
            FROM {segments} s WHERE from_on <= %(as_of)s AND {scope} {chosen}
            WINDOW w AS (PARTITION BY subscription_id ORDER BY from_on)
        ) lined OFFSET 0
    ) s OFFSET 0
)
"""

# what a change says of its day
_SAID = {
    "unpaid": "before > 0 AND (becomes = 'unpaid' OR (after = 0 AND (becomes IS NULL OR becomes = 'non_renewing')"
    f" AND reason IN {_NON_PAYMENT}))",
    "paused": "before > 0 AND becomes = 'paused'",
    "some_end": "before > 0 AND after = 0",
    "some_start": "before = 0 AND after > 0",
    "converted": "was = 'trialing' AND after > 0",
    "resumed": "was = 'paused' AND after > 0",
    "recovered": "was = 'unpaid' AND after > 0",
    "withdrawn": "was = 'non_renewing' AND after > 0",
}

# all that one day (or one line on a day) did, per currency; nearly always that is a single change
DAYS = """
busy AS (
    SELECT customer_id, day, {event} AS unit, currency FROM changes GROUP BY 1, 2, 3, 4 HAVING count(*) > 1
),
days AS (
    SELECT customer_id, day, {event} AS unit, currency, 1 AS n, moved, after - before AS delta, {each}, before, after, reason,
        new_plan, new_quantity, was_discounted, is_discounted
    FROM changes c
    WHERE NOT EXISTS (SELECT 1 FROM busy b WHERE b.customer_id = c.customer_id AND b.day = c.day AND b.unit = {event}
        AND b.currency = c.currency)
    UNION ALL
    SELECT customer_id, c.day, {event}, c.currency, count(*), sum(moved), sum(after - before), {any}, max(before), max(after),
        max(reason), bool_or(new_plan), bool_or(new_quantity), bool_or(was_discounted), bool_or(is_discounted)
    FROM changes c JOIN busy b USING (customer_id) WHERE b.day = c.day AND b.unit = {event} AND b.currency = c.currency
    GROUP BY 1, 2, 3, 4
),
rates AS {hint} (SELECT currency, day, factor FROM {factors}),
"""

# whose values are no product of one native sum and one factor; they are few and take a statement of their own
SEVERAL = """
SELECT customer_id FROM {segments} s WHERE from_on <= %(as_of)s AND {scope}
GROUP BY customer_id HAVING min(currency) FILTER (WHERE mrr > 0) <> max(currency) FILTER (WHERE mrr > 0) OR count(factor) > 0
"""

OF_ONE_CURRENCY = """
valued AS (
    SELECT customer_id, day, unit, native_after * factor AS mrr_after, moved * factor AS amount, currency,
        moved AS native_amount, native_after, n, {words}
    FROM (
        SELECT d.*, f.factor, sum(delta) OVER (PARTITION BY customer_id ORDER BY d.day, {order}) AS native_after
        FROM days d JOIN rates f ON f.currency = d.currency AND f.day = d.day
    ) single
),
"""

OF_SEVERAL = """
grid AS (
    SELECT units.customer_id, units.day, units.unit, held.currency, coalesce(d.delta, 0) AS delta,
        coalesce(d.moved, 0) AS moved, d.n
    FROM (SELECT DISTINCT customer_id, day, unit FROM days) units
    JOIN (SELECT DISTINCT customer_id, currency FROM days) held USING (customer_id)
    LEFT JOIN days d USING (customer_id, day, unit, currency)
),
mixed AS (
    SELECT g.*, sum(delta) OVER (PARTITION BY customer_id, g.currency ORDER BY g.day) AS native_after
    FROM grid g
),
mixed_units AS (
    SELECT m.customer_id, m.day, m.unit,
        sum(m.native_after * f.factor) AS day_after, sum(m.moved * f.factor) AS amount,
        CASE WHEN count(m.n) = 1 THEN max(m.currency) FILTER (WHERE m.n IS NOT NULL) ELSE '' END AS currency,
        CASE WHEN count(m.n) = 1 THEN max(m.moved) FILTER (WHERE m.n IS NOT NULL) END AS native_amount
    FROM mixed m JOIN rates f ON f.currency = m.currency AND f.day = m.day
    GROUP BY m.customer_id, m.day, m.unit
),
mixed_days AS (
    SELECT customer_id, day, unit, amount, currency, native_amount,
        day_after - sum(amount) OVER (PARTITION BY customer_id, day)
            + sum(amount) OVER (PARTITION BY customer_id, day ORDER BY sign(amount) DESC, unit) AS mrr_after
    FROM mixed_units
),
told AS (
    SELECT customer_id, day, unit, sum(n) AS n, bool_or(unpaid) AS unpaid, bool_or(paused) AS paused,
        bool_or(some_end) AS some_end, bool_or(some_start) AS some_start, bool_or(converted) AS converted,
        bool_or(resumed) AS resumed, bool_or(recovered) AS recovered, bool_or(withdrawn) AS withdrawn,
        max(before) AS before, max(after) AS after, max(reason) AS reason, bool_or(new_plan) AS new_plan,
        bool_or(new_quantity) AS new_quantity, bool_or(was_discounted) AS was_discounted,
        bool_or(is_discounted) AS is_discounted
    FROM days GROUP BY 1, 2, 3
),
valued AS (
    SELECT customer_id, day, unit, m.mrr_after, m.amount, m.currency, m.native_amount, NULL::numeric AS native_after, t.n,
        {told_words}
    FROM mixed_days m JOIN told t USING (customer_id, day, unit)
),
"""
_WORDS = (
    "unpaid", "paused", "some_end", "some_start", "converted", "resumed", "recovered", "withdrawn",
    "before", "after", "reason", "new_plan", "new_quantity", "was_discounted", "is_discounted",
)  # fmt: skip

MOVES = f"""
moves AS (
    SELECT v.*, v.mrr_after - v.amount AS mrr_before, CASE
        WHEN mrr_after = amount AND paid_before THEN '{MovementKind.REACTIVATION}'
        WHEN mrr_after = amount THEN '{MovementKind.NEW}'
        WHEN mrr_after = 0 THEN '{MovementKind.CHURN}'
        WHEN amount > 0 THEN '{MovementKind.EXPANSION}'
        ELSE '{MovementKind.CONTRACTION}' END AS kind
    FROM (
        SELECT *, coalesce(max(mrr_after) OVER earlier, 0) > 0 AND (%(window)s::int IS NULL
            OR day - max(day) OVER earlier <= %(window)s) AS paid_before,
            row_number() OVER (PARTITION BY customer_id, day ORDER BY {{order}}) - 1 AS event
        FROM valued
        WINDOW earlier AS (PARTITION BY customer_id ORDER BY day, {{order}}
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
    ) v
    WHERE amount <> 0
),
leader AS (
    SELECT DISTINCT ON (m.customer_id, m.day, m.event) m.customer_id, m.day, m.event, t.before, t.after, t.reason,
        t.new_plan, t.new_quantity, t.was_discounted, t.is_discounted
    FROM moves m JOIN changes t ON t.customer_id = m.customer_id AND t.day = m.day AND ({{same_unit}})
    WHERE m.n > 1
    ORDER BY m.customer_id, m.day, m.event, (sign(t.moved) = sign(m.amount)) DESC, abs(t.moved) DESC, t.subscription_id
),
kinds AS MATERIALIZED (
    SELECT m.customer_id, m.day, m.event, m.kind, m.amount, m.mrr_before, m.mrr_after, m.currency, m.native_amount,
        m.native_after, m.some_end, m.some_start, m.converted, m.resumed, m.recovered, m.withdrawn,
        coalesce(l.before, m.before) AS before, coalesce(l.after, m.after) AS after,
        coalesce(l.reason, m.reason) AS stated, coalesce(l.new_plan, m.new_plan) AS new_plan,
        coalesce(l.new_quantity, m.new_quantity) AS new_quantity,
        coalesce(l.was_discounted, m.was_discounted) AS was_discounted,
        coalesce(l.is_discounted, m.is_discounted) AS is_discounted,
        CASE WHEN m.kind <> '{MovementKind.CHURN}' THEN ''
            WHEN m.unpaid THEN '{ChurnKind.INVOLUNTARY}'
            WHEN m.paused THEN '{ChurnKind.PAUSED}'
            WHEN EXISTS (
                SELECT 1 FROM {{segments}} s WHERE s.customer_id = m.customer_id AND s.counted AND s.mrr = 0
                    AND s.state = 'active' AND s.from_on <= m.day AND (s.to_on IS NULL OR s.to_on > m.day)
            ) THEN '{ChurnKind.DOWNGRADED_TO_FREE}'
            ELSE '{ChurnKind.LEFT}' END AS churn_kind
    FROM moves m
    LEFT JOIN leader l ON l.customer_id = m.customer_id AND l.day = m.day AND l.event = m.event
)
"""

INSERT = f"""
INSERT INTO {{movements}}
    (customer_id, day, event, kind, churn_kind, reason, stated_reason, amount, mrr_before, mrr_after, currency,
     native_amount, native_after)
WITH {{ctes}}
SELECT customer_id, day, event, kind, churn_kind,
    CASE WHEN stated = '{LATE}' THEN stated ELSE CASE kind
        WHEN '{MovementKind.NEW}' THEN CASE WHEN converted THEN 'trial_converted' ELSE 'sale' END
        WHEN '{MovementKind.REACTIVATION}' THEN CASE WHEN resumed THEN 'resumed' WHEN recovered THEN 'recovered'
            WHEN withdrawn THEN 'withdrawn' ELSE 'won_back' END
        WHEN '{MovementKind.CHURN}' THEN churn_kind
        WHEN '{MovementKind.EXPANSION}' THEN CASE
            WHEN some_start AND some_end THEN 'upgrade'
            WHEN before = 0 THEN 'cross_sell'
            WHEN new_plan THEN 'upgrade'
            WHEN new_quantity THEN 'seats'
            WHEN was_discounted AND NOT is_discounted THEN 'discount_ended'
            ELSE 'price_increase' END
        ELSE CASE
            WHEN some_start AND some_end THEN 'downgrade'
            WHEN after = 0 THEN 'line_ended'
            WHEN new_plan THEN 'downgrade'
            WHEN new_quantity THEN 'seats'
            WHEN is_discounted AND NOT was_discounted THEN 'discount_started'
            ELSE 'price_decrease' END
    END END,
    stated, amount, mrr_before, mrr_after, currency, native_amount, native_after
FROM kinds
ORDER BY customer_id, day, event
"""


def fill(frame: Frame) -> int:
    """Replace the movements of these customers up to the day `as_of`; returns the rows written."""
    run(f"DELETE FROM {table(Movement)} WHERE {scope()}", frame.params)
    by_event = frame.definition.movement_grain == "event"
    several = [
        pk for (pk,) in rows(SEVERAL.format(segments=table(LineSegment), scope=scope("s")), frame.params)
    ]
    params = {**frame.params, "window": frame.definition.reactivation_window_days, "several": several}
    chosen = f"AND s.customer_id <> ALL({_THEM})" if several else ""
    written = run(statement(OF_ONE_CURRENCY, chosen, by_event=by_event, few=_is_few(frame)), params)
    if several:
        chosen = f"AND s.customer_id = ANY({_THEM})"
        written += run(statement(OF_SEVERAL, chosen, by_event=by_event, few=_is_few(frame)), params)
    return written


_THEM = "%(several)s::bigint[]"
FEW = 100  # customers up to which factors are looked up one by one, instead of reading all of them once


def _is_few(frame: Frame) -> bool:
    return frame.customer_ids is not None and len(frame.customer_ids) <= FEW


def statement(valued: str, chosen: str, *, by_event: bool, few: bool) -> str:
    """The INSERT for one grain, for the customers `chosen` by a condition.

    Under the event grain each line is one event of its day, gains before losses, so that a swap of plans never passes
    through zero; facts carry days and no times, so a line has one event a day.
    """
    names = {
        "segments": table(LineSegment),
        "factors": table(CurrencyFactor),
        "scope": scope("s"),
        "chosen": chosen,
        "hint": "NOT MATERIALIZED" if few else "MATERIALIZED",
        "event": "subscription_id" if by_event else "0",
        "order": "(sign(delta)) DESC, unit" if by_event else "unit",
        "each": ", ".join(f"{text} AS {name}" for name, text in _SAID.items()),
        "any": ", ".join(f"bool_or({text})" for text in _SAID.values()),
        "words": ", ".join(_WORDS),
        "told_words": ", ".join(f"t.{word}" for word in _WORDS),
        "same_unit": "t.subscription_id = m.unit" if by_event else "true",
    }
    final_order = "sign(amount) DESC, unit" if by_event else "unit"
    ctes = [
        STRETCHES.format(**names).strip(),
        CHANGES.strip(),
        (DAYS + valued).format(**names).strip().rstrip(","),
        MOVES.format(**(names | {"order": final_order})).strip(),
    ]
    return INSERT.format(movements=table(Movement), ctes=",\n".join(ctes))
