"""Usage: active seats, change of usage, days since the last event. Sources: usage events, line versions.

A customer whose feed never carried anything has no reading; silence after some events is a value.
On a day with events of single users these count, else the totals the source sent. Seats are the quantity of the
paying line with the highest MRR, because add-ons are counted in units of their own.
"""

from customers.choices import LineStatus
from customers.models import LineVersion, UsageEvent
from metrics.rollups.readings.parts import MILLION, NO_FACTS, UNSET, known, known_event, of_feed, slots, table

_PAYING = f"('{LineStatus.ACTIVE}', '{LineStatus.PAST_DUE}')"
# Partitions go by the sender's time, which lies within two days of the stored local day.
_KNOWN_EVENT = known_event("e")
LEAST_WINDOW = 56  # days of events that the measures of this family look at

# Common tables: the first and last day of each customer, and the events of the widest window with those of today, each
# read once. Needs `engagement.RULES`.
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
    SELECT e.customer_id, e.day, e.user_ref, e.users, e.count, e.event, e.feature,
        r.customer_id IS NULL OR (r.event = '' OR e.event = r.event) AND (r.feature = '' OR e.feature = r.feature)
            AS is_value
    FROM {table(UsageEvent)} e JOIN scope s ON s.customer_id = e.customer_id
    LEFT JOIN value_rule r ON r.customer_id = e.customer_id
    WHERE e.day > %(last_day)s - %(window)s AND e.day <= %(as_of)s
        AND e.occurred_at > %(last_day)s - %(window)s - 2 AND e.occurred_at < %(as_of)s + 3
        AND {_KNOWN_EVENT}
), usage_totals AS MATERIALIZED (
    SELECT d.customer_id, max(d.users) FILTER (WHERE d.day > %(last_day)s - 28) AS users,
        sum(d.count) FILTER (WHERE d.day > %(last_day)s - 28) AS recent,
        sum(d.count) FILTER (WHERE d.day <= %(last_day)s - 28) AS before,
        sum(d.core) FILTER (WHERE d.day > %(last_day)s - 28) AS core
    FROM (
        SELECT e.customer_id, e.day, max(e.users) AS users,
            coalesce(sum(e.count) FILTER (WHERE e.user_ref <> ''), sum(e.count)) AS count,
            coalesce(sum(e.count) FILTER (WHERE e.is_value AND e.user_ref <> ''),
                sum(e.count) FILTER (WHERE e.is_value)) AS core
        FROM window_events e WHERE e.day > %(last_day)s - {LEAST_WINDOW} AND e.day <= %(last_day)s
        GROUP BY e.customer_id, e.day
    ) d GROUP BY d.customer_id
), usage_people AS MATERIALIZED (
    SELECT p.customer_id, count(*) AS people, sum(bit_count(p.days::bit(28))) AS user_days
    FROM (
        SELECT e.customer_id, bit_or(1 << (%(last_day)s::date - e.day)) AS days FROM window_events e
        WHERE e.user_ref <> '' AND e.day > %(last_day)s - 28 AND e.day <= %(last_day)s
        GROUP BY e.customer_id, e.user_ref COLLATE "C"
    ) p GROUP BY p.customer_id
)
""",
)

SELECT = of_feed(
    "usage",
    """
SELECT u.customer_id, r.slot, r.value, CASE WHEN r.reason = 0 THEN r.day END, r.reason
FROM (
    SELECT s.customer_id, edge.first_day, edge.last_day, seats.seats,
        coalesce(greatest(w.users, people.people), 0) AS active, coalesce(w.recent, 0) AS recent,
        coalesce(w.before, 0) AS before
    FROM scope s
    JOIN usage_days edge ON edge.customer_id = s.customer_id
    LEFT JOIN usage_totals w ON w.customer_id = s.customer_id
    LEFT JOIN usage_people people ON people.customer_id = s.customer_id
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
