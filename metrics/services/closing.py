"""Closing months: numbers are kept as they were reported, and what late facts do to them is told step by step (T-2 to T-7)."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Max, Min, Q

from accounts.queries import organisation
from config.web.errors import DomainError
from config.work import audit
from config.work.pg import settled_before, try_lock
from customers.models import CostEntry, FxRate, LineVersion, Order, Ticket
from metrics.formulas.money import CONTEXT, exactly
from metrics.formulas.periods import Period, add_months, month_of, month_period, months_between
from metrics.formulas.result import Result, known
from metrics.models import ClosedMonth, FrozenValue, Restatement, RollupFill
from metrics.models.closed_month import RestatementCause
from metrics.queries import closed_months, definitions
from metrics.queries.freshness import last_fill, nothing_waits
from metrics.queries.metric_rows import MetricRow, metric_rows
from metrics.queries.spans import PARTS
from metrics.services.fills import note_fill
from metrics.services.what_if import what_if

LOCK = (71, 3)  # advisory lock: one closing or restating at a time
RESTATED = "restated"  # the note of the last comparison
SHOWN_FACTS = 50  # causes named in one restatement
DAY = timedelta(days=1)
STORED_PLACES = Decimal(1).scaleb(-24)


class CannotCloseError(DomainError):
    """The month is not over, is closed already, or an earlier one is still open."""

    code = "cannot_close"


@transaction.atomic
def close_month(*, month: date, by: Any, now: datetime) -> ClosedMonth:
    """Freeze every number of a month as known now, under the definition in force. There is no reopening.

    Months close one after the other; the first one to close may be any month that is over.
    """
    today = organisation.local_day(now)
    if not try_lock(*LOCK):
        raise CannotCloseError("A month is being closed at this moment.", hint="Look again in a minute.")
    _refuse(month, today)
    known_at = min(settled_before(), now)
    definition, number = definitions.current(), definitions.current_number()
    period = month_period(month)
    with what_if(definition=definition, as_of=today, now=now, known_at=known_at):
        (row,) = metric_rows(
            [period], as_of=today, complete_to=today - DAY, definition=definition, known_at=known_at
        )
    seen = LineVersion.objects.filter(recorded_at__lte=known_at).aggregate(last=Max("seq"))["last"]
    closed = ClosedMonth.objects.create(
        month=month,
        closed_at=now,
        known_at=known_at,
        definition=number,
        currency=definition.reporting_currency,
        time_zone=definition.timezone,
        highest_seq=seen or 0,
        closed_by=by,
    )
    FrozenValue.objects.bulk_create(_frozen(closed, row))
    audit.record(
        by=by, now=now, action="month.closed", after={"month": month.isoformat(), "definition": number}
    )
    return closed


def close_due_months(*, now: datetime) -> int:
    """Close the months that ended longer ago than the definition's days; returns how many.

    Closing starts with the month in which the first fact was recorded: before, nothing was reported.
    """
    due = due_months(now=now)
    for number, month in enumerate(due):
        try:
            close_month(month=month, by=None, now=now)
        except CannotCloseError:  # somebody else is closing it
            return number
    return len(due)


def due_months(*, now: datetime) -> list[date]:
    """Months that should be closed by now, oldest first."""
    last = closed_months.last_closed()
    if last is not None:
        first = add_months(last, 1)
    else:
        recorded = LineVersion.objects.aggregate(first=Min("recorded_at"))["first"]
        if recorded is None:
            return []
        first = month_of(organisation.local_day(recorded))
    until = organisation.local_day(now) - timedelta(days=definitions.current().period_close_days)
    return (
        [month for month in months_between(first, until) if month_period(month).end <= until]
        if first <= until
        else []
    )


def frozen_again(closed: ClosedMonth, *, now: datetime) -> dict[str, Decimal | None]:
    """The numbers of a closed month worked out once more from what was known at its closing (T-7)."""
    definition = definitions.of_version(closed.definition)
    definition = replace(
        definition,
        timezone=closed.time_zone or definitions.current().timezone,
        reporting_currency=closed.currency or definitions.current().reporting_currency,
    )
    as_of = organisation.local_day(closed.closed_at)
    with what_if(definition=definition, as_of=as_of, now=now, known_at=closed.known_at):
        (row,) = metric_rows(
            [month_period(closed.month)],
            as_of=as_of,
            complete_to=as_of - DAY,
            definition=definition,
            known_at=closed.known_at,
        )
    return {key: _stored(result.value) for key, result in numbers_of(row).items()}


def _refuse(month: date, today: date) -> None:
    last = closed_months.last_closed()
    if month.day != 1 or month_period(month).end > today:
        message, hint = f"{month:%B %Y} is not over yet.", "Close it after its last day."
    elif last is not None and month <= last:
        message, hint = (
            f"{month:%B %Y} is closed already.",
            "What was reported stays; late facts are restatements.",
        )
    elif last is not None and month != add_months(last, 1):
        message, hint = f"{add_months(last, 1):%B %Y} is still open.", "Close the months one after the other."
    else:
        return
    raise CannotCloseError(message, hint=hint, field="month")


def numbers_of(row: MetricRow) -> dict[str, Result]:
    """Every number of a month: the parts of the bridge and the counts, and the value of each metric."""
    parts = {name: getattr(row.span, name) for name in PARTS}
    return {name: known(part) for name, part in parts.items() if part is not None} | dict(row.values)


def _frozen(closed: ClosedMonth, row: MetricRow) -> list[FrozenValue]:
    return [
        FrozenValue(
            month=closed,
            key=key,
            value=_stored(result.value),
            numerator=_stored(result.numerator),
            denominator=_stored(result.denominator),
            reason=result.reason,
            maturing=key in row.maturing,
        )
        for key, result in numbers_of(row).items()
    ]


def _stored(value: Decimal | None) -> Decimal | None:
    """Money has at most 24 decimals; a quotient is cut there."""
    return None if value is None else value.quantize(STORED_PLACES, context=CONTEXT)


@transaction.atomic
def restate(*, now: datetime) -> int:
    """Compare all closed months with today's numbers and append what differs; returns the restatements written.

    Only months of the definition, currency and time zone in force: others are another series (T-9). While customers wait for a
    refresh nothing is compared.
    """
    today = organisation.local_day(now)
    if not try_lock(*LOCK) or not nothing_waits(as_of=today) or _is_told(today):
        return 0
    current = definitions.current()
    months = list(
        ClosedMonth.objects.filter(
            definition=definitions.current_number(),
            currency__in=["", current.reporting_currency],
            time_zone__in=["", current.timezone],
        ).order_by("month")
    )
    if not months:
        return 0
    periods = [month_period(closed.month) for closed in months]
    rows = metric_rows(periods, as_of=today, complete_to=today - DAY)
    stored = closed_months.reported_months([closed.month for closed in months])
    written: list[Restatement] = []
    for closed, period, row in zip(months, periods, rows, strict=True):
        written += _steps(closed, period, numbers_of(row), stored[closed.month])
    Restatement.objects.bulk_create(written)
    note_fill(as_of=today, now=now, checksum=_fingerprint(), rollup=RESTATED)
    return len(written)


def _is_told(today: date) -> bool:
    """Whether the months of the company are what they were when they were last compared, today."""
    told = RollupFill.objects.filter(rollup=RESTATED).first()
    return told is not None and told.as_of == today and told.checksum == _fingerprint()


def _fingerprint() -> str:
    """Checksum of the company's months, and how many months are closed."""
    fill = last_fill()
    return f"{fill.checksum[:56] if fill else ''} {ClosedMonth.objects.count()}"


@exactly
def _steps(
    closed: ClosedMonth,
    period: Period,
    current: Mapping[str, Result],
    stored: Mapping[str, closed_months.Reported],
) -> list[Restatement]:
    differing = {
        key: _stored(current[key].value)
        for key, number in stored.items()
        if key in current and _stored(current[key].value) != number.restated
    }
    if not differing:
        return []
    since = max([closed.known_at, *(step.found_at for number in stored.values() for step in number.steps)])
    facts = causes(period, since=since)
    steps = []
    for key, after in differing.items():
        number = stored[key]
        steps.append(
            Restatement(
                month=closed,
                key=key,
                as_reported=number.as_reported,
                before=number.restated,
                after=after,
                difference=(after or 0) - (number.restated or 0),
                cause=RestatementCause.MATURED
                if number.maturing and not facts
                else RestatementCause.LATE_FACT,
                facts=facts,
            )
        )
    return steps


def causes(period: Period, *, since: datetime) -> list[dict[str, Any]]:
    """Facts recorded after `since` that speak of days up to the period's end, newest first."""
    lines = LineVersion.objects.filter(recorded_at__gt=since).filter(
        Q(from_on__lt=period.end) | Q(supersedes__from_on__lt=period.end)
    )
    found = [
        _cause("line version", pk, day, at, customer)
        for pk, day, at, customer in lines.order_by("-seq")
        .values_list("pk", "from_on", "recorded_at", "customer_id")
        .distinct()[:SHOWN_FACTS]
    ]
    rates = FxRate.objects.filter(recorded_at__gt=since, day__lt=period.end).order_by("-seq")
    found += [_cause("rate", *row) for row in rates.values_list("pk", "day", "recorded_at")[:SHOWN_FACTS]]
    for words, rows, day in (
        ("cost", CostEntry.objects.filter(from_on__lt=period.end), "from_on"),
        ("order", Order.objects.filter(day__lt=period.end), "day"),
    ):
        late = rows.filter(recorded_at__gt=since).order_by("-seq")
        found += [_cause(words, *row) for row in late.values_list("pk", day, "recorded_at")[:SHOWN_FACTS]]
    tickets = Ticket.objects.filter(recorded_at__gt=since, solved_at__date__lt=period.end).order_by("-seq")
    found += [
        _cause("ticket", pk, solved.date(), at, customer)
        for pk, solved, at, customer in tickets.values_list("pk", "solved_at", "recorded_at", "customer_id")[
            :SHOWN_FACTS
        ]
    ]
    return found[:SHOWN_FACTS]


def _cause(
    words: str, pk: int, day: date, recorded_at: datetime, customer_id: int | None = None
) -> dict[str, Any]:
    return {
        "fact": words,
        "id": pk,
        "day": day.isoformat(),
        "recorded_at": recorded_at.isoformat(),
        "customer": customer_id,
    }
