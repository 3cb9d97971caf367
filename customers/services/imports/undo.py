"""Takes one import back: its facts get void rows (or what they replaced comes back), its people-edited rows too.

What somebody has changed since then stays as it is and is listed.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Min, Model, ProtectedError

from accounts.queries import organisation
from config.web.errors import DomainError
from config.work import audit
from config.work.pg import allow_long_statements, update_models
from customers.choices import BatchState
from customers.models import (
    Assignment,
    AttributeValue,
    BatchItem,
    Contact,
    CostEntry,
    Customer,
    FieldValue,
    FollowUp,
    FxRate,
    ImportBatch,
    LineVersion,
    Order,
    Pulse,
    Ticket,
    Touchpoint,
    UsageEvent,
)
from customers.services import (
    assignments,
    attributes,
    facts,
    field_values,
    pulses,
    rates,
    search_text,
    staleness,
    tickets,
    touchpoints,
)
from customers.services.imports import registry
from customers.services.imports.contacts import TYPE as CONTACT
from customers.services.imports.context import ARGUMENTS, LONGEST_STATEMENT_S
from customers.services.imports.customers import TYPE as CUSTOMER

UNDO_DAYS = 30  # after that a batch is final
CUSTOMERS_AT_ONCE = 50  # whose usage one statement deletes, so that it stays short
# What makes two facts of a model one series: a later change in a series keeps the batch's facts in it.
SERIES: dict[type[Model], tuple[str, ...]] = {
    LineVersion: ("subscription_id",),
    Assignment: ("customer_id",),
    AttributeValue: ("customer_id", "key"),
    FieldValue: ("customer_id", "key"),
    Ticket: ("source", "source_key"),
    Touchpoint: ("source", "source_key"),
    Pulse: ("pk",),
    CostEntry: ("source", "source_key"),
    Order: ("source", "source_key"),
    FxRate: ("currency", "day", "base"),
}
DAY_OF: dict[type[Model], Callable[[Any], date]] = {
    LineVersion: lambda row: row.from_on,
    Assignment: lambda row: row.from_on,
    AttributeValue: lambda row: row.from_on,
    FieldValue: lambda row: row.from_on,
    Ticket: lambda row: organisation.local_day(row.opened_at),
    Touchpoint: lambda row: organisation.local_day(row.occurred_at),
    Pulse: lambda row: organisation.local_day(row.occurred_at),
    CostEntry: lambda row: row.from_on,
    Order: lambda row: row.day,
    FxRate: lambda row: row.day,
}


class CannotUndoError(DomainError):
    """The batch was never imported, is undone already, or is too old."""

    code = "cannot_undo"


@dataclass
class Undone:
    """How many rows were taken back, and in words what stays because it was changed later."""

    rows: int = 0
    conflicts: list[str] = field(default_factory=list)
    first_days: dict[int, date] = field(default_factory=dict)

    def touch(self, customer_id: int | None, day: date) -> None:
        """Note that a customer changes from a day on."""
        self.rows += 1
        if customer_id is not None:
            self.first_days[customer_id] = min(self.first_days.get(customer_id, day), day)


@transaction.atomic
def undo_import(*, batch: ImportBatch, by: Any, now: datetime) -> Undone:
    """Take a batch back within 30 days; later changes win and are listed."""
    batch = ImportBatch.objects.select_for_update(of=("self",)).get(pk=batch.pk)
    _refuse_too_late(batch, now)
    allow_long_statements(LONGEST_STATEMENT_S)
    undone = Undone()
    quoted = list(FxRate.objects.current().filter(batch=batch))
    for model in SERIES:
        _undo_facts(model, batch, by, undone)
    rates.mark_payers(quoted, organisation.current().currency)
    _undo_usage(batch, undone)
    for undo in registry.UNDOERS.values():
        undo(batch=batch, undone=undone, by=by, now=now)
    _undo_contacts(batch, undone, now)
    _undo_customers(batch, undone, by, now)
    _refresh(undone, now)
    batch.state, batch.undone_at = BatchState.UNDONE, now
    batch.save(update_fields=["state", "undone_at"])
    after = {"rows": undone.rows, "kept": len(undone.conflicts)}
    audit.record(by=by, now=now, action="import.undone", subject=batch, after=after)
    return undone


def _refuse_too_late(batch: ImportBatch, now: datetime) -> None:
    if batch.state == BatchState.UNDONE:
        raise CannotUndoError(f"Batch {batch.pk} has been taken back already.", hint="Nothing is left to do.")
    if batch.state != BatchState.APPLIED or batch.applied_at is None:
        raise CannotUndoError(
            f"Batch {batch.pk} has not been imported.", hint="There is nothing to take back."
        )
    if now - batch.applied_at > timedelta(days=UNDO_DAYS):
        raise CannotUndoError(
            f"Batch {batch.pk} is older than {UNDO_DAYS} days and final.",
            hint="Import a corrected file instead; equal rows change nothing.",
        )


def _undo_facts(model: Any, batch: ImportBatch, by: Any, undone: Undone) -> None:
    written = list(model.objects.filter(batch=batch, voids=False).order_by("pk"))
    if not written:
        return
    numbers = [row.pk for row in written]
    replaced = {
        row.superseded_by_id: row
        for start in range(0, len(numbers), ARGUMENTS)
        for row in model.objects.filter(superseded_by__in=numbers[start : start + ARGUMENTS])
    }
    kept = _kept_series(model, batch, written, replaced)
    change, by_id = facts.Change(), by.pk if by else None
    for row in written:
        series = _series(row)
        if series in kept or row.superseded_by_id is not None:
            continue
        earlier = replaced.get(row.pk)
        void = facts.void_of(row, recorded_by_id=by_id) if earlier is None else None
        change.add(void or facts.copy_of(earlier, recorded_by_id=by_id), instead_of=row)
        undone.touch(getattr(row, "customer_id", None), DAY_OF[model](row))
    facts.write(change)
    undone.conflicts += [f"{model._meta.verbose_name} “{row}” was changed later" for row in kept.values()]


def _series(row: Any) -> Hashable:
    return tuple(getattr(row, name) for name in SERIES[type(row)])


def _kept_series(
    model: Any, batch: ImportBatch, written: list[Any], replaced: dict[int, Any]
) -> dict[Hashable, Any]:
    """Series that stay, each with one of its rows: corrected since, or extended where days would have to come back."""
    later = model.objects.filter(seq__gt=min(row.seq for row in written)).exclude(batch=batch)
    extended = {tuple(values) for values in later.values_list(*SERIES[model])}
    corrected = set(later.filter(supersedes__batch=batch).values_list("supersedes", flat=True))
    return {
        _series(row): row
        for row in written
        if row.pk in corrected or (row.pk in replaced and _series(row) in extended)
    }


def _undo_usage(batch: ImportBatch, undone: Undone) -> None:
    stored = UsageEvent.objects.filter(batch_id=batch.pk)
    first_days = dict(
        stored.values("customer_id").annotate(first=Min("day")).values_list("customer_id", "first")
    )
    ids = sorted(first_days)
    for start in range(0, len(ids), CUSTOMERS_AT_ONCE):
        gone, _ = stored.filter(customer_id__in=ids[start : start + CUSTOMERS_AT_ONCE]).delete()
        undone.rows += gone
    for pk, day in first_days.items():
        undone.first_days[pk] = min(undone.first_days.get(pk, day), day)
    if batch.kind == "usage" and batch.updated:
        undone.conflicts.append(
            f"{batch.updated} totals that this file had corrected stay corrected; import the older file again"
        )


def _items(batch: ImportBatch, kind: str) -> tuple[list[int], dict[int, BatchItem]]:
    """Ids of the rows a batch made, and its changes to rows that were there before."""
    items = list(BatchItem.objects.filter(batch=batch, object_type=kind))
    made = [item.object_id for item in items if item.before is None]
    return made, {item.object_id: item for item in items if item.before is not None}


def _undo_contacts(batch: ImportBatch, undone: Undone, now: datetime) -> None:
    made, changed = _items(batch, CONTACT)
    today = organisation.local_day(now)
    for contact in Contact.objects.filter(pk__in=made):
        customer_id, name = contact.customer_id, str(contact)
        if contact.version > 1 or not _is_deleted(contact):
            undone.conflicts.append(f"contact “{name}” is used or was changed later")
        else:
            undone.touch(customer_id, today)
    _restore(Contact.objects.filter(pk__in=changed), changed, undone, today)


def _is_deleted(contact: Contact) -> bool:
    try:
        with transaction.atomic():
            contact.delete()
    except ProtectedError:
        return False
    return True


def _undo_customers(batch: ImportBatch, undone: Undone, by: Any, now: datetime) -> None:
    made, changed = _items(batch, CUSTOMER)
    today = organisation.local_day(now)
    in_use = _customers_in_use(made)
    archived = []
    for customer in Customer.objects.filter(pk__in=made, archived_at=None):
        if customer.version > 1 or customer.pk in in_use:
            undone.conflicts.append(f"customer “{customer}” is used or was changed later")
            continue
        customer.archived_at, customer.updated_at, customer.version = now, now, customer.version + 1
        archived.append(customer)
        undone.touch(customer.pk, today)
    update_models(archived, ["archived_at", "updated_at", "version"])
    _restore(Customer.objects.filter(pk__in=changed), changed, undone, today)
    kept = set(made) - {customer.pk for customer in archived}
    field_values.bring_in_step(sorted(kept | changed.keys()), from_on=today, recorded_by=by)


def _customers_in_use(ids: Iterable[int]) -> set[int]:
    """Customers of whom something is known that this batch did not bring."""
    wanted, used = list(ids), set()
    for model in (LineVersion, Ticket, Touchpoint, Pulse, Order):
        used |= set(
            model.objects.current().filter(customer_id__in=wanted).values_list("customer_id", flat=True)
        )
    for model in (Contact, FollowUp):
        used |= set(model.objects.filter(customer_id__in=wanted).values_list("customer_id", flat=True))
    if wanted:
        events = UsageEvent.objects.filter(customer_id__in=wanted)
        used |= set(events.values_list("customer_id", flat=True).distinct())
    return used


def _restore(rows: Iterable[Any], changed: dict[int, BatchItem], undone: Undone, today: date) -> None:
    """Give rows back what they had before, unless somebody has changed one of these fields since."""
    restored: dict[tuple[str, ...], list[Any]] = defaultdict(list)
    for row in rows:
        item = changed[row.pk]
        before, after = item.before or {}, item.after or {}
        if any(_as_stored(row, name) != value for name, value in after.items()):
            undone.conflicts.append(f"{row._meta.verbose_name} “{row}” was changed later")
            continue
        for name, value in before.items():
            setattr(row, name, type(row)._meta.get_field(name).to_python(value))
        row.version += 1
        restored[tuple(sorted(before))].append(row)
        undone.touch(getattr(row, "customer_id", row.pk), today)
    for names, same in restored.items():
        update_models(same, [*names, "version"])


def _as_stored(row: Any, name: str) -> Any:
    value = getattr(row, name)
    return value.isoformat() if isinstance(value, date) else value


def _refresh(undone: Undone, now: datetime) -> None:
    """Bring summaries, shown attributes and search words in step with what is left."""
    ids = set(undone.first_days)
    today = organisation.local_day(now)
    attributes.show_today(ids, attributes.SHOWN_IN, today=today)
    assignments.show_owners(ids, today=today)
    pulses.show_pulses(ids, now=now)
    tickets.refresh_open_tickets(ids)
    touchpoints.refresh_last_touch(ids)
    search_text.refresh(ids)
    staleness.mark_each(first_days=undone.first_days, cause="undo")
