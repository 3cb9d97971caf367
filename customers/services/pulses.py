"""A CSM's own judgement of a customer."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from accounts.queries import organisation
from config.web.errors import DomainError
from config.work import audit
from customers.choices import PULSE_POINTS
from customers.models import Customer, Pulse
from customers.services import facts, staleness, summaries
from customers.services.locks import lock_customers

LEVELS_WITH_NOTE = frozenset({1, 2})


class PulseError(DomainError):
    """The pulse is out of range or lacks its note."""

    code = "pulse"


@transaction.atomic
def record_pulse(
    *,
    customer: Customer,
    level: int | None,
    by: Any,
    now: datetime,
    note: str = "",
    reasons: Sequence[str] = (),
    occurred_at: datetime | None = None,
    source: str = "tend",
) -> Pulse:
    """Record a level from 1 to 5, or None to take the judgement back. Levels 1 and 2 need a note."""
    if level is not None and level not in PULSE_POINTS:
        raise PulseError("A pulse has a level from 1 to 5.", hint="Choose one of the five.", field="level")
    if level in LEVELS_WITH_NOTE and not note.strip():
        raise PulseError(
            "Levels 1 and 2 need a note.", hint="Say what happened and what would help.", field="note"
        )
    lock_customers([customer.pk])
    moment = occurred_at or now
    pulse = Pulse(
        customer=customer,
        occurred_at=moment,
        level=level,
        reasons=list(reasons),
        note=note,
        recorded_by=by,
        source=source,
    )
    facts.write(facts.Change(added=[pulse]))
    latest = Pulse.objects.current().filter(customer=customer).order_by("-occurred_at", "-seq").first()
    summaries.publish({customer.pk: {"pulse": latest.level if latest else None}})
    audit.record(by=by, now=now, action="pulse.recorded", subject=pulse, after={"level": level})
    staleness.mark(customer_ids=[customer.pk], from_day=organisation.local_day(moment), cause="pulse")
    return pulse
