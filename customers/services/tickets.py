"""Support tickets as their source reports them."""

from datetime import datetime
from typing import Any, TypedDict, Unpack

from django.db import transaction
from django.db.models import Count

from accounts.queries import organisation
from config.web.errors import DomainError
from config.work import audit
from customers.models import Customer, Ticket
from customers.services import facts, staleness, summaries
from customers.services.locks import lock_customers


class TicketMovedError(DomainError):
    """A ticket cannot change its customer."""

    code = "ticket_moved"


class TicketFields(TypedDict, total=False):
    """What a report says about a ticket."""

    solved_at: datetime | None
    first_response_at: datetime | None
    priority: str
    agent_replies: int | None
    reopened: int
    transferred: bool
    escalated: bool
    csat: int | None


REPORTED = ("opened_at", *TicketFields.__annotations__)


@transaction.atomic
def record_ticket(
    *,
    customer: Customer,
    ticket_id: str,
    opened_at: datetime,
    by: Any,
    now: datetime,
    source: str = "tend",
    **fields: Unpack[TicketFields],
) -> Ticket:
    """Record the state of a ticket; a newer report replaces the older one, an equal one changes nothing."""
    lock_customers([customer.pk])
    old = Ticket.objects.current().filter(source=source, source_key=ticket_id).first()
    new = Ticket(
        customer=customer, opened_at=opened_at, recorded_by=by, source=source, source_key=ticket_id, **fields
    )
    if old is not None:
        if old.customer_id != customer.pk:
            raise TicketMovedError(
                f"Ticket {ticket_id} belongs to another customer.",
                hint="Check the customer of this ticket in its source.",
                field="customer",
            )
        if same_report(old, new):
            return old
    facts.write(facts.Change(added=[new], replaced=[(old, new)] if old else []))
    audit.record(by=by, now=now, action="ticket.recorded", subject=new)
    refresh_open_tickets({customer.pk})
    first = min(opened_at, old.opened_at) if old else opened_at
    staleness.mark(customer_ids=[customer.pk], from_day=organisation.local_day(first), cause="ticket")
    return new


def same_report(one: Ticket, other: Ticket) -> bool:
    """Whether two rows say the same about a ticket."""
    return all(getattr(one, name) == getattr(other, name) for name in ("customer_id", *REPORTED))


def refresh_open_tickets(customer_ids: set[int]) -> None:
    """Count the unsolved tickets into the summaries."""
    open_ones = Ticket.objects.current().filter(customer_id__in=customer_ids, solved_at=None)
    counted = dict(
        open_ones.values("customer_id").annotate(many=Count("pk")).values_list("customer_id", "many")
    )
    summaries.publish({pk: {"open_tickets": counted.get(pk, 0)} for pk in customer_ids})
