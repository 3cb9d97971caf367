"""The one statement that takes readings: common tables, families of measures, packing by slot, labels."""

from functools import cache

from customers.choices import Attribute
from customers.models import AttributeValue, Customer
from metrics.formulas.health_measures import DAY_ZERO, NO_DAY
from metrics.models import CurrentReading
from metrics.rollups.readings import (
    answers,
    commercial,
    contracts,
    engagement,
    fields,
    labels,
    outcomes,
    own_events,
    sentiment,
    support,
    tickets,
    touches,
    usage,
)
from metrics.rollups.readings.parts import FEED_LOST, NO_FACTS, known, table

FAMILIES = (
    usage.SELECT,
    engagement.SELECT,
    outcomes.SELECT,
    sentiment.SELECT,
    answers.SELECT,
    support.SELECT,
    tickets.SELECT,
    commercial.SELECT,
    contracts.SELECT,
    touches.SELECT,
    fields.SELECT,
)
TABLES = (engagement.RULES, usage.EVENTS, fields.HELD)

_SELECT = """
WITH scope AS MATERIALIZED (
    SELECT c.id AS customer_id, coalesce(p.value, today.phase, '') AS phase,
        coalesce(p.from_on, today.phase_since) AS phase_since, c.industry, c.country,
        (extract(year FROM age(%(as_of)s, c.created_on)) * 12
         + extract(month FROM age(%(as_of)s, c.created_on)))::int AS tenure_months
    FROM {customers} c
    LEFT JOIN LATERAL (
        SELECT a.value, a.from_on FROM {attributes} a
        WHERE a.customer_id = c.id AND a.key = '{phase}' AND a.from_on <= %(as_of)s
            AND (a.to_on IS NULL OR a.to_on > %(as_of)s) AND {known}
        ORDER BY a.from_on DESC LIMIT 1
    ) p ON true
    LEFT JOIN {customers} today ON today.id = c.id AND %(known_at)s::timestamptz IS NULL
    WHERE (c.archived_at IS NULL OR c.archived_at > %(known_at)s::timestamptz)
        AND (%(customer_ids)s::bigint[] IS NULL OR c.id = ANY (%(customer_ids)s::bigint[]))
), {tables}, reading (customer_id, slot, value, day, reason) AS (
    {families}
), packed AS (
    SELECT s.customer_id,
        array_agg(CASE WHEN r.reason = 0 AND NOT g.lost THEN coalesce(r.value, 0) ELSE 0 END ORDER BY g.slot) AS values,
        array_agg(CASE WHEN g.lost THEN {no_day} ELSE coalesce(r.day - '{day_zero}'::date, {no_day}) END ORDER BY g.slot) AS days,
        array_agg((CASE WHEN r.reason = 0 AND g.lost THEN {feed_lost} ELSE coalesce(r.reason, {no_facts}) END)::smallint
            ORDER BY g.slot) AS reasons
    FROM scope s
    CROSS JOIN (
        SELECT slot, slot = ANY (%(lost)s::int[]) AS lost FROM generate_series(0, %(width)s - 1) AS slots (slot)
    ) g
    LEFT JOIN reading r ON r.customer_id = s.customer_id AND r.slot = g.slot
    GROUP BY s.customer_id
), label (customer_id, label) AS (
    {labels}
)
SELECT p.customer_id, p.values, p.days, p.reasons, s.phase, s.tenure_months, coalesce(l.labels, '{{}}') AS labels,
    %(as_of)s::date AS as_of
FROM packed p JOIN scope s ON s.customer_id = p.customer_id
LEFT JOIN (
    SELECT customer_id, array_agg(label ORDER BY label) AS labels FROM label GROUP BY customer_id
) l ON l.customer_id = p.customer_id
ORDER BY p.customer_id
"""

_FILL = """
INSERT INTO {stored} AS held (customer_id, values, days, reasons, phase, tenure_months, labels, as_of)
SELECT customer_id, values, days, reasons, phase, tenure_months, labels, as_of FROM ({select}) found
ON CONFLICT (customer_id) DO UPDATE SET values = excluded.values, days = excluded.days, reasons = excluded.reasons,
    phase = excluded.phase, tenure_months = excluded.tenure_months, labels = excluded.labels, as_of = excluded.as_of,
    changed_at = now()
WHERE held.as_of <= excluded.as_of
    AND (held.values, held.days, held.reasons, held.phase, held.tenure_months, held.labels, held.as_of)
    IS DISTINCT FROM (excluded.values, excluded.days, excluded.reasons, excluded.phase, excluded.tenure_months,
        excluded.labels, excluded.as_of)
"""


@cache
def select(*, with_events: bool) -> str:
    """Readings and labels of the customers asked for. `with_events`: own measures of usage events exist."""
    own = own_events.TABLES, own_events.SELECT
    return _SELECT.format(
        customers=table(Customer),
        attributes=table(AttributeValue),
        phase=Attribute.PHASE,
        known=known(AttributeValue, "a"),
        tables=", ".join(part.strip() for part in (*TABLES, *own[:1] * with_events)),
        families="\n    UNION ALL\n".join((*FAMILIES, *own[1:] * with_events)),
        labels=labels.SELECT.strip(),
        day_zero=DAY_ZERO.isoformat(),
        no_day=NO_DAY,
        no_facts=NO_FACTS,
        feed_lost=FEED_LOST,
    )


@cache
def fill(*, with_events: bool) -> str:
    """Store what `select` finds, where it differs and is not older than what is stored."""
    return _FILL.format(stored=table(CurrentReading), select=select(with_events=with_events))
