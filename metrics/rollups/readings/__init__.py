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
from psycopg.types.json import Jsonb

from accounts.queries import organisation
from customers.models import Customer, ImportBatch
from metrics.queries.health_inputs import PackedReadings
from metrics.queries.holds import holds_at, lost_feeds
from metrics.queries.measures import catalog, own_measures, own_specs, width
from metrics.rollups.readings import statement
from metrics.rollups.readings.usage import LEAST_WINDOW

FEEDS = ("usage", "tickets", "surveys", "touchpoints", "subscriptions")  # what the guard of feeds may hold


def customer_ids() -> list[int]:
    """Everybody who has readings: all customers that are not archived, in key order."""
    return list(Customer.objects.active().order_by("pk").values_list("pk", flat=True))


def history_batches() -> QuerySet[ImportBatch]:
    """Ids of the imports whose facts count as known from the day they speak of."""
    return ImportBatch.objects.filter(options__history=True).values_list("pk", flat=True)


def fill(*, customer_ids: Iterable[int] | None, as_of: date, now: datetime) -> int:
    """Bring the current readings of these customers (None: all) up to date; returns how many rows changed."""
    given = _parameters(customer_ids, as_of, now, known_at=None)
    with connection.cursor() as cursor:
        cursor.execute(statement.fill(with_events=bool(given["own_events"].obj)), given)
        return int(cursor.rowcount)


def read(
    *,
    customer_ids: Iterable[int] | None,
    as_of: date,
    now: datetime,
    known_at: datetime | None = None,
    strict_known: bool = False,
) -> list[PackedReadings]:
    """Readings at a past day without storing them. `known_at` None means as known now.

    With `strict_known` facts loaded as history count from the moment they were recorded, like all others.
    """
    given = _parameters(customer_ids, as_of, now, known_at=known_at, strict_known=strict_known)
    with connection.cursor() as cursor:
        cursor.execute(statement.select(with_events=bool(given["own_events"].obj)), given)
        return [PackedReadings(*row) for row in cursor.fetchall()]


def _parameters(
    customer_ids: Iterable[int] | None,
    as_of: date,
    now: datetime,
    *,
    known_at: datetime | None,
    strict_known: bool = False,
) -> dict[str, Any]:
    zone, owns = organisation.zone(), own_measures()
    measures, own = catalog(owns), own_specs(owns)
    day_end = datetime.combine(as_of + timedelta(days=1), time.min, zone) - timedelta(microseconds=1)
    moment = known_at or now
    lost = lost_feeds(moment)
    return {
        "customer_ids": None if customer_ids is None else sorted(set(customer_ids)),
        "known_at": known_at,
        "strict_known": strict_known,
        "own_fields": Jsonb(own.fields),
        "own_events": Jsonb(own.events),
        "window": max([LEAST_WINDOW, *(part["days"] for part in own.events)]),
        "zone": str(zone),
        "width": width(measures),
        "history": [] if known_at is None or strict_known else list(history_batches()),
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
