"""Calls, meetings and mails from a file.

They carry no id, so a row is known again by its customer, moment, kind, direction and subject, and by its place among
rows that are equal in these.
"""

from collections import Counter
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

from accounts.queries import organisation
from customers.choices import Direction, TouchpointKind
from customers.connectors.table import Row
from customers.models import Contact, Touchpoint
from customers.services import facts, staleness
from customers.services.imports.context import Context
from customers.services.touchpoints import refresh_last_touch

COMPARED = ("kind", "direction", "subject", "body", "contact_id", "author_id")
KEY_BYTES = 16


def apply(rows: Sequence[Row], context: Context) -> None:
    """Record all touchpoints in one go."""
    people = _people(rows)
    users = context.users_by_email()
    pairs = context.with_customers(rows)
    stored = {
        touchpoint.source_key: touchpoint
        for touchpoint in Touchpoint.objects.current().filter(
            source=context.source, customer_id__in={pk for _, pk in pairs}
        )
    }
    seen: Counter[bytes] = Counter()
    change, touched = facts.Change(), {}
    for row, pk in pairs:
        key = _key(row, seen)
        links = _links(row, pk, people, users, context)
        if links is None or not _in_the_past(row, context):
            continue
        new = Touchpoint(customer_id=pk, **_content(row), **links, **context.fact(key))
        old = stored.get(key)
        if old is not None and all(getattr(old, name) == getattr(new, name) for name in COMPARED):
            context.counts.unchanged += 1
            continue
        change.add(new, instead_of=old)
        context.counts.updated += old is not None
        context.counts.created += old is None
        day = organisation.local_day(new.occurred_at, context.organisation)
        touched[pk] = min(touched.get(pk, day), day)
    facts.write(change)
    refresh_last_touch(set(touched))
    staleness.mark_each(first_days=touched, cause="touchpoint")


def _key(row: Row, seen: Counter[bytes]) -> str:
    values = row.values
    words = (
        values["customer_id"],
        values["occurred_at"].isoformat(),
        *(values.get(name, "") for name in ("kind", "direction", "subject")),
    )
    digest = blake2b("\x1f".join(words).encode(), digest_size=KEY_BYTES)
    seen[digest.digest()] += 1
    return f"{digest.hexdigest()}.{seen[digest.digest()]}"


def _content(row: Row) -> dict[str, Any]:
    values = row.values
    kind = values.get("kind", TouchpointKind.NOTE)
    usual = Direction.INTERNAL if kind == TouchpointKind.NOTE else Direction.OUT
    return {
        "occurred_at": values["occurred_at"],
        "kind": kind,
        "direction": values.get("direction", usual),
        "subject": values.get("subject", ""),
        "body": values.get("body", ""),
        "is_meaningful": kind != TouchpointKind.NOTE,
    }


def _people(rows: Sequence[Row]) -> dict[tuple[int, str], int]:
    emails = {row.values["contact_email"].lower() for row in rows if "contact_email" in row.values}
    if not emails:
        return {}
    people = Contact.objects.filter(erased_at=None).values_list("customer_id", "email", "pk")
    return {(customer_id, email.lower()): pk for customer_id, email, pk in people if email.lower() in emails}


def _links(
    row: Row, customer_id: int, people: dict[tuple[int, str], int], users: dict[str, Any], context: Context
) -> dict[str, int | None] | None:
    """Contact and author of a row, or None when one of them is unknown."""
    contact, author = row.values.get("contact_email"), row.values.get("author_email")
    contact_id = people.get((customer_id, contact.lower())) if contact else None
    user = users.get(author.lower()) if author else None
    if contact and contact_id is None:
        fix = "Import the contacts first, or leave the cell empty."
        context.problems.add(row.number, "contact_email", contact, "is no contact of this customer", fix)
        return None
    if author and user is None:
        fix = "Use the address of a user, or leave the cell empty."
        context.problems.add(row.number, "author_email", author, "no active user has this address", fix)
        return None
    return {"contact_id": contact_id, "author_id": user.pk if user else None}


def _in_the_past(row: Row, context: Context) -> bool:
    if row.values["occurred_at"] <= context.now:
        return True
    context.problems.add(
        row.number,
        "occurred_at",
        row.values["occurred_at"],
        "lies in the future",
        "A touchpoint has happened; plan what comes as a follow-up.",
    )
    return False
