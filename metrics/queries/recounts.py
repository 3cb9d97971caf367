"""Everything computed about revenue and usage, counted a second time from plain rows of facts."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Q

from customers.models import FxRate, LineVersion, UsageEvent
from metrics.formulas import recount
from metrics.formulas.definition import Definition
from metrics.formulas.health import level
from metrics.formulas.health_cards import Card, read_card
from metrics.formulas.health_numbers import MICRO
from metrics.formulas.periods import Period
from metrics.formulas.recount import ZERO, LineFact, Month, Move, Piece, Quote, Rates
from metrics.models import ClosedMonth, HealthScore
from metrics.queries import definitions
from metrics.queries.health_inputs import arithmetic_of
from surveys.models import Response

LATE = "prior_period_adjustment"  # reason of a late fact booked after the closed months
AROUND = timedelta(days=3)  # events are partitioned by the sender's time, up to two days from the local day


@dataclass(slots=True)
class Recounted:
    """Everything counted again from the facts, by customer."""

    as_of: date
    definition: Definition
    rates: Rates
    facts: dict[int, list[LineFact]]
    pieces: dict[int, list[Piece]]
    moves: dict[int, list[Move]]
    months: dict[int, dict[date, Month]]


def recounted(
    *, as_of: date, definition: Definition | None = None, known_at: datetime | None = None
) -> Recounted:
    """Pieces, movements and months of every customer with a line, from plain rows of facts.

    Under the definition in force or another one; as known now, or at an earlier moment.
    """
    definition = definition or definitions.current()
    rates = rates_of(definition, as_of=as_of, known_at=known_at)
    facts = _facts(definition, known_at)
    counted = Recounted(as_of, definition, rates, facts, {}, {}, {})
    for pk, listed in facts.items():
        pieces = recount.pieces_of(listed, definition=definition, as_of=as_of, rates=rates)
        moves = recount.moves_of(pieces, definition=definition, as_of=as_of, rates=rates)
        counted.pieces[pk], counted.moves[pk] = pieces, moves
        counted.months[pk] = recount.months_of(pieces, moves, as_of=as_of, rates=rates)
    return counted


def _known(rows: Any, known_at: datetime | None) -> Any:
    """Facts as known now, or at a moment: recorded by then and not replaced by one recorded by then (T-1)."""
    if known_at is None:
        return rows.filter(superseded_by=None, voids=False)
    later = Q(superseded_by__recorded_at__gt=known_at)
    return rows.filter(Q(superseded_by=None) | later, recorded_at__lte=known_at, voids=False)


def _facts(definition: Definition, known_at: datetime | None) -> dict[int, list[LineFact]]:
    """{customer: versions of its lines}; where closed months never change, each is made of what was known then (T-8)."""
    facts: dict[int, list[LineFact]] = defaultdict(list)
    rows = (
        LineVersion.objects.filter(kind="recurring")
        .select_related("subscription")
        .order_by("customer_id", "pk")
    )
    if definition.restate:
        for version in _known(rows, known_at):
            facts[version.customer_id].append(_fact(version))
        return facts
    for begins, ends, told_at in _eras(known_at):
        is_open = told_at is None or ends == date.max
        for version in _known(rows, known_at if is_open else told_at):
            if version.from_on >= ends or (version.to_on is not None and version.to_on <= begins):
                continue
            is_late = is_open and told_at and version.from_on < begins and version.recorded_at > told_at
            clipped = replace(
                _fact(version),
                from_on=max(version.from_on, begins),
                to_on=None
                if version.to_on is None and ends == date.max
                else min(version.to_on or ends, ends),
                term=(version.from_on, version.to_on),
            )
            facts[version.customer_id].append(replace(clipped, reason=LATE) if is_late else clipped)
    return facts


def _eras(known_at: datetime | None) -> list[tuple[date, date, datetime | None]]:
    """(from, to, moment known): before the first closed month, each closed month, and after the last one."""
    closed = ClosedMonth.objects.order_by("month")
    if known_at is not None:
        closed = closed.filter(known_at__lt=known_at)
    months = list(closed.values_list("month", "known_at"))
    if not months:
        return [(date.min, date.max, None)]
    after = recount.later(months[-1][0], 1)
    return [
        (date.min, months[0][0], None),
        *((month, recount.later(month, 1), moment) for month, moment in months),
        (after, date.max, max(moment for _, moment in months)),
    ]


def _fact(version: LineVersion) -> LineFact:
    return LineFact(
        line=version.subscription_id,
        from_on=version.from_on,
        to_on=version.to_on,
        amount=version.amount,
        currency=version.currency,
        interval=version.interval,
        interval_count=version.interval_count,
        status=version.status,
        percent=version.discount_percent,
        fixed=version.discount_amount,
        discount_until=version.discount_until,
        trial_end=version.trial_end,
        cancelled_on=version.cancelled_on,
        reason=version.reason,
        product=version.subscription.product,
    )


def rates_of(definition: Definition, *, as_of: date, known_at: datetime | None = None) -> Rates:
    """Factors under a definition, from plain rows of rates."""
    rows = _known(FxRate.objects.all(), known_at).order_by("pk")
    return Rates(
        [Quote(*row) for row in rows.values_list("currency", "base", "day", "rate")],
        reporting=definition.reporting_currency,
        as_of=as_of,
        yearly_from=definition.fiscal_year_start_month if definition.fx_policy == "constant" else None,
    )


def cohorts_again(counted: Recounted) -> Iterator[tuple[tuple[date, int], tuple[Any, ...]]]:
    """((cohort, k), (size, paying, initial, kept, mrr)) of every cell whose month is over."""
    cohorts: dict[date, list[int]] = defaultdict(list)
    for pk, moves in counted.moves.items():
        if moves:
            cohorts[moves[0].day.replace(day=1)].append(pk)
    for cohort, members in cohorts.items():
        k, start = 0, cohort
        first_close = min(recount.later(cohort, 1) - timedelta(days=1), counted.as_of)
        while (close := recount.later(start, 1) - timedelta(days=1)) <= counted.as_of:
            initials = [
                recount.valued(counted.pieces[pk], first_close, close, counted.rates) for pk in members
            ]
            now = [counted.months[pk].get(start) for pk in members]
            closing = [month.closing if month else ZERO for month in now]
            yield (
                (cohort, k),
                (
                    len(members),
                    sum(1 for value in closing if value),
                    sum(initials, ZERO),
                    sum((min(a, b) for a, b in zip(initials, closing, strict=True)), ZERO),
                    sum(closing, ZERO),
                ),
            )
            k, start = k + 1, recount.later(start, 1)


def next_end(counted: Recounted, pk: int) -> date | None:
    """The next day after `as_of` on which a counted line of the customer comes to its end."""
    running = {piece.line for piece in counted.pieces[pk] if piece.counted and piece.holds(counted.as_of)}
    ends = (
        fact.to_on
        for fact in counted.facts[pk]
        if fact.line in running and fact.to_on and fact.from_on <= counted.as_of < fact.to_on
    )
    return min(ends, default=None)


def newest_nps(customer_ids: list[int]) -> dict[int, int]:
    """{customer: its newest counted answer from 0 to 10}."""
    rows = Response.objects.filter(
        status="counted", kind="nps", scale_min=0, scale_max=10, customer_id__in=customer_ids
    )
    ordered = rows.order_by("answered_at", "pk")
    return {pk: score for pk, score in ordered.values_list("customer_id", "score") if pk is not None}


def scores_again(customer_ids: list[int]) -> dict[int, Decimal | None]:
    """{customer: computed score} worked out again from the stored inputs of the open scores under their own version."""
    cards: dict[int, Card] = {}
    found: dict[int, Decimal | None] = {}
    rows = HealthScore.objects.filter(customer_id__in=customer_ids, to_at=None).select_related("version")
    for row in rows:
        card = cards.setdefault(row.version_id, read_card(row.version.body))
        score = level(card, *arithmetic_of(row.inputs, row.as_of)).score
        found[row.customer_id] = None if score is None else Decimal(score) / MICRO
    return found


def users_of(window: Period) -> set[tuple[int, str]]:
    """Product users of a window of days, from its events."""
    first = datetime.combine(window.start, time.min, tzinfo=UTC) - AROUND
    last = datetime.combine(window.end, time.min, tzinfo=UTC) + AROUND
    rows = UsageEvent.objects.filter(
        day__gte=window.start, day__lt=window.end, occurred_at__gte=first, occurred_at__lt=last
    )
    return {(pk, user) for pk, user in rows.values_list("customer_id", "user_ref").iterator() if user}


def usage_again(
    day: date,
) -> tuple[dict[tuple[Any, ...], tuple[Any, ...]], dict[tuple[Any, ...], tuple[Any, ...]]]:
    """({(customer, day): (events, users)}, {(customer, user): (True,)}) of one local day, from its events."""
    users: dict[int, set[str]] = defaultdict(set)
    named: dict[int, int] = defaultdict(int)
    totals: dict[int, list[tuple[int, int | None]]] = defaultdict(list)
    midnight = datetime.combine(day, time.min, tzinfo=UTC)
    events = UsageEvent.objects.filter(
        day=day, occurred_at__gte=midnight - AROUND, occurred_at__lt=midnight + AROUND
    )
    for pk, user, count, people in events.values_list("customer_id", "user_ref", "count", "users"):
        if user:
            users[pk].add(user)
            named[pk] += count
        else:
            totals[pk].append((count, people))
    again: dict[tuple[Any, ...], tuple[Any, ...]] = {
        (pk, day): (sum(count for count, _ in rows), max((p for _, p in rows if p is not None), default=None))
        for pk, rows in totals.items()
    }
    again |= {(pk, day): (named[pk], len(who)) for pk, who in users.items()}
    return again, {(pk, user): (True,) for pk, who in users.items() for user in who}
