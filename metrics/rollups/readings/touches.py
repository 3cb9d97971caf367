"""Touches: meaningful ones in 90 days, and the age of the last business review. Source: touchpoints."""

from customers.choices import TouchpointKind
from customers.models import Touchpoint
from metrics.rollups.readings.parts import MILLION, NO_FACTS, known, of_feed, slots, table

WINDOW = 90

_SELECT = """
SELECT t.customer_id, r.slot, r.value, r.day, r.reason
FROM (
    SELECT t.customer_id, max(t.day) FILTER (WHERE t.kind = '{review}') AS review,
        count(*) FILTER (WHERE t.is_meaningful AND t.day > %(last_day)s - {window} AND t.day <= %(last_day)s) AS touches
    FROM (
        SELECT t.customer_id, t.kind, t.is_meaningful, (t.occurred_at AT TIME ZONE %(zone)s)::date AS day
        FROM {touchpoints} t JOIN scope s ON s.customer_id = t.customer_id
        WHERE t.occurred_at <= %(until)s AND {known}
    ) t
    GROUP BY t.customer_id
) t
CROSS JOIN LATERAL (VALUES
    ({touches}, t.touches * {million}, %(last_day)s::date, 0),
    ({review_age}, (%(as_of)s::date - t.review) * {million}::bigint, t.review,
        CASE WHEN t.review IS NULL THEN {no_facts} ELSE 0 END)
) AS r (slot, value, day, reason)
"""

SELECT = of_feed("touchpoints", _SELECT).format(
    touchpoints=table(Touchpoint),
    known=known(Touchpoint, "t"),
    review=TouchpointKind.REVIEW,
    window=WINDOW,
    million=MILLION,
    no_facts=NO_FACTS,
    **slots(touches="touches", review_age="ebr_age_days"),
)
