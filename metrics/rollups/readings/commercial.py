"""Commercial: days past due and days since the last meaningful touch. Sources: line versions, touchpoints."""

from customers.choices import LineStatus
from customers.models import LineVersion, Touchpoint
from metrics.rollups.readings.parts import MILLION, known, of_feed, slots, table

_OVERDUE = """
SELECT l.customer_id, {overdue}, coalesce(max(%(as_of)s::date - l.from_on) FILTER (
        WHERE l.status IN ('{past_due}', '{unpaid}') AND (l.to_on IS NULL OR l.to_on > %(as_of)s)), 0) * {million}::bigint,
    %(as_of)s::date, 0
FROM {lines} l JOIN scope s ON s.customer_id = l.customer_id
WHERE l.from_on <= %(as_of)s AND {known_line}
GROUP BY l.customer_id
"""

_TOUCH = """
SELECT t.customer_id, {touch}, (%(as_of)s::date - t.day) * {million}::bigint, t.day, 0
FROM (
    SELECT t.customer_id, (max(t.occurred_at) AT TIME ZONE %(zone)s)::date AS day
    FROM {touchpoints} t JOIN scope s ON s.customer_id = t.customer_id
    WHERE t.is_meaningful AND t.occurred_at <= %(until)s AND {known_touch}
    GROUP BY t.customer_id
) t
"""

SELECT = f"{of_feed('subscriptions', _OVERDUE)}UNION ALL{of_feed('touchpoints', _TOUCH)}".format(
    lines=table(LineVersion),
    touchpoints=table(Touchpoint),
    known_line=known(LineVersion, "l"),
    known_touch=known(Touchpoint, "t"),
    past_due=LineStatus.PAST_DUE,
    unpaid=LineStatus.UNPAID,
    million=MILLION,
    **slots(overdue="overdue_days", touch="days_since_meaningful_touch"),
)
