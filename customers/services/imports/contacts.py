"""People from a file, matched by their id in the source, else by their address at the customer."""

from collections.abc import Sequence
from typing import Any

from config.work.pg import insert_models, update_models
from customers.connectors.table import Row
from customers.models import Contact
from customers.services import search_text
from customers.services.erasure import ERASED
from customers.services.imports import registry
from customers.services.imports.context import Context, plain

FIELDS = ("email", "name", "role", "language", "time_zone", "do_not_survey", "left_on")
TYPE = "contact"


def apply(rows: Sequence[Row], context: Context) -> None:
    """Create or change contacts; empty cells keep what Tend has, and nobody is moved to another customer."""
    rows = context.without_twins(rows, lambda row: row.values["contact_id"], "contact_id", "id")
    rows = _not_erased(rows, context)
    pairs = context.with_customers(rows)
    by_id, by_email = _stored(
        {pk for _, pk in pairs}, {row.values["contact_id"] for row, _ in pairs}, context
    )
    new, changed, items, touched, addresses = [], [], [], set(), {}
    for row, pk in pairs:
        address = (pk, row.values["email"].lower())
        contact = by_id.get(row.values["contact_id"]) or by_email.get(address)
        if not _fits(row, pk, contact, by_email.get(address), addresses, context):
            continue
        addresses[address] = row.number
        wanted = _wanted(row, contact, context)
        if contact is None:
            new.append(Contact(customer_id=pk, **wanted))
            touched.add(pk)
            continue
        before = {name: getattr(contact, name) for name in wanted}
        changes = {name: value for name, value in wanted.items() if before[name] != value}
        if not changes:
            context.counts.unchanged += 1
            continue
        for name, value in changes.items():
            setattr(contact, name, value)
        contact.version += 1
        changed.append(contact)
        touched.add(pk)
        earlier = {name: plain(before[name]) for name in changes}
        items.append((TYPE, contact.pk, earlier, {name: plain(value) for name, value in changes.items()}))
    _write(new, changed, context)
    context.remember(items)
    search_text.refresh(touched)


def _not_erased(rows: Sequence[Row], context: Context) -> list[Row]:
    """Rows of people who have not asked to be forgotten."""
    was_erased = registry.erased_check()
    kept = []
    for row in rows:
        if was_erased(row.values["email"]):
            context.problems.add(
                row.number, "email", ERASED, "was erased on request", "Leave this person out."
            )
        else:
            kept.append(row)
    return kept


def _stored(
    customer_ids: set[int], contact_ids: set[str], context: Context
) -> tuple[dict[str, Contact], dict[tuple[int, str], Contact]]:
    at_customers = list(Contact.objects.filter(customer_id__in=customer_ids))
    elsewhere = Contact.objects.filter(source=context.source, external_id__in=contact_ids)
    by_id = {
        contact.external_id: contact
        for contact in [*elsewhere.exclude(customer_id__in=customer_ids), *at_customers]
        if contact.source == context.source and contact.external_id
    }
    return by_id, {(contact.customer_id, contact.email.lower()): contact for contact in at_customers}


def _fits(
    row: Row,
    customer_id: int,
    contact: Contact | None,
    same_address: Contact | None,
    addresses: dict[tuple[int, str], int],
    context: Context,
) -> bool:
    """Whether the row can be taken; what stands in its way is noted."""
    email = row.values["email"]
    taken_by = addresses.get((customer_id, email.lower()))
    if taken_by is not None:
        wrong = ("email", f"has the address of row {taken_by} at the same customer", "Keep one of the two.")
    elif contact is not None and contact.erased_at is not None:
        wrong = ("contact_id", "was erased on request", "Leave this person out.")
    elif contact is not None and contact.customer_id != customer_id:
        fix = "Give the person at the new customer an id of its own."
        wrong = ("contact_id", "belongs to another customer", fix)
    elif same_address is not None and contact is not same_address:
        name = same_address.name or "another contact"
        wrong = ("email", f"is the address of {name}", "Correct the address or the id.")
    elif contact is not None and _has_other_id(contact, row, context):
        reason = f"is the address of the contact {contact.external_id}"
        wrong = ("email", reason, "Correct the address or the id.")
    else:
        return True
    name, reason, fix = wrong
    context.problems.add(row.number, name, row.values[name], reason, fix)
    return False


def _has_other_id(contact: Contact, row: Row, context: Context) -> bool:
    known = contact.external_id if contact.source == context.source else ""
    return known not in {"", row.values["contact_id"]}


def _wanted(row: Row, contact: Contact | None, context: Context) -> dict[str, Any]:
    wanted = {name: row.values[name] for name in FIELDS if name in row.values}
    if contact is None or not contact.external_id:
        wanted |= {"external_id": row.values["contact_id"], "source": context.source}
    return wanted


def _write(new: list[Contact], changed: list[Contact], context: Context) -> None:
    update_models(changed, [*FIELDS, "external_id", "source", "version"])
    insert_models(new)
    context.remember((TYPE, contact.pk, None, {"email": contact.email}) for contact in new)
    context.counts.created += len(new)
    context.counts.updated += len(changed)
