"""DailyUsage and MonthlyUsage: a customer's days with activity, and the active days of each product user.

Source: UsageEvent. Events of known users count; a source's totals count on days without such events.
"""

from datetime import date

from customers.models import UsageEvent
from metrics.models import DailyUsage, MonthlyUsage
from metrics.sql.engine import Frame, rows, scope, table

# partitions go by the sender's time, which lies within two days of the local day; rows that stay the same are not touched
FILL = f"""
WITH per_user AS MATERIALIZED (
    SELECT customer_id, day, user_ref, sum(count) AS events, max(users) AS users
    FROM {table(UsageEvent)}
    WHERE occurred_at >= %(from_day)s::date - 2 AND day >= %(from_day)s AND day <= %(as_of)s AND {scope()}
    GROUP BY customer_id, day, user_ref
),
days AS MATERIALIZED (
    SELECT customer_id, day,
        coalesce(sum(events) FILTER (WHERE user_ref <> ''), sum(events)) AS events,
        coalesce(nullif(count(*) FILTER (WHERE user_ref <> ''), 0), max(users)) AS users,
        count(*) FILTER (WHERE user_ref <> '') = 0 AS is_total
    FROM per_user GROUP BY customer_id, day
),
months AS MATERIALIZED (
    SELECT customer_id, user_ref, month, bit_or(1 << (day - month)) AS days
    FROM (SELECT *, date_trunc('month', day)::date AS month FROM per_user WHERE user_ref <> '') p
    GROUP BY customer_id, user_ref, month
),
days_gone AS (
    DELETE FROM {table(DailyUsage)} d
    WHERE d.day >= %(from_day)s AND {scope("d")}
        AND NOT EXISTS (SELECT 1 FROM days n WHERE n.customer_id = d.customer_id AND n.day = d.day)
    RETURNING 1
),
months_gone AS (
    DELETE FROM {table(MonthlyUsage)} m
    WHERE m.month >= %(from_day)s AND {scope("m")}
        AND NOT EXISTS (SELECT 1 FROM months n
            WHERE n.customer_id = m.customer_id AND n.user_ref = m.user_ref AND n.month = m.month)
    RETURNING 1
),
days_new AS (
    INSERT INTO {table(DailyUsage)} AS held (customer_id, day, events, users, is_total)
    SELECT customer_id, day, events, users, is_total FROM days n
    WHERE NOT EXISTS (SELECT 1 FROM {table(DailyUsage)} d
        WHERE d.customer_id = n.customer_id AND d.day = n.day AND d.events = n.events
            AND coalesce(d.users, -1) = coalesce(n.users, -1) AND d.is_total = n.is_total)
    ORDER BY customer_id, day
    ON CONFLICT (customer_id, day) DO UPDATE
        SET events = excluded.events, users = excluded.users, is_total = excluded.is_total
    RETURNING 1
),
months_new AS (
    INSERT INTO {table(MonthlyUsage)} AS held (customer_id, user_ref, month, days)
    SELECT customer_id, user_ref, month, days FROM months ORDER BY customer_id, user_ref, month
    ON CONFLICT (customer_id, user_ref, month) DO UPDATE SET days = excluded.days WHERE held.days <> excluded.days
    RETURNING 1
)
SELECT (SELECT count(*) FROM days_gone) + (SELECT count(*) FROM months_gone)
    + (SELECT count(*) FROM days_new) + (SELECT count(*) FROM months_new)
"""


def fill(frame: Frame, *, from_day: date) -> int:
    """Bring the usage of these customers up to date from the month of `from_day` on; returns the rows that changed."""
    params = {**frame.params, "from_day": from_day.replace(day=1)}
    return int(rows(FILL, params)[0][0])
