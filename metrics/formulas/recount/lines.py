"""Line versions as pieces: stretches of one line with one value and one state (N-1 to N-7, H-1 to H-15, X-3, X-5)."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from metrics.formulas.definition import Definition
from metrics.formulas.recount.numbers import DAY, FOREVER, ZERO, half_away, later
from metrics.formulas.recount.rates import Rates

MONEY_DIGITS = 8
DAYS_OF = {"day": 1, "week": 7}
MONTHS_OF = {"month": 1, "quarter": 3, "year": 12}


@dataclass(frozen=True, slots=True)
class LineFact:
    """A line version as it was written down."""

    line: int
    from_on: date
    to_on: date | None
    amount: Decimal
    currency: str
    interval: str
    interval_count: int
    status: str
    percent: Decimal | None = None
    fixed: Decimal | None = None
    discount_until: date | None = None
    trial_end: date | None = None
    cancelled_on: date | None = None
    reason: str = ""
    product: str = ""
    term: tuple[date, date | None] | None = None  # the days the price is for, where the version is cut

    @property
    def priced(self) -> tuple[date, date]:
        """The days a price for the whole term covers."""
        start, end = self.term or (self.from_on, self.to_on)
        return start, end or FOREVER

    @property
    def end(self) -> date:
        """The first day after it."""
        return self.to_on or FOREVER


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a line with one value and one state.

    Where a rate of its own is locked, `value` is in the reporting currency, and `native` and `factor` are what it is
    made of.
    """

    line: int
    from_on: date
    to_on: date
    value: Fraction
    currency: str
    state: str
    counted: bool
    reason: str = ""
    native: Fraction | None = None
    factor: Fraction | None = None

    def holds(self, day: date) -> bool:
        """Whether the stretch holds at the end of the day."""
        return self.from_on <= day < self.to_on


Prices = tuple[Fraction, Fraction]  # a month's value while the discount runs, and after it


def pieces_of(facts: Sequence[LineFact], *, definition: Definition, as_of: date, rates: Rates) -> list[Piece]:
    """All pieces of one customer, from the versions of its lines."""
    prices = _prices(facts, definition)
    begins: dict[int, date] = {}
    for fact in facts:
        begins[fact.line] = min(fact.from_on, begins.get(fact.line, fact.from_on))
    pieces: list[Piece] = []
    for number, fact in enumerate(facts):
        cut = list(_stretches(fact, prices[number], definition))
        cut += _grace(fact, cut, facts, definition=definition, as_of=as_of)
        for piece in cut:
            if definition.fx_policy in {"billing_start", "purchase"} and fact.currency != rates.reporting:
                pieces += _locked(
                    piece, fact, begins[fact.line], definition=definition, as_of=as_of, rates=rates
                )
            else:
                pieces += _rated(piece, rates)
    return sorted(pieces, key=lambda piece: (piece.line, piece.from_on))


def _prices(facts: Sequence[LineFact], definition: Definition) -> list[Prices]:
    """What each version is worth in a month; the steps of a ramp share their total where the definition says so."""
    prices = [(_monthly(fact, definition, off=True), _monthly(fact, definition, off=False)) for fact in facts]
    if definition.ramp_policy == "average":
        steps: dict[int, list[int]] = defaultdict(list)
        for number, fact in enumerate(facts):
            if fact.interval != "term":
                steps[fact.line].append(number)
        for numbers in steps.values():
            _share(facts, sorted(numbers, key=lambda number: facts[number].from_on), prices)
    return [_after_policy(fact, price, definition) for fact, price in zip(facts, prices, strict=True)]


def _share(facts: Sequence[LineFact], numbers: list[int], prices: list[Prices]) -> None:
    last = facts[numbers[-1]]
    joined = all(facts[a].to_on == facts[b].from_on for a, b in pairwise(numbers))
    if len(numbers) == 1 or not joined or last.to_on is None:
        return
    months = [_term_months(facts[number].from_on, facts[number].end) for number in numbers]
    means = [
        half_away(
            sum((prices[number][side] * each for number, each in zip(numbers, months, strict=True)), ZERO)
            / sum(months, ZERO),
            MONEY_DIGITS,
        )
        for side in (0, 1)
    ]
    for number in numbers:
        prices[number] = means[0], means[1]


def _after_policy(fact: LineFact, price: Prices, definition: Definition) -> Prices:
    """Only the discounts that the definition takes off."""
    lowered, full = price
    policy = definition.discount_policy
    if policy == "list_price" or (policy == "forever_only" and fact.discount_until is not None):
        return full, full
    return lowered, full


def _monthly(fact: LineFact, definition: Definition, *, off: bool) -> Fraction:
    """Price of the line for one month, less its discount if `off`; 8 digits."""
    price = Fraction(fact.amount)
    if off:
        price -= price * Fraction(fact.percent or 0) / 100
        price -= Fraction(fact.fixed or 0)
    price = max(price, ZERO)
    if fact.interval == "week":
        price = price * definition.weekly_factor / fact.interval_count
    elif fact.interval == "day":
        price = price * definition.daily_factor / fact.interval_count
    elif fact.interval == "term":
        price = _of_term(price, fact, definition)
    else:
        price /= MONTHS_OF[fact.interval] * fact.interval_count
    return half_away(price, MONEY_DIGITS)


def _of_term(total: Fraction, fact: LineFact, definition: Definition) -> Fraction:
    start, end = fact.priced
    last = end - DAY
    months_after = (last.year - start.year) * 12 + last.month - start.month
    if definition.term_policy == "first_partial_prorated" and months_after > 0 and not _whole(start, end):
        first = (later(start.replace(day=1), 1) - start).days
        a_day = total / (end - start).days
        return (total - a_day * first) / months_after
    return total / _term_months(start, end)


def _whole(start: date, end: date) -> int:
    months = (end.year - start.year) * 12 + end.month - start.month
    return months if months > 0 and later(start, months) == end else 0


def _term_months(start: date, end: date) -> Fraction:
    return Fraction(_whole(start, end)) or Fraction((end - start).days * 12, 365)


def _stretches(fact: LineFact, price: Prices, definition: Definition) -> Iterable[Piece]:
    """The version cut where its trial, its discount, the patience with late payers and its notice say so."""
    notice = fact.end
    if definition.churn_recognition == "cancel_date" and fact.cancelled_on is not None:
        notice = min(fact.end, max(fact.cancelled_on, fact.from_on))
    late = FOREVER
    if definition.auto_churn_days is not None and fact.status == "past_due":
        began_on = fact.term[0] if fact.term else fact.from_on
        late = began_on + timedelta(days=definition.auto_churn_days)
    paid = _paid_from(fact)
    own = "active" if fact.status in {"trial", "free"} else fact.status
    parts = [
        (fact.from_on, min(paid, notice, late), "trialing"),
        (paid, min(notice, late), own),
        (max(paid, late), notice, "unpaid"),
        (notice, fact.end, "non_renewing"),
    ]
    for start, stop, state in parts:
        cuts = [start]
        if state not in {"trialing", "non_renewing"} and fact.discount_until is not None:
            cuts = sorted({start, max(fact.discount_until, start)})
        for begin, end in zip(cuts, [*cuts[1:], stop], strict=True):
            if begin < min(end, stop):
                yield _piece(fact, begin, min(end, stop), state, price=price, definition=definition)


def _paid_from(fact: LineFact) -> date:
    if fact.status == "trial" and fact.trial_end is None:
        return FOREVER
    if fact.status in {"trial", "active"} and fact.trial_end is not None:
        return max(fact.trial_end, fact.from_on)
    return fact.from_on


def _piece(
    fact: LineFact, begin: date, end: date, state: str, *, price: Prices, definition: Definition
) -> Piece:
    counted = (
        state in {"active", "past_due"}
        or (state == "paused" and definition.pause_policy == "keep")
        or (state == "unpaid" and definition.unpaid_policy == "keep")
    )
    runs = fact.discount_until is None or begin < fact.discount_until
    value = price[0 if runs else 1] if counted and fact.status != "free" else ZERO
    return Piece(fact.line, begin, end, value, fact.currency, state, counted, fact.reason)


def _grace(
    fact: LineFact,
    cut: Sequence[Piece],
    facts: Sequence[LineFact],
    *,
    definition: Definition,
    as_of: date,
) -> list[Piece]:
    """A term that ended without a word keeps its value until the late renewal, or while there is still time (H-15)."""
    grace = timedelta(days=definition.renewal_grace_days)
    if not grace or not cut or fact.to_on is None or fact.cancelled_on is not None or fact.reason:
        return []
    patience = fact.to_on + grace
    renewals = [
        other.from_on for other in facts if other.product == fact.product and other.from_on >= fact.to_on
    ]
    renewed = min(renewals, default=FOREVER)
    until = renewed if renewed <= patience else fact.to_on
    if renewed > patience and as_of < patience:
        until = patience
    if until <= fact.to_on:
        return []
    return [replace(cut[-1], from_on=fact.to_on, to_on=until, state="renewal_pending")]


def _rated(piece: Piece, rates: Rates) -> list[Piece]:
    """A counted stretch before the first rate of its currency counts from that day on."""
    since = rates.first_day(piece.currency)
    if not piece.counted or (since is not None and since <= piece.from_on):
        return [piece]
    unrated = replace(
        piece, value=ZERO, counted=False, state="missing_rate", native=None if piece.native is None else ZERO
    )
    if since is None or since >= piece.to_on:
        return [unrated]
    return [replace(unrated, to_on=since), replace(piece, from_on=since)]


def _locked(
    piece: Piece,
    fact: LineFact,
    first_day: date,
    *,
    definition: Definition,
    as_of: date,
    rates: Rates,
) -> list[Piece]:
    """The stretch at the rate of its purchase or of each service period; the first rate there is when that is later."""
    since = rates.first_day(piece.currency)
    if definition.fx_policy == "purchase":
        locks = [(piece.from_on, piece.to_on, first_day)]
    else:
        locks = list(_periods(piece, fact, first_day, as_of))
    found: list[Piece] = []
    for start, stop, day in locks:
        part = replace(piece, from_on=start, to_on=stop)
        factor = None if since is None else rates.factor(piece.currency, max(day, since))
        if factor is None or max(day, since or day, start) > as_of:
            found += _rated(part, rates)
            continue
        for rated in _rated(part, rates):
            found.append(
                replace(
                    rated,
                    value=half_away(rated.value * factor, MONEY_DIGITS),
                    currency=rates.reporting,
                    native=rated.value,
                    factor=factor,
                )
            )
    return found


def _periods(piece: Piece, fact: LineFact, first_day: date, as_of: date) -> Iterable[tuple[date, date, date]]:
    """(from, to, day the period began) of each service period that has begun by `as_of`; a term is one period."""
    number, start, is_term, found = 0, first_day, fact.interval == "term", False
    while not is_term and start < min(piece.to_on, as_of + DAY):
        number += 1
        following = _step(first_day, fact, number)
        if following > piece.from_on:
            found = True
            yield max(start, piece.from_on), min(following, piece.to_on), start
        start = following
    if not found:
        yield piece.from_on, piece.to_on, fact.from_on


def _step(first_day: date, fact: LineFact, number: int) -> date:
    count = fact.interval_count * number
    if fact.interval in DAYS_OF:
        return first_day + timedelta(days=DAYS_OF[fact.interval] * count)
    return later(first_day, MONTHS_OF[fact.interval] * count)
