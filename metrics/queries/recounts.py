"""Everything computed about revenue and usage, counted a second time from plain rows of facts."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from accounts.queries import organisation
from customers.models import FxRate, LineVersion, UsageEvent
from metrics.formulas import recount
from metrics.formulas.recount import ZERO, LineFact, Month, Move, Piece

AROUND = timedelta(days=3)  # events are partitioned by the sender's time, up to two days from the local day


@dataclass(slots=True)
class Recounted:
    """Everything counted again from the facts, by customer."""

    as_of: date
    pieces: dict[int, list[Piece]]
    moves: dict[int, list[Move]]
    months: dict[int, dict[date, Month]]


def recounted(*, as_of: date) -> Recounted:
    """Pieces, movements and months of every customer with a line, from plain rows of facts."""
    factor_on = factors()
    facts: dict[int, list[LineFact]] = defaultdict(list)
    for version in LineVersion.objects.current().order_by("customer_id", "pk"):
        facts[version.customer_id].append(_fact(version))
    counted = Recounted(as_of, {}, {}, {})
    for pk, listed in facts.items():
        pieces = [piece for fact in listed for piece in recount.pieces_of(fact)]
        moves = recount.moves_of(pieces, as_of=as_of, factor_on=factor_on)
        counted.pieces[pk], counted.moves[pk] = pieces, moves
        counted.months[pk] = recount.months_of(pieces, moves, as_of=as_of, factor_on=factor_on)
    return counted


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
        reason=version.reason,
    )


def factors() -> recount.FactorOn:
    """Reporting units per native unit on a day, from the latest rate of that day or before."""
    reporting = organisation.current().currency
    rates: dict[str, list[tuple[date, Decimal]]] = defaultdict(list)
    for currency, day, rate in (
        FxRate.objects.current().order_by("day").values_list("currency", "day", "rate")
    ):
        rates[currency].append((day, rate))
    known: dict[tuple[str, date], Fraction | None] = {}

    def factor_on(currency: str, day: date) -> Fraction | None:
        if currency == reporting:
            return Fraction(1)
        if (currency, day) not in known:
            reached = [rate for since, rate in rates[currency] if since <= day]
            known[currency, day] = recount.half_away(1 / Fraction(reached[-1]), 16) if reached else None
        return known[currency, day]

    return factor_on


def cohorts_again(counted: Recounted) -> Iterator[tuple[tuple[date, int], tuple[Any, ...]]]:
    """((cohort, k), (size, paying, initial, kept, mrr)) of every cell whose month is over."""
    factor_on = factors()
    cohorts: dict[date, list[int]] = defaultdict(list)
    for pk, moves in counted.moves.items():
        if moves:
            cohorts[moves[0].day.replace(day=1)].append(pk)
    for cohort, members in cohorts.items():
        k, start = 0, cohort
        first_close = min(recount.later(cohort, 1) - timedelta(days=1), counted.as_of)
        while (close := recount.later(start, 1) - timedelta(days=1)) <= counted.as_of:
            initials = [recount.valued(counted.pieces[pk], first_close, close, factor_on) for pk in members]
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
