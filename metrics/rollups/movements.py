"""Movement: one row per customer and local day with a net change. Sources: LineSegment, CurrencyFactor. Second of the chain.

Both sides of a day are valued at that day's factors, so a change of rates makes no movement. A line whose currency
has no rate yet is left out.
"""

from customers.models import LineVersion
from metrics.choices import ChurnKind, MovementKind
from metrics.models import CurrencyFactor, LineSegment, Movement
from metrics.rollups.engine import DELTAS, Frame, run, scope, table

# versions that ended because nobody paid; import files and billing systems use these words
_NON_PAYMENT = "('involuntary', 'non_payment', 'payment_failed', 'unpaid')"

INSERT = f"""
INSERT INTO {table(Movement)}
    (customer_id, day, kind, churn_kind, reason, stated_reason, amount, mrr_before, mrr_after, currency, native_amount)
WITH deltas AS ({DELTAS.format(segments=table(LineSegment), scope=scope())}),
grid AS (
    SELECT days.customer_id, days.day, held.currency, coalesce(d.delta, 0) AS delta
    FROM (SELECT DISTINCT customer_id, day FROM deltas) days
    JOIN (SELECT DISTINCT customer_id, currency FROM deltas) held USING (customer_id)
    LEFT JOIN deltas d USING (customer_id, day, currency)
),
running AS (
    SELECT *, sum(delta) OVER (PARTITION BY customer_id, currency ORDER BY day) AS native_after FROM grid
),
valued AS (
    SELECT r.customer_id, r.day,
        sum((r.native_after - r.delta) * f.factor) AS mrr_before,
        sum(r.native_after * f.factor) AS mrr_after,
        sum(r.delta * f.factor) AS amount,
        CASE WHEN count(*) FILTER (WHERE r.delta <> 0) = 1 THEN max(r.currency) FILTER (WHERE r.delta <> 0)
            ELSE '' END AS currency,
        CASE WHEN count(*) FILTER (WHERE r.delta <> 0) = 1 THEN max(r.delta) FILTER (WHERE r.delta <> 0)
            END AS native_amount
    FROM running r JOIN {table(CurrencyFactor)} f ON f.currency = r.currency AND f.day = r.day
    GROUP BY r.customer_id, r.day
),
moves AS (
    SELECT *, CASE
        WHEN mrr_before = 0 AND paid_before THEN '{MovementKind.REACTIVATION}'
        WHEN mrr_before = 0 THEN '{MovementKind.NEW}'
        WHEN mrr_after = 0 THEN '{MovementKind.CHURN}'
        WHEN amount > 0 THEN '{MovementKind.EXPANSION}'
        ELSE '{MovementKind.CONTRACTION}' END AS kind
    FROM (
        SELECT *, coalesce(max(mrr_after) OVER (
            PARTITION BY customer_id ORDER BY day ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) > 0 AS paid_before
        FROM valued
    ) v
    WHERE amount <> 0
),
changes AS (
    SELECT coalesce(n.customer_id, o.customer_id) AS customer_id, coalesce(n.from_on, o.to_on) AS day,
        coalesce(n.subscription_id, o.subscription_id) AS subscription_id,
        coalesce(o.mrr, 0) AS before, coalesce(n.mrr, 0) AS after, o.state AS was, n.state AS becomes,
        o.plan IS DISTINCT FROM n.plan AS new_plan, o.quantity IS DISTINCT FROM n.quantity AS new_quantity,
        coalesce(o.discounted, false) AS was_discounted, coalesce(n.discounted, false) AS is_discounted,
        coalesce(n.version_id, o.version_id) AS version_id
    FROM (SELECT * FROM {table(LineSegment)} WHERE from_on <= %(as_of)s AND {scope()}) n
    FULL JOIN (SELECT * FROM {table(LineSegment)} WHERE to_on <= %(as_of)s AND {scope()}) o
        ON o.subscription_id = n.subscription_id AND o.to_on = n.from_on
),
told AS (
    SELECT c.*, v.reason AS stated FROM changes c JOIN {table(LineVersion)} v ON v.id = c.version_id
    WHERE c.before <> c.after
),
day_facts AS (
    SELECT customer_id, day,
        bool_or(before > 0 AND (becomes = 'unpaid' OR (after = 0 AND becomes IS NULL AND stated IN {_NON_PAYMENT})))
            AS unpaid,
        bool_or(before > 0 AND becomes = 'paused') AS paused,
        bool_or(before > 0 AND after = 0) AS some_end,
        bool_or(before = 0 AND after > 0) AS some_start,
        bool_or(was = 'trialing' AND after > 0) AS converted,
        bool_or(was = 'paused' AND after > 0) AS resumed,
        bool_or(was = 'unpaid' AND after > 0) AS recovered
    FROM told GROUP BY customer_id, day
),
leader AS (
    SELECT DISTINCT ON (m.customer_id, m.day) t.*
    FROM moves m JOIN told t USING (customer_id, day)
    ORDER BY m.customer_id, m.day, (sign(t.after - t.before) = sign(m.amount)) DESC, abs(t.after - t.before) DESC,
        t.subscription_id
),
free AS (
    SELECT DISTINCT m.customer_id, m.day
    FROM moves m JOIN {table(LineSegment)} s ON s.customer_id = m.customer_id
        AND s.counted AND s.mrr = 0 AND s.state = 'active'
        AND s.from_on <= m.day AND (s.to_on IS NULL OR s.to_on > m.day)
    WHERE m.kind = '{MovementKind.CHURN}'
),
kinds AS (
    SELECT m.*, f.some_end, f.some_start, f.converted, f.resumed, f.recovered,
        l.before, l.after, l.new_plan, l.new_quantity, l.was_discounted, l.is_discounted, coalesce(l.stated, '') AS stated,
        CASE WHEN m.kind <> '{MovementKind.CHURN}' THEN ''
            WHEN f.unpaid THEN '{ChurnKind.INVOLUNTARY}'
            WHEN f.paused THEN '{ChurnKind.PAUSED}'
            WHEN free.customer_id IS NOT NULL THEN '{ChurnKind.DOWNGRADED_TO_FREE}'
            ELSE '{ChurnKind.LEFT}' END AS churn_kind
    FROM moves m
    LEFT JOIN day_facts f USING (customer_id, day)
    LEFT JOIN leader l USING (customer_id, day)
    LEFT JOIN free USING (customer_id, day)
)
SELECT customer_id, day, kind, churn_kind,
    CASE kind
        WHEN '{MovementKind.NEW}' THEN CASE WHEN converted THEN 'trial_converted' ELSE 'sale' END
        WHEN '{MovementKind.REACTIVATION}' THEN
            CASE WHEN resumed THEN 'resumed' WHEN recovered THEN 'recovered' ELSE 'won_back' END
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
    END,
    stated, amount, mrr_before, mrr_after, currency, native_amount
FROM kinds
ORDER BY customer_id, day
"""


def fill(frame: Frame) -> int:
    """Replace the movements of these customers up to the day `as_of`; returns the rows written."""
    run(f"DELETE FROM {table(Movement)} WHERE {scope()}", frame.params)
    return run(INSERT, frame.params)
