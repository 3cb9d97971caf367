"""A CSM's own judgement of a customer."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from django.db import transaction

from accounts.queries import organisation
from config.web.errors import DomainError
from config.work import audit
from customers.choices import MOST_PULSE_REASONS, PULSE_POINTS, PulseReason
from customers.models import Customer, Pulse
from customers.services import facts, staleness, summaries
from customers.services.locks import lock_customers

LEVELS_WITH_NOTE = frozenset({1, 2})


class PulseError(DomainError):
    """The pulse is out of range, lacks its note, or has reasons that do not stand in the list."""

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
    """Record a level from 1 to 5, or None to take the judgement back.

    Levels 1 and 2 need a note; `reasons` are up to three codes of `PulseReason`.
    """
    if level is not None and level not in PULSE_POINTS:
        raise PulseError("A pulse has a level from 1 to 5.", hint="Choose one of the five.", field="level")
    if level in LEVELS_WITH_NOTE and not note.strip():
        raise PulseError(
            "Levels 1 and 2 need a note.", hint="Say what happened and what would help.", field="note"
        )
    if len(reasons) > MOST_PULSE_REASONS or set(reasons) - set(PulseReason.values):
        raise PulseError(
            f"A pulse names up to {MOST_PULSE_REASONS} reasons of the list.",
            hint="Keep those that matter most.",
            field="reasons",
        )
    lock_customers([customer.pk])
    moment = occurred_at or now
    pulse = Pulse(
        customer=customer,
        occurred_at=moment,
        level=level,
        reasons=list(dict.fromkeys(reasons)),
        note=note,
        recorded_by=by,
        source=source,
    )
    facts.write(facts.Change(added=[pulse]))
    show_pulses([customer.pk], now=max(now, moment))
    audit.record(by=by, now=now, action="pulse.recorded", subject=pulse, after={"level": level})
    staleness.mark(customer_ids=[customer.pk], from_day=organisation.local_day(moment), cause="pulse")
    return pulse


def unset_for_new_csm(
    *, changes: Mapping[int, date], by: Any, now: datetime, source: str, batch: Any = None
) -> None:
    """Write `unset` for customers that get another primary CSM on a day, in the caller's transaction (HP-3).

    The judgement was the former CSM's own. It ends with the first instant of that day, or now when that day has begun;
    in a file of history on that day. What was judged before stays.
    """
    if not changes:
        return
    is_history, company = bool(batch and batch.is_history), organisation.current()
    starts = {day: organisation.midnight(day, company) for day in set(changes.values())}
    rows = [
        Pulse(
            customer_id=pk,
            occurred_at=starts[day] if is_history else max(now, starts[day]),
            level=None,
            recorded_by=by,
            source=source,
            batch=batch,
            backfilled=is_history,
        )
        for pk, day in sorted(changes.items())
    ]
    facts.write(facts.Change(added=rows))
    show_pulses(changes, now=now)


def show_pulses(customer_ids: Iterable[int], *, now: datetime) -> None:
    """Write the level in force into the summaries."""
    ids = list(customer_ids)
    rows = Pulse.objects.current().filter(customer_id__in=ids, occurred_at__lte=now)
    latest = dict(rows.order_by("occurred_at", "seq").values_list("customer_id", "level"))
    summaries.publish({pk: {"pulse": latest.get(pk)} for pk in ids})
