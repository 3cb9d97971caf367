"""Customers and their facts for tests, made by the services. Plain functions, no random values."""

from datetime import UTC, date, datetime, time
from decimal import Decimal
from itertools import count

from customers.services import assignments, contacts, customers, follow_ups, pulses, subscriptions, tickets
from customers.services import touchpoints as touches
from customers.services.usage import UsageRow, record_events

NOW = datetime(2026, 3, 16, 10, 0, tzinfo=UTC)
START = date(2025, 1, 1)  # customers of the tests begin here unless a test says otherwise

_numbers = count(1)


def make_customer(
    *,
    owner=None,
    name="",
    mrr=None,
    currency="EUR",
    since=START,
    until=None,
    product="Tend",
    now=NOW,
    **fields,
):
    """A customer looked after by `owner`; with `mrr` it pays that much a month from `since` on."""
    name = name or f"Customer {next(_numbers)}"
    fields.setdefault("created_on", since)
    customer = customers.create_customer(
        name=name, owner=owner, by=None, now=now, currency=currency, **fields
    )
    if mrr is not None:
        make_subscription(
            customer, mrr=mrr, currency=currency, from_on=since, to_on=until, product=product, now=now
        )
    customer.refresh_from_db()
    return customer


def make_contact(customer, email="", *, name="", now=NOW, **fields):
    number = next(_numbers)
    email = email or f"contact.{number}@customer.example"
    return contacts.create_contact(
        customer=customer, email=email, name=name or f"Contact {number}", by=None, now=now, **fields
    )


def make_subscription(
    customer, *, mrr="100.00", currency="EUR", from_on=START, to_on=None, product="Tend", now=NOW, **fields
):
    """A line of `mrr` a month (or `amount` per `interval`) from a day on."""
    amount = Decimal(fields.pop("amount", mrr))
    return subscriptions.start_line(
        customer=customer,
        amount=amount,
        currency=currency,
        from_on=from_on,
        to_on=to_on,
        product=product,
        by=None,
        now=now,
        **fields,
    )


def make_touchpoint(customer, *, kind="call", occurred_at=None, by=None, now=NOW, **fields):
    fields.setdefault("subject", "Monthly call")
    return touches.log_touchpoint(
        customer=customer, kind=kind, occurred_at=occurred_at or now, by=by, now=now, **fields
    )


def make_follow_up(customer, *, title="Call back", owner=None, due_on=None, by=None, now=NOW, **fields):
    return follow_ups.open_follow_up(
        customer=customer, title=title, owner=owner, due_on=due_on or now.date(), by=by, now=now, **fields
    )


def make_ticket(customer, *, ticket_id="", opened_at=None, now=NOW, **fields):
    return tickets.record_ticket(
        customer=customer,
        ticket_id=ticket_id or f"T-{next(_numbers)}",
        opened_at=opened_at or now,
        by=None,
        now=now,
        **fields,
    )


def make_pulse(customer, *, level=4, note="", by=None, now=NOW, **fields):
    return pulses.record_pulse(customer=customer, level=level, note=note, by=by, now=now, **fields)


def make_assignment(customer, user, *, from_on=START, role="primary", now=NOW, **fields):
    return assignments.assign(
        customer=customer, user=user, role=role, from_on=from_on, by=None, now=now, **fields
    )


def make_usage(customer, *, day=None, user="u1", event="login", count=1, now=NOW, source="app", **fields):
    """One event at noon UTC of a day (default the day of `now`)."""
    moment = datetime.combine(day or now.date(), time(12), tzinfo=UTC)
    row = UsageRow(
        customer_id=customer.pk,
        message_id=fields.pop("message_id", f"m{next(_numbers)}"),
        occurred_at=moment,
        user_ref=user,
        event=event,
        count=count,
        **fields,
    )
    return record_events(source=source, events=[row], now=now)
