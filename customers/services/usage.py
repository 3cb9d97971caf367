"""Usage events: many rows at once, each kept once, with one stale mark per touched customer."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import NamedTuple

from django.db import transaction

from accounts.queries import organisation
from config.work import partitions
from config.work.pg import copy_new_rows
from customers.models import UsageEvent
from customers.services import staleness

COLUMNS = (
    "customer_id",
    "source",
    "message_id",
    "occurred_at",
    "day",
    "user_ref",
    "event",
    "feature",
    "count",
    "users",
    "value",
    "batch_id",
)


class UsageRow(NamedTuple):
    """One event, or a day's total; `occurred_at` is the sender's time, `users` only for totals."""

    customer_id: int
    message_id: str
    occurred_at: datetime
    user_ref: str = ""
    event: str = ""
    feature: str = ""
    count: int = 1
    users: int | None = None
    value: Decimal | None = None


@dataclass(frozen=True)
class Recorded:
    """How many events were new, and the first local day touched per customer."""

    new: int
    first_days: dict[int, date]


@transaction.atomic
def record_events(
    *, source: str, events: Sequence[UsageRow], now: datetime, batch_id: int | None = None
) -> Recorded:
    """Store events; those that are stored already (same customer, source, message id and time) change nothing.

    Late events mark their customer stale from their own day on. `now` is when they arrived.
    """
    zone = organisation.zone()
    partitions.ensure_months(
        UsageEvent._meta.db_table, {event.occurred_at.astimezone(UTC).date() for event in events}
    )
    rows = (
        (*stored_row(event, source, event.occurred_at.astimezone(zone).date(), batch_id), now)
        for event in events
    )
    new, touched = copy_new_rows(
        UsageEvent, (*COLUMNS, "recorded_at"), rows, returning="concat(customer_id, ' ', day)"
    )
    first_days = first_day_of_each(touched)
    staleness.mark_each(first_days=first_days, cause="usage")
    return Recorded(new=new, first_days=first_days)


def stored_row(event: UsageRow, source: str, day: date, batch_id: int | None) -> tuple[object, ...]:
    """An event in the order of COLUMNS."""
    return (
        event.customer_id,
        source,
        event.message_id,
        event.occurred_at,
        day,
        event.user_ref,
        event.event,
        event.feature,
        event.count,
        event.users,
        event.value,
        batch_id,
    )


def first_day_of_each(touched: Iterable[str]) -> dict[int, date]:
    """The earliest day per customer among texts of the form "customer day"."""
    first: dict[int, str] = {}
    for pair in touched:
        pk, day = pair.split(" ")
        first[int(pk)] = min(first.get(int(pk), day), day)
    return {pk: date.fromisoformat(day) for pk, day in first.items()}
