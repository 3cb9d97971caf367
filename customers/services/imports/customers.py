"""Customers from a file: new ones, changed ones, their dated attributes and their CSM."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from accounts.choices import Role
from config.web.errors import DomainError
from config.work.pg import analyze, insert_models, update_models
from customers.connectors.layouts import CUSTOM_PREFIX
from customers.connectors.table import Row
from customers.models import BatchItem, Customer, ExternalId
from customers.queries.words import search_text as words
from customers.services import (
    assignments,
    attributes,
    custom_fields,
    field_values,
    search_text,
    staleness,
    summaries,
)
from customers.services.attributes import NewValue
from customers.services.field_values import Written
from customers.services.imports.context import Context, plain

EVER = date(1970, 1, 1)  # what a new customer of unknown age comes with is taken to have been so before
PLAIN = ("name", "domain", "industry", "country", "currency", "time_zone", "created_on")
ATTRIBUTES = {"segment": "segment", "tier": "tier", "region": "region", "lifecycle_phase": "phase"}
TYPE = "customer"


def apply(rows: Sequence[Row], context: Context) -> None:
    """Create or change customers by (source, customer_id); empty cells keep what Tend has."""
    rows = context.without_twins(rows, lambda row: row.values["customer_id"], "customer_id", "id")
    known = context.customer_ids(row.values["customer_id"] for row in rows)
    rows = _without_strangers(rows, known, context)
    rows = _with_users(_with_custom(rows, context), context)
    rows = _with_parents(rows, known, context)
    if context.problems and not rows:
        return
    new = [row for row in rows if row.values["customer_id"] not in known]
    old = [row for row in rows if row.values["customer_id"] in known]
    known |= _create(new, context)
    changed = _update(old, known, context)
    changed |= _write_attributes(rows, known, {row.values["customer_id"] for row in new}, context)
    changed |= _write_owners(rows, known, {row.values["customer_id"] for row in new}, context)
    _finish(new, old, known, changed, context)


def _without_strangers(rows: Sequence[Row], known: dict[str, int], context: Context) -> list[Row]:
    """Leave out ids that belong to customers outside the books this user may change."""
    if context.by is None or context.by.role == Role.ADMIN:
        return list(rows)
    ids = [row.values["customer_id"] for row in rows if row.values["customer_id"] not in known]
    taken = set(
        ExternalId.objects.filter(source=context.source, value__in=ids).values_list("value", flat=True)
    )
    kept = []
    for row in rows:
        if row.values["customer_id"] in taken:
            context.problems.add(
                row.number,
                "customer_id",
                row.values["customer_id"],
                "belongs to a customer you may not change",
                "Ask its CSM, your manager or an admin to import this row.",
            )
        else:
            kept.append(row)
    return kept


def _with_custom(rows: Sequence[Row], context: Context) -> list[Row]:
    """Check `cf_` cells by the definition of their field and gather them under `custom`."""
    fields = custom_fields.active_fields()
    kept = []
    for row in rows:
        values = {name: value for name, value in row.values.items() if not name.startswith(CUSTOM_PREFIX)}
        given = {
            name.removeprefix(CUSTOM_PREFIX): value
            for name, value in row.values.items()
            if name.startswith(CUSTOM_PREFIX)
        }
        try:
            values["custom"] = custom_fields.checked(given, fields)
        except DomainError as error:
            name = error.field or CUSTOM_PREFIX
            fix = error.hint or "Correct the value."
            context.problems.add(row.number, name, row.values.get(name), error.message, fix)
        else:
            kept.append(Row(row.number, values))
    return kept


def _with_users(rows: Sequence[Row], context: Context) -> list[Row]:
    users = context.users_by_email()
    kept = []
    for row in rows:
        email = row.values.get("csm_email")
        user = users.get(email.lower()) if email else None
        if email and (user is None or user.role == Role.VIEWER):
            reason = "belongs to a viewer" if user else "no active user has this address"
            fix = "Use the address of a CSM, or invite the user under Settings, Users."
            context.problems.add(row.number, "csm_email", email, reason, fix)
        else:
            kept.append(Row(row.number, row.values | ({"csm": user} if user else {})))
    return kept


def _with_parents(rows: Sequence[Row], known: dict[str, int], context: Context) -> list[Row]:
    """Leave out rows whose parent is unknown or would stand below its own child."""
    in_file = {row.values["customer_id"] for row in rows}
    parents = {row.values["parent_id"] for row in rows if "parent_id" in row.values}
    stored = context.customer_ids(parents - in_file)
    known |= stored
    above = _stored_parents(context) if parents else {}
    above |= {row.values["customer_id"]: row.values["parent_id"] for row in rows if "parent_id" in row.values}
    kept = []
    for row in rows:
        parent = row.values.get("parent_id")
        if parent is not None and parent not in in_file and parent not in stored:
            context.problems.add(
                row.number, "parent_id", parent, "no customer has this id", "Add the parent to the file."
            )
        elif parent is not None and _circle(row.values["customer_id"], above):
            context.problems.add(
                row.number,
                "parent_id",
                parent,
                "the customer would stand above itself",
                "Break the circle: one of these customers has no parent.",
            )
        else:
            kept.append(row)
    return kept


def _stored_parents(context: Context) -> dict[str, str]:
    ids = ExternalId.objects.filter(source=context.source)
    pairs = ids.exclude(customer__parent=None).values_list("value", "customer__parent_id")
    names = dict(ids.values_list("customer_id", "value"))
    return {value: names[parent] for value, parent in pairs if parent in names}


def _circle(start: str, above: dict[str, str]) -> bool:
    seen, here = {start}, above.get(start)
    while here is not None and here not in seen:
        seen.add(here)
        here = above.get(here)
    return here is not None


def _create(rows: Sequence[Row], context: Context) -> dict[str, int]:
    made = [
        Customer(
            **{"name": f"Customer {row.values['customer_id']}"}
            | {name: row.values[name] for name in PLAIN if name in row.values},
            custom=custom_fields.merged({}, row.values["custom"]),
        )
        for row in rows
    ]
    for row, customer in zip(rows, made, strict=True):
        _show_from_the_start(row, customer, context)
    insert_models(made)
    # Else every row that points at one of them is checked as planned when there were few: by reading them all.
    analyze(Customer)
    ids = {row.values["customer_id"]: customer.pk for row, customer in zip(rows, made, strict=True)}
    insert_models(
        [ExternalId(customer_id=pk, source=context.source, value=value) for value, pk in ids.items()]
    )
    summaries.make(ids.values())
    field_values.note(
        (Written(customer.pk, {}, customer.custom, _noted_on(customer, context)) for customer in made),
        **context.fact(),
    )
    context.remember((TYPE, customer.pk, None, {"name": customer.name}) for customer in made)
    return ids


def _show_from_the_start(row: Row, customer: Customer, context: Context) -> None:
    """Set what lists show of a new customer, so that it need not be written a second time with its facts."""
    customer.search_text = words(customer.name, customer.domain, row.values["customer_id"])
    since = row.values.get("phase_since", _since(row, {row.values["customer_id"]}, context))
    for name, key in ATTRIBUTES.items():
        if name in row.values and (key != "phase" or since <= context.today):
            setattr(customer, key, row.values[name])
    customer.phase_since = since if customer.phase else None


def _update(rows: Sequence[Row], known: dict[str, int], context: Context) -> set[int]:
    stored = Customer.objects.in_bulk([known[row.values["customer_id"]] for row in rows])
    revived = _taken_back(stored)
    items, touched, written = [], [], []
    for row in rows:
        customer = stored[known[row.values["customer_id"]]]
        wanted: dict[str, Any] = {name: row.values[name] for name in PLAIN if name in row.values}
        wanted["custom"] = custom_fields.merged(customer.custom, row.values["custom"])
        if customer.pk in revived:
            wanted["archived_at"] = None
        before = {name: getattr(customer, name) for name in wanted}
        changes = {name: value for name, value in wanted.items() if before[name] != value}
        if not changes:
            continue
        for name, value in changes.items():
            setattr(customer, name, value)
        customer.version, customer.updated_at = customer.version + 1, context.now
        touched.append(customer)
        values = {} if customer.pk in revived else before["custom"]
        written.append(Written(customer.pk, values, customer.custom, _noted_on(customer, context)))
        earlier = {name: plain(before[name]) for name in changes}
        items.append((TYPE, customer.pk, earlier, {name: plain(value) for name, value in changes.items()}))
    columns = [*PLAIN, "custom", "archived_at", "version", "updated_at"]
    update_models(touched, columns)
    field_values.note(written, **context.fact())
    context.remember(items)
    return {customer.pk for customer in touched}


def _noted_on(customer: Customer, context: Context) -> date:
    """The day from which custom values hold: today, or in a file of history the customer's first day."""
    first = customer.created_on if context.batch.is_history else None
    return min(first or context.today, context.today)


def _taken_back(stored: dict[int, Customer]) -> set[int]:
    """Archived customers that went when an import was undone; importing them again brings them back."""
    archived = [pk for pk, customer in stored.items() if customer.archived_at is not None]
    undone = BatchItem.objects.filter(object_type=TYPE, object_id__in=archived, before__isnull=True)
    return set(undone.exclude(batch__undone_at=None).values_list("object_id", flat=True))


def _write_attributes(
    rows: Sequence[Row], known: dict[str, int], new: set[str], context: Context
) -> set[int]:
    values = []
    for row in rows:
        pk = known[row.values["customer_id"]]
        start = _since(row, new, context)
        ever = EVER if row.values["customer_id"] in new and "created_on" not in row.values else start
        for name, key in ATTRIBUTES.items():
            if name in row.values:
                day = row.values.get("phase_since", start) if key == "phase" else ever
                values.append(NewValue(pk, key, row.values[name], day))
        if "parent_id" in row.values:
            values.append(NewValue(pk, "parent", str(known[row.values["parent_id"]]), start))
    return attributes.set_attributes(
        values=values, by=context.by, now=context.now, source=context.source, batch=context.batch
    )


def _write_owners(rows: Sequence[Row], known: dict[str, int], new: set[str], context: Context) -> set[int]:
    owners = [
        assignments.NewOwner(
            known[row.values["customer_id"]], row.values["csm"].pk, _since(row, new, context)
        )
        for row in rows
        if "csm" in row.values
    ]
    return assignments.assign_many(
        owners=owners, by=context.by, now=context.now, source=context.source, batch=context.batch
    )


def _since(row: Row, new: set[str], context: Context) -> Any:
    """New customers have their attributes from their first day, known ones from today."""
    created_on = row.values.get("created_on")
    is_new = row.values["customer_id"] in new
    return min(created_on, context.today) if is_new and created_on else context.today


def _finish(
    new: Sequence[Row], old: Sequence[Row], known: dict[str, int], changed: set[int], context: Context
) -> None:
    made = {
        known[row.values["customer_id"]]: _since(row, {row.values["customer_id"]}, context) for row in new
    }
    updated = changed - made.keys()
    search_text.refresh(updated)
    staleness.mark_each(first_days=dict.fromkeys(updated, context.today) | made, cause="import")
    context.counts.created += len(new)
    context.counts.updated += len(updated)
    context.counts.unchanged += len(old) - len(updated)
