"""Usage from a file, streamed: raw events, or totals of a day.

An event without a message id gets one worked out from its content and its number among equal rows, so that the same
file twice stores nothing twice. A total is known by customer, day, user, event and feature; a later file may correct
it.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import partial
from hashlib import blake2b
from itertools import islice
from zoneinfo import ZoneInfo

from accounts.queries import organisation
from config.work import partitions
from config.work.pg import copy_changed_rows
from customers.connectors.table import Row
from customers.models import ExternalId, UsageEvent
from customers.queries.access import customers_to_edit
from customers.services import staleness
from customers.services.imports.context import Context
from customers.services.usage import COLUMNS, UsageRow, first_day_of_each, stored_row

CHUNK = 20_000  # rows per COPY; about a second of work
KEY = ("customer_id", "source", "message_id", "occurred_at")
COMPARED = ("user_ref", "event", "feature", "count", "users", "value")
AHEAD = timedelta(days=1)  # clocks of senders may run ahead a little
ID_BYTES = 12
CONTENT_BYTES = 8


class Ids:
    """Message ids of the rows of one file, and whether an id comes twice."""

    def __init__(self) -> None:
        self.seen: dict[bytes, bytes] = {}
        self.equal: dict[bytes, int] = {}

    def of_event(self, *words: object) -> str:
        """An id from the content; equal rows are numbered in the order of the file."""
        digest = _digest(words, ID_BYTES)
        if digest not in self.seen:
            self.seen[digest] = b""
            return digest.hex()
        self.equal[digest] = self.equal.get(digest, 0) + 1
        return f"{digest.hex()}.{self.equal[digest]}"

    def meets(self, identity: tuple[object, ...], content: tuple[object, ...]) -> str:
        """`new`, `equal` or `other`: what the file has said before under this identity."""
        key, said = _digest(identity, ID_BYTES), _digest(content, CONTENT_BYTES)
        before = self.seen.setdefault(key, said)
        if before is said:
            return "new"
        return "equal" if before == said else "other"


def apply(rows: Iterable[Row], context: Context) -> None:
    """Store all events chunk by chunk in the caller's transaction."""
    zone = organisation.zone()
    customers = _Customers(context)
    ids = Ids()
    months: set[date] = set()
    first_days: dict[int, date] = {}
    source = iter(rows)
    done = 0
    while chunk := list(islice(source, CHUNK)):
        events = [event for event in _events(chunk, customers, ids, zone, context) if event is not None]
        _store(events, zone, months, first_days, context)
        done += len(chunk)
        context.progress(done)
    staleness.mark_each(first_days=first_days, cause="usage")


class _Customers(dict[str, int | None]):
    """Customers by their id in the source, all read at the first question."""

    def __init__(self, context: Context) -> None:
        known = ExternalId.objects.filter(source=context.source)
        if context.by is not None:
            known = known.filter(customer__in=customers_to_edit(context.by))
        super().__init__(known.values_list("value", "customer_id"))


def _events(
    rows: Iterable[Row], customers: _Customers, ids: Ids, zone: ZoneInfo, context: Context
) -> Iterator[UsageRow | None]:
    latest = context.now + AHEAD
    for row in rows:
        values = row.values
        pk = customers.get(values["customer_id"])
        if pk is None:
            context.unknown_customer(row)
            continue
        event = _total(row, pk, zone) if "day" in values else _event(row, pk, ids)
        if event.occurred_at > latest:
            name = "day" if "day" in values else "occurred_at"
            context.problems.add(
                row.number, name, values[name], "lies in the future", "Correct the moment or the time zone."
            )
        elif not _is_new(row, event, ids, context):
            continue
        else:
            yield event


def _is_new(row: Row, event: UsageRow, ids: Ids, context: Context) -> bool:
    """Whether the file has not said this before; an equal twin is unchanged, another one a problem."""
    if "day" not in row.values and "message_id" not in row.values:
        return True
    met = ids.meets((event.customer_id, event.message_id, event.occurred_at), event[3:])
    if met == "equal":
        context.counts.unchanged += 1
    elif met == "other":
        name = "message_id" if "message_id" in row.values else "day"
        reason = "an earlier row has the same id and other content"
        if name == "day":
            reason = "an earlier row has another total for the same customer, day, user and event"
        context.problems.add(row.number, name, row.values[name], reason, "Keep one of the two.")
    return met == "new"


def _event(row: Row, pk: int, ids: Ids) -> UsageRow:
    values = row.values
    user, event, feature = (values.get(name, "") for name in ("user_id", "event", "feature"))
    moment = values["occurred_at"]
    message_id = values.get("message_id") or ids.of_event(
        values["customer_id"], moment, user, event, feature, values.get("count"), values.get("value")
    )
    return UsageRow(pk, message_id, moment, user, event, feature, *_amounts(row))


def _total(row: Row, pk: int, zone: ZoneInfo) -> UsageRow:
    values = row.values
    user, event, feature = (values.get(name, "") for name in ("user_id", "event", "feature"))
    moment = datetime.combine(values["day"], time(), tzinfo=zone).astimezone(UTC)
    message_id = values.get("message_id") or f"total.{_digest((user, event, feature), ID_BYTES).hex()}"
    return UsageRow(pk, message_id, moment, user, event, feature, *_amounts(row))


def _amounts(row: Row) -> tuple[int, int | None, Decimal | None]:
    return row.values.get("count", 1), row.values.get("users"), row.values.get("value")


def _digest(words: tuple[object, ...], size: int) -> bytes:
    return blake2b("\x1f".join(map(str, words)).encode(), digest_size=size).digest()


def _store(
    events: list[UsageRow], zone: ZoneInfo, months: set[date], first_days: dict[int, date], context: Context
) -> None:
    if not events:
        return
    found = {(event.occurred_at.year, event.occurred_at.month) for event in events}
    missing = {date(year, month, 1) for year, month in found} - months
    partitions.ensure_months(UsageEvent._meta.db_table, missing)
    months |= missing
    day_of = _utc_day if zone.key == "UTC" else partial(_local_day, zone)
    new, updated, touched = copy_changed_rows(
        UsageEvent,
        (*COLUMNS, "recorded_at"),
        (
            (*stored_row(event, context.source, day_of(event.occurred_at), context.batch.pk), context.now)
            for event in events
        ),
        key=KEY,
        compared=COMPARED,
        returning="concat(customer_id, ' ', day)",
    )
    context.counts.created += new
    context.counts.updated += updated
    context.counts.unchanged += len(events) - new - updated
    for pk, day in first_day_of_each(touched).items():
        first_days[pk] = min(first_days.get(pk, day), day)


def _utc_day(moment: datetime) -> date:
    return moment.date()


def _local_day(zone: ZoneInfo, moment: datetime) -> date:
    return moment.astimezone(zone).date()
