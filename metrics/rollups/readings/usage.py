"""Usage: active seats, change of usage, days since the last event. Sources: usage events, line versions.

A customer whose feed never carried anything has no reading; silence after some events is a value.
On a day with events of single users these count, else the totals the source sent. Seats are the quantity of the
paying line with the highest MRR, because add-ons are counted in units of their own.
"""

from customers.choices import LineStatus
from customers.models import LineVersion, UsageEvent
from metrics.rollups.readings.parts import MILLION, NO_FACTS, UNSET, known, of_feed, slots, table

_PAYING = f"('{LineStatus.ACTIVE}', '{LineStatus.PAST_DUE}')"
# Partitions go by the sender's time, which lies within two days of the stored local day.
_KNOWN_EVENT = "(%(known_at)s::timestamptz IS NULL OR e.recorded_at <= %(known_at)s OR e.batch_id = ANY (%(history)s::bigint[]))"

# Common tables: the first and last day of each customer, and the events of the two windows, each read once.
EVENTS = of_feed(
    "usage",
    f"""
usage_days AS MATERIALIZED (
    SELECT s.customer_id,
        (SELECT min(e.day) FROM {table(UsageEvent)} e
         WHERE e.customer_id = s.customer_id AND e.day <= %(as_of)s AND {_KNOWN_EVENT}) AS first_day,
        (SELECT max(e.day) FROM {table(UsageEvent)} e
         WHERE e.customer_id = s.customer_id AND e.day <= %(as_of)s AND {_KNOWN_EVENT}) AS last_day
    FROM scope s
), window_events AS MATERIALIZED (
    SELECT e.customer_id, e.day, e.user_ref, e.users, e.count
    FROM {table(UsageEvent)} e JOIN scope s ON s.customer_id = e.customer_id
    WHERE e.day > %(last_day)s - 56 AND e.day <= %(last_day)s
        AND e.occurred_at > %(last_day)s - 58 AND e.occurred_at < %(last_day)s + 3
        AND {_KNOWN_EVENT}
)
""",
)

SELECT = of_feed(
    "usage",
    """
SELECT u.customer_id, r.slot, r.value, CASE WHEN r.reason = 0 THEN r.day END, r.reason
FROM (
    SELECT s.customer_id, edge.first_day, edge.last_day, seats.seats,
        coalesce(w.active, 0) AS active, coalesce(w.recent, 0) AS recent, coalesce(w.before, 0) AS before
    FROM scope s
    JOIN usage_days edge ON edge.customer_id = s.customer_id
    LEFT JOIN (
        SELECT d.customer_id,
            greatest(max(d.users) FILTER (WHERE d.day > %(last_day)s - 28), people.active) AS active,
            sum(d.events) FILTER (WHERE d.day > %(last_day)s - 28) AS recent,
            sum(d.events) FILTER (WHERE d.day <= %(last_day)s - 28) AS before
        FROM (
            SELECT e.customer_id, e.day, max(e.users) AS users,
                coalesce(sum(e.count) FILTER (WHERE e.user_ref <> ''), sum(e.count)) AS events
            FROM window_events e GROUP BY e.customer_id, e.day
        ) d
        LEFT JOIN (
            SELECT e.customer_id, count(DISTINCT e.user_ref) AS active
            FROM window_events e WHERE e.user_ref <> '' AND e.day > %(last_day)s - 28
            GROUP BY e.customer_id
        ) people ON people.customer_id = d.customer_id
        GROUP BY d.customer_id, people.active
    ) w ON w.customer_id = s.customer_id
    LEFT JOIN (
        SELECT DISTINCT ON (l.customer_id) l.customer_id, l.quantity AS seats
        FROM {lines} l JOIN scope s ON s.customer_id = l.customer_id
        WHERE l.from_on <= %(as_of)s AND (l.to_on IS NULL OR l.to_on > %(as_of)s)
            AND l.status IN {paying} AND l.quantity > 0 AND {known_line}
        ORDER BY l.customer_id, l.mrr DESC, l.subscription_id
    ) seats ON seats.customer_id = s.customer_id
) u
CROSS JOIN LATERAL (VALUES
    ({seats}, CASE WHEN u.first_day <= %(last_day)s AND u.seats > 0
        THEN metrics_div_even(u.active * {million}::numeric, u.seats) END, %(last_day)s::date,
        CASE WHEN u.first_day IS NULL OR u.first_day > %(last_day)s THEN {no_facts}
             WHEN coalesce(u.seats, 0) <= 0 THEN {unset} ELSE 0 END),
    ({change}, CASE WHEN u.first_day > %(last_day)s - 55 THEN NULL
        WHEN u.before > 0 THEN metrics_div_even((u.recent - u.before) * 100::numeric * {million}, u.before)
        WHEN u.first_day IS NULL THEN NULL
        WHEN u.recent > 0 THEN 100 * {million} ELSE -100 * {million} END, %(last_day)s::date,
        CASE WHEN u.first_day <= %(last_day)s - 55 THEN 0 ELSE {no_facts} END),
    ({seen}, (%(as_of)s::date - u.last_day) * {million}::bigint, u.last_day,
        CASE WHEN u.last_day IS NULL THEN {no_facts} ELSE 0 END)
) AS r (slot, value, day, reason)
""",
).format(
    lines=table(LineVersion),
    paying=_PAYING,
    known_line=known(LineVersion, "l"),
    million=MILLION,
    no_facts=NO_FACTS,
    unset=UNSET,
    **slots(seats="active_seat_share", change="usage_change_pct", seen="days_since_seen"),
)
