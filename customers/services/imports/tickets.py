"""Support tickets from a file: a newer state of a ticket replaces the stored one."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from accounts.queries import organisation
from customers.choices import TicketPriority
from customers.connectors.table import Row
from customers.models import Ticket
from customers.services import facts, staleness
from customers.services.imports.context import ARGUMENTS, Context
from customers.services.tickets import REPORTED, refresh_open_tickets

EMPTY = {"priority": TicketPriority.NORMAL, "reopened": 0, "transferred": False, "escalated": False}


def apply(rows: Sequence[Row], context: Context) -> None:
    """Record the state of all tickets in one go."""
    rows = context.without_twins(rows, lambda row: row.values["ticket_id"], "ticket_id", "id")
    pairs = [(row, pk) for row, pk in context.with_customers(rows) if _sensible(row, context)]
    stored = _stored([row.values["ticket_id"] for row, _ in pairs], context)
    change, first_days = facts.Change(), {}
    for row, pk in pairs:
        old = stored.get(row.values["ticket_id"])
        if old is not None and old.customer_id != pk:
            context.problems.add(
                row.number,
                "customer_id",
                row.values["customer_id"],
                "is another customer than the one this ticket belongs to",
                "Correct the customer, or give the ticket an id of its own.",
            )
            continue
        new = Ticket(customer_id=pk, **_reported(row, old, context), **context.fact(row.values["ticket_id"]))
        _plan(new, old, change, first_days, context)
    facts.write(change)
    refresh_open_tickets(set(first_days))
    staleness.mark_each(first_days=first_days, cause="ticket")


def _plan(
    new: Ticket, old: Ticket | None, change: facts.Change, first_days: dict[int, date], context: Context
) -> None:
    if old is not None and all(getattr(old, name) == getattr(new, name) for name in REPORTED):
        context.counts.unchanged += 1
        return
    change.add(new, instead_of=old)
    context.counts.updated += old is not None
    context.counts.created += old is None
    moment = min(new.opened_at, old.opened_at) if old else new.opened_at
    day = organisation.local_day(moment, context.organisation)
    first_days[new.customer_id] = min(first_days.get(new.customer_id, day), day)


def _stored(ids: Sequence[str], context: Context) -> dict[str, Ticket]:
    found: dict[str, Ticket] = {}
    for start in range(0, len(ids), ARGUMENTS):
        rows = Ticket.objects.current().filter(
            source=context.source, source_key__in=ids[start : start + ARGUMENTS]
        )
        found.update({ticket.source_key: ticket for ticket in rows})
    return found


def _reported(row: Row, old: Ticket | None, context: Context) -> dict[str, Any]:
    """What the row says; a file without a column keeps what is stored."""
    return {
        name: getattr(old, name)
        if old is not None and name not in context.given
        else row.values.get(name, EMPTY.get(name))
        for name in REPORTED
    }


def _sensible(row: Row, context: Context) -> bool:
    solved, opened = row.values.get("solved_at"), row.values["opened_at"]
    if solved is None or solved >= opened:
        return True
    context.problems.add(
        row.number, "solved_at", solved, f"lies before it was opened ({opened})", "Correct one of the two."
    )
    return False
