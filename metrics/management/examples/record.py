"""Makes the facts of an example through the services of customers, in their own or in the opposite order."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from config.work.pg import recorded_at
from customers.models import Customer, Subscription
from customers.services import starts, subscriptions
from customers.services.starts import NewLine
from metrics.management.examples.timeline import Timeline, Version, versions

REASON = "cancelled"
LONG_AGO = datetime(1990, 1, 1, tzinfo=UTC)  # when everything was recorded that is known from the start
NOON = time(12)


@dataclass(frozen=True, slots=True)
class Recorder:
    """How facts are recorded: currency of all lines, zone of the organisation, the clock, and whether backwards."""

    currency: str
    zone: str
    now: datetime
    backwards: bool = False

    def order(self, items: Iterable[Any]) -> list[Any]:
        """Items in the order they are recorded in."""
        listed = list(items)
        return listed[::-1] if self.backwards else listed


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of one price that a customer pays per month, and the day on which its end was recorded."""

    customer: str
    from_on: date
    to_on: date | None
    monthly: Decimal
    end_known_from: date | None = None


def customers_named(names: Iterable[str], *, since: date, recorder: Recorder) -> dict[str, Customer]:
    """A new customer for every name."""
    wanted = recorder.order(dict.fromkeys(names))
    made = starts.create_customers(names=wanted, created_on=since, by=None, now=recorder.now)
    return dict(zip(wanted, made, strict=True))


def record_timelines(lines: Sequence[Timeline], recorder: Recorder) -> dict[str, Customer]:
    """Record subscriptions: step by step, or every stretch by itself with the latest first."""
    first = min((line.started_on for line in lines), default=recorder.now.date())
    customers = customers_named((line.customer for line in lines), since=first, recorder=recorder)
    for line, part in recorder.order((one, part) for one in lines for part in one.parts):
        if recorder.backwards:
            _stretches_from_the_last(line, part, customers[line.customer], recorder)
        else:
            _step_by_step(line, part, customers[line.customer], recorder)
    return customers


def record_stretches(stretches: Sequence[Stretch], recorder: Recorder) -> dict[str, Customer]:
    """Record monthly lines, one per stretch; an end recorded later has its own day on the recorded clock."""
    first = min((one.from_on for one in stretches), default=recorder.now.date())
    customers = customers_named((one.customer for one in stretches), since=first, recorder=recorder)
    lines = {
        place: NewLine(
            customer_id=customers[one.customer].pk,
            from_on=one.from_on,
            to_on=None if one.end_known_from else one.to_on,
            product=f"line {place}",
            fields={"amount": one.monthly, "currency": recorder.currency},
        )
        for place, one in enumerate(stretches)
        if one.to_on is None or one.to_on > one.from_on
    }
    with recorded_at(LONG_AGO):
        stored = starts.start_lines(lines=recorder.order(lines.values()), by=None, now=recorder.now)
    for place in recorder.order(lines):
        one = stretches[place]
        if one.end_known_from and one.to_on:
            moment = datetime.combine(one.end_known_from, NOON, ZoneInfo(recorder.zone))
            with recorded_at(moment):
                subscriptions.end_line(line=stored[lines[place].key], on=one.to_on, by=None, now=recorder.now)
    return customers


def record_lines(
    lines: Sequence[tuple[Mapping[str, Any], int]], *, since: date, recorder: Recorder
) -> dict[str, Customer]:
    """Record (fields of a line, how many of it), each line of a customer of its own."""
    every = [fields for fields, count in lines for _ in range(count)]
    names = [f"Customer {number}" for number in range(1, len(every) + 1)]
    customers = customers_named(names, since=since, recorder=recorder)
    starts.start_lines(
        lines=recorder.order(
            NewLine(
                customer_id=customers[name].pk,
                from_on=since,
                product="line",
                fields={**fields, "currency": recorder.currency},
            )
            for name, fields in zip(names, every, strict=True)
        ),
        by=None,
        now=recorder.now,
    )
    return customers


def _step_by_step(line: Timeline, part: str, customer: Customer, recorder: Recorder) -> None:
    """Start, then every change and the cancellation in order of their days."""
    stretches = versions(line, part)
    if not stretches:
        return
    first, *later = stretches
    stored = _start(line, part, customer, replace(first, to_on=None, cancelled_on=None), recorder)
    cancelled = line.cancelled_on is None
    for stretch in later:
        if not cancelled and line.cancelled_on is not None and stretch.from_on > line.cancelled_on:
            _cancel(line, stored, recorder)
            cancelled = True
        subscriptions.change_line(
            line=stored,
            from_on=stretch.from_on,
            by=None,
            now=recorder.now,
            **stretch.fields,
        )
    if not cancelled:
        _cancel(line, stored, recorder)


def _stretches_from_the_last(line: Timeline, part: str, customer: Customer, recorder: Recorder) -> None:
    for stretch in reversed(versions(line, part)):
        _start(line, part, customer, stretch, recorder)


def _start(
    line: Timeline, part: str, customer: Customer, stretch: Version, recorder: Recorder
) -> Subscription:
    marks: dict[str, Any] = (
        {"cancelled_on": stretch.cancelled_on, "reason": REASON} if stretch.cancelled_on else {}
    )
    return subscriptions.start_line(
        customer=customer,
        from_on=stretch.from_on,
        to_on=stretch.to_on,
        by=None,
        now=recorder.now,
        product=f"{line.sub} {part}".strip(),
        currency=recorder.currency,
        **stretch.fields,
        **marks,
    )


def _cancel(line: Timeline, stored: Subscription, recorder: Recorder) -> None:
    if line.cancelled_on is None or line.ends_on is None:
        return
    subscriptions.cancel_line(
        line=stored,
        cancelled_on=line.cancelled_on,
        ends_on=line.ends_on,
        reason=REASON,
        by=None,
        now=recorder.now,
    )
