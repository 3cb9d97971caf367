"""Readings of every measure for some or all customers at (as_of, known_at), in one statement.

Grain: one row per customer, arrays aligned to the slots of the measures. Sources: facts of customers and surveys
only, so the order of other rollups does not matter. The same SELECT fills the current readings and answers for a
past day.
"""

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import QuerySet

from accounts.queries import organisation
from customers.choices import Attribute
from customers.models import AttributeValue, Customer, ImportBatch
from metrics.formulas.health_measures import DAY_ZERO, NO_DAY
from metrics.models import CurrentReading
from metrics.queries.health_inputs import PackedReadings
from metrics.queries.holds import holds_at, lost_feeds
from metrics.queries.measures import catalog, width
from metrics.rollups.readings import commercial, labels, outcomes, sentiment, support, usage
from metrics.rollups.readings.parts import FEED_LOST, NO_FACTS, known, table

FEEDS = ("usage", "tickets", "surveys", "touchpoints", "subscriptions")  # what the guard of feeds may hold
FAMILIES = (usage.SELECT, outcomes.SELECT, sentiment.SELECT, support.SELECT, commercial.SELECT)

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
), {events}, reading (customer_id, slot, value, day, reason) AS (
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
""".format(
    customers=table(Customer),
    attributes=table(AttributeValue),
    phase=Attribute.PHASE,
    known=known(AttributeValue, "a"),
    events=usage.EVENTS.strip(),
    families="\n    UNION ALL\n".join(FAMILIES),
    labels=labels.SELECT.strip(),
    day_zero=DAY_ZERO.isoformat(),
    no_day=NO_DAY,
    no_facts=NO_FACTS,
    feed_lost=FEED_LOST,
)

_FILL = f"""
INSERT INTO {table(CurrentReading)} AS held (customer_id, values, days, reasons, phase, tenure_months, labels, as_of)
SELECT customer_id, values, days, reasons, phase, tenure_months, labels, as_of FROM ({_SELECT}) found
ON CONFLICT (customer_id) DO UPDATE SET values = excluded.values, days = excluded.days, reasons = excluded.reasons,
    phase = excluded.phase, tenure_months = excluded.tenure_months, labels = excluded.labels, as_of = excluded.as_of,
    changed_at = now()
WHERE held.as_of <= excluded.as_of
    AND (held.values, held.days, held.reasons, held.phase, held.tenure_months, held.labels, held.as_of)
    IS DISTINCT FROM (excluded.values, excluded.days, excluded.reasons, excluded.phase, excluded.tenure_months,
        excluded.labels, excluded.as_of)
"""


def customer_ids() -> list[int]:
    """Everybody who has readings: all customers that are not archived, in key order."""
    return list(Customer.objects.active().order_by("pk").values_list("pk", flat=True))


def history_batches() -> QuerySet[ImportBatch]:
    """Ids of the imports whose facts count as known from the day they speak of."""
    return ImportBatch.objects.filter(options__history=True).values_list("pk", flat=True)


def fill(*, customer_ids: Iterable[int] | None, as_of: date, now: datetime) -> int:
    """Bring the current readings of these customers (None: all) up to date; returns how many rows changed."""
    with connection.cursor() as cursor:
        cursor.execute(_FILL, _parameters(customer_ids, as_of, now, known_at=None))
        return int(cursor.rowcount)


def read(
    *, customer_ids: Iterable[int] | None, as_of: date, now: datetime, known_at: datetime | None = None
) -> list[PackedReadings]:
    """Readings at a past day without storing them. `known_at` None means as known now."""
    with connection.cursor() as cursor:
        cursor.execute(_SELECT, _parameters(customer_ids, as_of, now, known_at=known_at))
        return [PackedReadings(*row) for row in cursor.fetchall()]


def _parameters(
    customer_ids: Iterable[int] | None, as_of: date, now: datetime, known_at: datetime | None
) -> dict[str, Any]:
    zone, measures = organisation.zone(), catalog()
    day_end = datetime.combine(as_of + timedelta(days=1), time.min, zone) - timedelta(microseconds=1)
    moment = known_at or now
    lost = lost_feeds(moment)
    return {
        "customer_ids": None if customer_ids is None else sorted(set(customer_ids)),
        "known_at": known_at,
        "zone": str(zone),
        "width": width(measures),
        "history": [] if known_at is None else list(history_batches()),
        "lost": [measure.slot for measure in measures.values() if measure.feed in lost],
        **_clocks(as_of, min(day_end, now), moment, zone),
    }


def _clocks(as_of: date, until: datetime, moment: datetime, zone: ZoneInfo) -> dict[str, Any]:
    """The common clocks, and those of each feed: while a feed is held they stand where its data stopped."""
    found = _clock("", as_of, until)
    holds = holds_at(moment)
    for feed in FEEDS:
        end = min(until, holds[feed].from_at) if feed in holds else until
        day = min(as_of, end.astimezone(zone).date()) if feed in holds else as_of
        found |= _clock(f"{feed}_", day, end)
    return found


def _clock(prefix: str, as_of: date, until: datetime) -> dict[str, Any]:
    return {
        f"{prefix}as_of": as_of,
        f"{prefix}last_day": as_of - timedelta(days=1),
        f"{prefix}until": until,
    }
