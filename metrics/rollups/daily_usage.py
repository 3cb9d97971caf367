"""DailyUsage and MonthlyUsage: a customer's days with activity, and the active days of each product user.

Source: UsageEvent. Events of known users count; a source's totals count on days without such events.
"""

from datetime import date

from customers.models import UsageEvent
from metrics.models import DailyUsage, MonthlyUsage
from metrics.rollups.engine import Frame, run, scope, table

# partitions go by the sender's time, which lies within two days of the local day
INSERT = f"""
WITH per_user AS MATERIALIZED (
    SELECT customer_id, day, user_ref, sum(count) AS events, max(users) AS users
    FROM {table(UsageEvent)}
    WHERE occurred_at >= %(from_day)s::date - 2 AND day >= %(from_day)s AND day <= %(as_of)s AND {scope()}
    GROUP BY customer_id, day, user_ref
),
daily AS (
    INSERT INTO {table(DailyUsage)} (customer_id, day, events, users, is_total)
    SELECT customer_id, day,
        coalesce(sum(events) FILTER (WHERE user_ref <> ''), sum(events)),
        coalesce(nullif(count(*) FILTER (WHERE user_ref <> ''), 0), max(users)),
        count(*) FILTER (WHERE user_ref <> '') = 0
    FROM per_user GROUP BY customer_id, day ORDER BY customer_id, day
    RETURNING 1
),
monthly AS (
    INSERT INTO {table(MonthlyUsage)} (customer_id, user_ref, month, days)
    SELECT customer_id, user_ref, month, bit_or(1 << (day - month))
    FROM (SELECT *, date_trunc('month', day)::date AS month FROM per_user WHERE user_ref <> '') p
    GROUP BY customer_id, user_ref, month ORDER BY customer_id, user_ref, month
    RETURNING 1
)
SELECT (SELECT count(*) FROM daily), (SELECT count(*) FROM monthly)
"""


def fill(frame: Frame, *, from_day: date) -> int:
    """Replace the usage of these customers from the month of `from_day` on; returns the statement's row count."""
    params = {**frame.params, "from_day": from_day.replace(day=1)}
    run(f"DELETE FROM {table(DailyUsage)} WHERE day >= %(from_day)s AND {scope()}", params)
    run(f"DELETE FROM {table(MonthlyUsage)} WHERE month >= %(from_day)s AND {scope()}", params)
    return run(INSERT, params)
