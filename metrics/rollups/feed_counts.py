"""What a source feed carried: facts by whole days back from a moment, and customers by how regularly they are heard of.

Sources: usage events, tickets, answers, touchpoints, line versions. A fact counts at the moment it was recorded; one
that was loaded as history at the moment it speaks of. Grain: one row per feed.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection

from customers.models import LineVersion, Ticket, Touchpoint, UsageEvent
from metrics.rollups.readings import history_batches
from metrics.rollups.readings.parts import table
from surveys.choices import Channel
from surveys.models import Response

REACH = "interval '57 days'"  # the last 24 hours and eight times seven days before
_FACTS = {
    "usage": f"""SELECT customer_id, CASE WHEN batch_id = ANY (%(history)s::bigint[]) THEN occurred_at ELSE recorded_at END AS at
        FROM {table(UsageEvent)} WHERE occurred_at > %(now)s - interval '64 days' AND occurred_at < %(now)s + interval '2 days'""",
    "tickets": f"""SELECT customer_id, CASE WHEN backfilled THEN opened_at ELSE recorded_at END AS at
        FROM {table(Ticket)} WHERE NOT voids""",
    "surveys": f"""SELECT customer_id, CASE WHEN channel = '{Channel.IMPORT}' THEN first_answered_at ELSE recorded_at END AS at
        FROM {table(Response)} WHERE customer_id IS NOT NULL""",
    "touchpoints": f"""SELECT customer_id, CASE WHEN backfilled THEN occurred_at ELSE recorded_at END AS at
        FROM {table(Touchpoint)} WHERE NOT voids""",
    "subscriptions": f"""SELECT customer_id, CASE WHEN backfilled THEN from_on::timestamptz ELSE recorded_at END AS at
        FROM {table(LineVersion)} WHERE NOT voids""",
}  # fmt: skip
FEEDS = tuple(_FACTS)
_COUNT = """
WITH fact AS MATERIALIZED (
    SELECT customer_id, at, floor(extract(epoch FROM %(now)s - at) / 86400)::int AS age
    FROM ({facts}) facts WHERE at <= %(now)s AND at > %(now)s - {reach}
), habit AS (
    SELECT count(DISTINCT age) FILTER (WHERE age > 0 AND age % 7 = 0) AS weeks, bool_or(age = 0) AS heard,
        bool_or(age BETWEEN 1 AND 7) AS lately
    FROM fact GROUP BY customer_id
)
SELECT (SELECT min(at) FROM fact), (SELECT max(at) FROM fact),
    (SELECT jsonb_object_agg(age, facts) FROM (SELECT age, count(*) AS facts FROM fact GROUP BY age) ages),
    (SELECT jsonb_agg(jsonb_build_array(weeks, heard, lately, customers)) FROM (
        SELECT weeks, heard, lately, count(*) AS customers FROM habit GROUP BY weeks, heard, lately) habits)
"""


class Habit(NamedTuple):
    """So many customers were heard of on so many of the same weekdays, in the last 24 hours or not, and lately or not."""

    weeks: int
    heard: bool
    lately: bool
    customers: int


@dataclass(frozen=True)
class Carried:
    """What a feed carried within 57 days: first and last moment, facts by whole days back, habits of customers."""

    first_at: datetime | None
    last_at: datetime | None
    by_age: dict[int, int]
    habits: Sequence[Habit]


def carried(feed: str, *, now: datetime) -> Carried:
    """Counts of one feed as of `now`."""
    sql = _COUNT.replace("% 7", "%% 7").format(facts=_FACTS[feed], reach=REACH)
    values: dict[str, Any] = {"now": now, "history": list(history_batches()) if feed == "usage" else []}
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        first_at, last_at, by_age, habits = cursor.fetchone()
    found = _parsed(by_age) or {}
    return Carried(
        first_at,
        last_at,
        {int(age): count for age, count in found.items()},
        [Habit(*one) for one in _parsed(habits) or []],
    )


def _parsed(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value
