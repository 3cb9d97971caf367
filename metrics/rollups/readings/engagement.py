"""Usage in depth: stickiness, features in use, value events. Sources: usage events, value events, dated segments.

What counts as a value event is the `ValueEvent` of first value for the customer's segment on the day, else that of all
segments; where there is neither, any usage counts. The window's events are read once, by `usage.EVENTS`.
"""

from customers.choices import Attribute
from customers.models import AttributeValue, UsageEvent
from metrics.models import ValueEvent
from metrics.rollups.readings.parts import MILLION, NO_FACTS, UNSET, known, known_event, of_feed, slots, table

# The one rule of a customer; customers without a row here have any usage as their value event.
RULES = of_feed(
    "usage",
    f"""
value_rule AS MATERIALIZED (
    SELECT s.customer_id, v.event, v.feature
    FROM scope s
    LEFT JOIN LATERAL (
        SELECT a.value FROM {table(AttributeValue)} a
        WHERE a.customer_id = s.customer_id AND a.key = '{Attribute.SEGMENT}' AND a.from_on <= %(as_of)s
            AND (a.to_on IS NULL OR a.to_on > %(as_of)s) AND {known(AttributeValue, "a")}
            AND EXISTS (SELECT FROM {table(ValueEvent)} n
                WHERE n.purpose = '{ValueEvent.FIRST_VALUE}' AND n.segment = a.value AND n.segment <> '')
        ORDER BY a.from_on DESC LIMIT 1
    ) g ON true
    JOIN {table(ValueEvent)} v ON v.purpose = '{ValueEvent.FIRST_VALUE}' AND v.segment = coalesce(g.value, '')
)
""",
)

_MATCHES = "(r.event = '' OR e.event = r.event) AND (r.feature = '' OR e.feature = r.feature)"

_WINDOW = """
SELECT u.customer_id, m.slot, m.value, CASE WHEN m.reason = 0 THEN %(last_day)s::date END, m.reason
FROM (
    SELECT edge.customer_id, w.recent, w.core, f.features, f.known_features, p.people, p.user_days
    FROM usage_days edge
    LEFT JOIN usage_totals w ON w.customer_id = edge.customer_id
    LEFT JOIN usage_people p ON p.customer_id = edge.customer_id
    LEFT JOIN (
        SELECT e.customer_id, count(*) AS known_features,
            count(*) FILTER (WHERE e.last_day > %(last_day)s - 28) AS features
        FROM (
            SELECT e.customer_id, max(e.day) AS last_day FROM window_events e
            WHERE e.feature <> '' AND e.day <= %(last_day)s GROUP BY e.customer_id, e.feature COLLATE "C"
        ) e GROUP BY e.customer_id
    ) f ON f.customer_id = edge.customer_id
    WHERE edge.first_day <= %(last_day)s
) u
CROSS JOIN LATERAL (VALUES
    ({sticky}, CASE WHEN u.people > 0 THEN metrics_div_even(u.user_days * {million}::numeric, 28 * u.people)
        WHEN u.recent IS NULL THEN 0 END, CASE WHEN u.people > 0 OR u.recent IS NULL THEN 0 ELSE {unset} END),
    ({breadth}, coalesce(u.features, 0) * {million}::bigint,
        CASE WHEN u.known_features > 0 OR u.recent IS NULL THEN 0 ELSE {unset} END),
    ({core}, (coalesce(u.core, 0) * {million})::bigint, 0)
) AS m (slot, value, reason)
"""

# The last value event: of the window where there is one, else looked for in the days before it.
_LAST = """
SELECT v.customer_id, {value_day}, (%(as_of)s::date - v.day) * {million}::bigint, v.day,
    CASE WHEN v.day IS NULL THEN {no_facts} ELSE 0 END
FROM (
    SELECT edge.customer_id, CASE WHEN r.customer_id IS NULL THEN edge.last_day ELSE coalesce(w.day, (
        SELECT max(e.day) FROM {events} e
        WHERE e.customer_id = edge.customer_id AND e.day <= %(last_day)s - %(window)s AND {matches} AND {known}
    )) END AS day
    FROM usage_days edge
    LEFT JOIN value_rule r ON r.customer_id = edge.customer_id
    LEFT JOIN (
        SELECT e.customer_id, max(e.day) AS day FROM window_events e WHERE e.is_value GROUP BY e.customer_id
    ) w ON w.customer_id = edge.customer_id
) v
"""

SELECT = of_feed("usage", f"{_WINDOW}UNION ALL{_LAST}").format(
    events=table(UsageEvent),
    matches=_MATCHES,
    known=known_event("e"),
    million=MILLION,
    no_facts=NO_FACTS,
    unset=UNSET,
    **slots(
        sticky="stickiness",
        breadth="feature_breadth",
        core="core_events",
        value_day="days_since_value_event",
    ),
)
