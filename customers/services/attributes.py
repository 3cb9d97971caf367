"""Phase, tier, segment, region and parent: dated facts, with today's value also on the customer."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import transaction

from accounts.queries import organisation
from config.web.errors import DomainError
from config.work import audit
from config.work.pg import update_models
from customers.choices import Attribute, Phase
from customers.models import AttributeValue, Customer
from customers.services import dated, staleness
from customers.services.locks import lock_customers

SHOWN_IN = {
    Attribute.PHASE: ["phase", "phase_since"],
    Attribute.TIER: ["tier"],
    Attribute.SEGMENT: ["segment"],
    Attribute.REGION: ["region"],
    Attribute.PARENT: ["parent"],
}


class UnknownPhaseError(DomainError):
    """No lifecycle phase of that name."""

    code = "unknown_phase"


class ParentCircleError(DomainError):
    """A customer would stand above itself."""

    code = "parent_circle"


@dataclass(frozen=True, slots=True)
class NewValue:
    """An attribute of one customer from a day on; the parent is the id of the parent customer as text."""

    customer_id: int
    key: str
    value: str
    from_on: date


@transaction.atomic
def set_attribute(
    *, customer: Customer, key: str, value: str, from_on: date, by: Any, now: datetime, source: str = "tend"
) -> Customer:
    """Set one dated attribute from a day on; an equal value changes nothing. Earlier days keep what they had."""
    lock_customers([customer.pk])
    before = getattr(customer, column_of(key))
    set_attributes(values=[NewValue(customer.pk, key, value, from_on)], by=by, now=now, source=source)
    customer.refresh_from_db(fields=SHOWN_IN[Attribute(key)])
    audit.record(
        by=by,
        now=now,
        action=f"customer.{key}_set",
        subject=customer,
        before={key: before},
        after={key: value, "from_on": from_on.isoformat()},
    )
    staleness.mark(customer_ids=[customer.pk], from_day=from_on, cause=key)
    return customer


def set_attributes(
    *,
    values: Sequence[NewValue],
    by: Any,
    now: datetime,
    source: str = "tend",
    batch: Any = None,
) -> set[int]:
    """Write many dated attributes in the caller's transaction; returns the customers that changed.

    Today's values also go into the customers' columns. Marks nothing stale and keeps no audit: the caller does both.
    """
    ids = {value.customer_id for value in values}
    stored = AttributeValue.objects.current().filter(customer_id__in=ids)
    current = list(stored.filter(key__in={value.key for value in values}))
    known = dated.series_of(current, lambda row: (row.customer_id, row.key))
    wanted = []
    for value in values:
        check_value(value.key, value.value)
        if _value_on(known.get((value.customer_id, value.key), []), value.from_on) != value.value:
            wanted.append(
                AttributeValue(
                    customer_id=value.customer_id,
                    key=value.key,
                    value=value.value,
                    from_on=value.from_on,
                    recorded_by=by,
                    source=source,
                    batch=batch,
                    backfilled=bool(batch and batch.is_history),
                )
            )
    _refuse_circles([row for row in wanted if row.key == Attribute.PARENT and row.value])
    dated.change_series(current, wanted, lambda row: (row.customer_id, row.key))
    changed = {row.customer_id for row in wanted}
    show_today(changed, {row.key for row in wanted}, today=organisation.local_day(now))
    return changed


def column_of(key: str) -> str:
    """The column of Customer that shows an attribute."""
    return "parent_id" if key == Attribute.PARENT else key


def check_value(key: str, value: str) -> None:
    """Refuse a phase that does not exist; the other attributes are free words."""
    if key == Attribute.PHASE and value and value not in Phase.values:
        raise UnknownPhaseError(
            f"There is no phase “{value}”.", hint=f"Use one of {', '.join(Phase.values)}.", field="phase"
        )


def _value_on(series: Sequence[AttributeValue], day: date) -> str:
    for row in series:
        if row.from_on <= day and (row.to_on is None or row.to_on > day):
            return row.value
    return ""


def _refuse_circles(rows: Sequence[AttributeValue]) -> None:
    if not rows:
        return
    above = dict(Customer.objects.exclude(parent=None).values_list("pk", "parent_id"))
    above |= {row.customer_id: int(row.value) for row in rows}
    for row in rows:
        if has_circle(row.customer_id, above):
            raise ParentCircleError(
                "A customer cannot stand above itself.",
                hint="Choose a parent that is not below this customer.",
                field="parent",
            )


def has_circle(start: int, above: dict[int, int]) -> bool:
    """Whether walking up from a customer ever meets a customer twice."""
    seen, here = {start}, above.get(start)
    while here is not None:
        if here in seen:
            return True
        seen.add(here)
        here = above.get(here)
    return False


def show_today(customer_ids: Iterable[int], keys: Iterable[str], *, today: date) -> None:
    """Copy the values that hold today to the customers' columns, for lists and filters."""
    ids, wanted = set(customer_ids), list(keys)
    if not ids or not wanted:
        return
    rows = AttributeValue.objects.current().filter(customer_id__in=ids, key__in=wanted, from_on__lte=today)
    held = {(row.customer_id, row.key): row for row in rows if row.to_on is None or row.to_on > today}
    columns = sorted({column for key in wanted for column in SHOWN_IN[Attribute(key)]})
    changed = []
    for customer in Customer.objects.filter(pk__in=ids):
        before = _shown(customer, columns)
        for key in wanted:
            _show(customer, key, held.get((customer.pk, key)))
        if _shown(customer, columns) != before:
            changed.append(customer)
    update_models(changed, columns)


def _shown(customer: Customer, columns: Iterable[str]) -> list[Any]:
    return [customer.parent_id if column == "parent" else getattr(customer, column) for column in columns]


def _show(customer: Customer, key: str, row: AttributeValue | None) -> None:
    value = row.value if row else ""
    if key == Attribute.PARENT:
        customer.parent_id = int(value) if value else None
        return
    setattr(customer, key, value)
    if key == Attribute.PHASE:
        customer.phase_since = row.from_on if row and value else None
