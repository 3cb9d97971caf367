"""LineSegment: one row per line and constant stretch. Source: current line versions. First of the chain.

A version is cut at the end of its trial and of its discount; its stored MRR values are taken as they are.
"""

from customers.choices import LineStatus
from customers.models import LineVersion
from metrics.models import LineSegment
from metrics.rollups.engine import Frame, run, scope, table

_COUNTED = (
    f"v.status IN ('{LineStatus.ACTIVE}', '{LineStatus.PAST_DUE}', '{LineStatus.FREE}', '{LineStatus.TRIAL}')"
)

INSERT = f"""
INSERT INTO {table(LineSegment)}
    (customer_id, subscription_id, version_id, from_on, to_on, mrr, currency, state, counted, plan, quantity,
     discounted)
SELECT v.customer_id, v.subscription_id, v.id, piece.from_on, nullif(piece.to_on, 'infinity'),
    CASE WHEN piece.counted AND v.status <> '{LineStatus.FREE}' THEN piece.mrr ELSE 0 END,
    v.currency, piece.state, piece.counted, v.plan, v.quantity, piece.discounted
FROM {table(LineVersion)} v
CROSS JOIN LATERAL (
    SELECT
        CASE
            WHEN v.status = '{LineStatus.TRIAL}' AND v.trial_end IS NULL THEN date 'infinity'
            WHEN v.status IN ('{LineStatus.TRIAL}', '{LineStatus.ACTIVE}') AND v.trial_end > v.from_on THEN v.trial_end
            ELSE v.from_on
        END AS paid_from,
        coalesce(v.to_on, 'infinity') AS ends,
        CASE WHEN v.status IN ('{LineStatus.TRIAL}', '{LineStatus.FREE}') THEN 'active' ELSE v.status END AS state,
        {_COUNTED} AS counted,
        coalesce(v.discount_percent, 0) > 0 OR coalesce(v.discount_amount, 0) > 0 AS discounted
) b
CROSS JOIN LATERAL (
    VALUES
        (v.from_on, least(b.paid_from, b.ends), 'trialing', false, 0::numeric, false),
        (b.paid_from, least(coalesce(v.discount_until, 'infinity'), b.ends), b.state, b.counted, v.mrr, b.discounted),
        (greatest(b.paid_from, v.discount_until),
         CASE WHEN v.discount_until IS NULL THEN b.paid_from ELSE b.ends END,
         b.state, b.counted, v.mrr_after_discount, false)
) AS piece (from_on, to_on, state, counted, mrr, discounted)
WHERE v.superseded_by_id IS NULL AND NOT v.voids AND piece.to_on > piece.from_on AND {scope("v")}
ORDER BY v.customer_id, v.subscription_id, piece.from_on
"""


def fill(frame: Frame) -> int:
    """Replace the segments of these customers; returns the rows written. Future stretches are kept too."""
    run(f"DELETE FROM {table(LineSegment)} WHERE {scope()}", frame.params)
    return run(INSERT, frame.params)
