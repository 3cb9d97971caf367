"""Measures that the organisation made of usage events: a count in a window, or points for actions.

A measure is made of parts; a part counts one event (with a feature or any) and weighs it by an impact in 10^-4. The
parts come as rows of the parameter `own_events`, never as SQL. An event that the customer never had before the moment
gives no value, one that fell silent gives 0. A part may count first uses: different features whose first event of this
kind lies in the window.
"""

from customers.models import UsageEvent
from metrics.rollups.readings.parts import MILLION, known_event, of_feed, table

# Which events a customer ever had, and since when: one pass through the history, only where a measure asks for it.
TABLES = of_feed(
    "usage",
    f"""
own_part AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset(%(own_events)s::jsonb)
        AS p (slot int, part int, event text, feature text, impact bigint, most bigint, days int, first_uses boolean)
), used_name AS MATERIALIZED (
    SELECT e.customer_id, e.event, e.feature, min(e.day) AS first_day
    FROM {table(UsageEvent)} e JOIN scope s ON s.customer_id = e.customer_id
    WHERE e.day <= %(last_day)s AND {known_event("e")} AND EXISTS (
        SELECT FROM own_part p WHERE p.event IN ('', e.event) AND p.feature IN ('', e.feature))
    GROUP BY e.customer_id, e.event, e.feature
)
""",
)

SELECT = of_feed(
    "usage",
    """
SELECT k.customer_id, k.slot, sum(coalesce(p.impact * least(coalesce(n.uses, k.first_uses), p.most), 0))::bigint
    * ({million} / 10000), %(last_day)s::date, 0
FROM (
    SELECT u.customer_id, p.slot, p.part,
        CASE WHEN p.first_uses THEN count(DISTINCT u.feature) FILTER (WHERE u.is_new) ELSE 0 END
            AS first_uses
    FROM own_part p
    JOIN LATERAL (
        SELECT n.customer_id, n.feature, min(n.first_day) > %(last_day)s - p.days AS is_new
        FROM used_name n WHERE p.event IN ('', n.event) AND p.feature IN ('', n.feature)
            AND (n.feature <> '' OR NOT p.first_uses)
        GROUP BY n.customer_id, n.feature
    ) u ON true
    GROUP BY u.customer_id, p.slot, p.part, p.first_uses
) k
JOIN own_part p ON p.slot = k.slot AND p.part = k.part
LEFT JOIN (
    SELECT d.customer_id, d.slot, d.part, sum(d.uses) AS uses
    FROM (
        SELECT e.customer_id, p.slot, p.part, e.day,
            coalesce(sum(e.count) FILTER (WHERE e.user_ref <> ''), sum(e.count)) AS uses
        FROM window_events e
        JOIN own_part p ON p.event IN ('', e.event) AND p.feature IN ('', e.feature)
            AND e.day > %(last_day)s - p.days AND e.day <= %(last_day)s AND NOT p.first_uses
        GROUP BY e.customer_id, p.slot, p.part, e.day
    ) d
    GROUP BY d.customer_id, d.slot, d.part
) n ON n.customer_id = k.customer_id AND n.slot = k.slot AND n.part = k.part
GROUP BY k.customer_id, k.slot
""",
).format(million=MILLION)
