"""A second, independent count of the revenue rollups: plain fractions, one customer at a time, no SQL.

Nothing here is shared with the formulas that fill the rollups, except the meaning. Values are rounded only where G-1
(a line's monthly value, 8 digits) and X-2 (a currency factor, 16 digits) say so.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

ZERO = Fraction(0)
FOREVER = date.max
PAYING_STATES = {"active", "past_due"}
MONTHS = {"month": 1, "quarter": 3, "year": 12}
KINDS = ("new", "reactivation", "expansion", "contraction", "churn")
NON_PAYMENT = {"involuntary", "non_payment", "payment_failed", "unpaid"}
FactorOn = Callable[[str, date], Fraction | None]


def half_away(value: Fraction, digits: int) -> Fraction:
    """Rounded to so many digits, halves away from zero."""
    scaled = abs(value) * 10**digits
    whole = int(scaled + Fraction(1, 2))
    return Fraction(whole if value >= 0 else -whole, 10**digits)


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
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a line with one value and one state."""

    line: int
    from_on: date
    to_on: date
    value: Fraction
    currency: str
    state: str
    counted: bool
    reason: str = ""

    def holds(self, day: date) -> bool:
        """Whether the stretch holds at the end of the day."""
        return self.from_on <= day < self.to_on


@dataclass(frozen=True, slots=True)
class Move:
    """The net change of one day."""

    day: date
    kind: str
    churn_kind: str
    amount: Fraction
    before: Fraction
    after: Fraction


@dataclass(slots=True)
class Month:
    """What one customer did in one month; `sums` and `counts` by kind."""

    close_on: date
    opening: Fraction = ZERO
    closing: Fraction = ZERO
    sums: dict[str, Fraction] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    base: tuple[Fraction, Fraction, Fraction] = (ZERO, ZERO, ZERO)
    opening_at_close: Fraction = ZERO
    then_12m: Fraction = ZERO
    initial_at_close: Fraction = ZERO

    @property
    def fx(self) -> Fraction:
        """What movements do not explain."""
        return self.closing - self.opening - sum(self.sums.values(), ZERO)


def monthly_value(fact: LineFact, *, discounted: bool) -> Fraction:
    """Price of the line for one month, less its discount if that runs; 8 digits."""
    price = Fraction(fact.amount)
    if discounted:
        price -= price * Fraction(fact.percent or 0) / 100
        price -= Fraction(fact.fixed or 0)
    return half_away(max(price, ZERO) / _months(fact), 8)


def _months(fact: LineFact) -> Fraction:
    if fact.interval == "week":
        return Fraction(fact.interval_count * 12, 52)
    if fact.interval == "day":
        return Fraction(fact.interval_count * 12, 365)
    if fact.interval != "term":
        return Fraction(MONTHS[fact.interval] * fact.interval_count)
    end = fact.to_on or FOREVER
    whole = (end.year - fact.from_on.year) * 12 + end.month - fact.from_on.month
    if whole > 0 and later(fact.from_on, whole) == end:
        return Fraction(whole)
    return Fraction((end - fact.from_on).days * 12, 365)


def later(day: date, months: int) -> date:
    """The same day of a later month, or the last one it has."""
    number = day.year * 12 + day.month - 1 + months
    first = date(number // 12, number % 12 + 1, 1)
    following = date((number + 1) // 12, (number + 1) % 12 + 1, 1)
    return min(first + timedelta(days=day.day - 1), following - timedelta(days=1))


def pieces_of(fact: LineFact) -> list[Piece]:
    """The version day range cut at the end of its trial and its discount."""
    end = fact.to_on or FOREVER
    trial = fact.trial_end if fact.status in {"trial", "active"} else None
    inner = {day for day in (trial, fact.discount_until) if day and fact.from_on < day < end}
    cuts = sorted({fact.from_on, *inner})
    pieces: list[Piece] = []
    for start, stop in zip(cuts, [*cuts[1:], end], strict=True):
        piece = _piece(fact, start, stop)
        if pieces and pieces[-1].state == piece.state == "trialing":
            piece = _piece(fact, pieces.pop().from_on, stop)
        pieces.append(piece)
    return [piece for piece in pieces if piece.to_on > piece.from_on]


def _piece(fact: LineFact, start: date, stop: date) -> Piece:
    state, counted = fact.status, fact.status in PAYING_STATES
    in_trial = fact.status in {"trial", "active"} and fact.trial_end is not None and start < fact.trial_end
    if in_trial or (fact.status == "trial" and fact.trial_end is None):
        state, counted = "trialing", False
    elif fact.status in {"trial", "free"}:
        state, counted = "active", True
    running = fact.discount_until is None or start < fact.discount_until
    paid = counted and fact.status != "free"
    value = monthly_value(fact, discounted=running) if paid else ZERO
    return Piece(fact.line, start, stop, value, fact.currency, state, counted, fact.reason)


def valued(pieces: Iterable[Piece], day: date, at: date, factor_on: FactorOn) -> Fraction:
    """MRR at the end of `day` at the factors of the day `at`; no factor, no value."""
    sums: dict[str, Fraction] = {}
    for piece in pieces:
        if piece.counted and piece.holds(day):
            sums[piece.currency] = sums.get(piece.currency, ZERO) + piece.value
    total = ZERO
    for currency, native in sums.items():
        total += native * (factor_on(currency, at) or ZERO)
    return total


def moves_of(pieces: Sequence[Piece], *, as_of: date, factor_on: FactorOn) -> list[Move]:
    """All movements of a customer up to `as_of`, by comparing each boundary day with the evening before."""
    days = {day for piece in pieces for day in (piece.from_on, piece.to_on) if day <= as_of}
    moves: list[Move] = []
    paid = False
    for day in sorted(days):
        before = valued(pieces, day - timedelta(days=1), day, factor_on)
        after = valued(pieces, day, day, factor_on)
        if before != after:
            kind = _kind(before, after, paid=paid)
            churn_kind = _churn_kind(pieces, day) if kind == "churn" else ""
            moves.append(Move(day, kind, churn_kind, after - before, before, after))
        paid = paid or after > 0
    return moves


def _kind(before: Fraction, after: Fraction, *, paid: bool) -> str:
    if not before:
        return "reactivation" if paid else "new"
    if not after:
        return "churn"
    return "expansion" if after > before else "contraction"


def _churn_kind(pieces: Sequence[Piece], day: date) -> str:
    gone = [piece for piece in pieces if piece.value and piece.counted and piece.to_on == day]
    lines = {piece.line for piece in gone}
    now = [piece for piece in pieces if piece.holds(day)]
    becomes = {piece.line: piece.state for piece in now if piece.line in lines}
    if "unpaid" in becomes.values() or any(
        piece.reason in NON_PAYMENT and piece.line not in becomes for piece in gone
    ):
        return "involuntary"
    if "paused" in becomes.values():
        return "paused"
    free = any(piece.counted and not piece.value and piece.state == "active" for piece in now)
    return "downgraded_to_free" if free else "left"


def months_of(
    pieces: Sequence[Piece], moves: Sequence[Move], *, as_of: date, factor_on: FactorOn
) -> dict[date, Month]:
    """Months with money at either end, a movement, or money twelve months before, up to the month of `as_of`."""
    if not moves:
        return {}
    found: dict[date, Month] = {}
    start = cohort = moves[0].day.replace(day=1)
    first_close = min(later(start, 1) - timedelta(days=1), as_of)
    while start <= as_of:
        eve, close = start - timedelta(days=1), min(later(start, 1) - timedelta(days=1), as_of)
        year_ago = _year_before(close)
        month = Month(
            close_on=close,
            opening=valued(pieces, eve, eve, factor_on) if start > cohort else ZERO,
            closing=valued(pieces, close, close, factor_on),
            opening_at_close=valued(pieces, eve, close, factor_on) if start > cohort else ZERO,
            then_12m=valued(pieces, year_ago, close, factor_on) if year_ago >= cohort else ZERO,
            initial_at_close=valued(pieces, first_close, close, factor_on),
        )
        inside = [move for move in moves if start <= move.day <= close]
        for kind in KINDS:
            month.sums[kind] = sum((move.amount for move in inside if move.kind == kind), ZERO)
            month.counts[kind] = sum(1 for move in inside if move.kind == kind)
        if month.opening:
            month.base = _base(inside)
        if month.opening or month.closing or inside or month.then_12m:
            found[start] = month
        start = later(start, 1)
    return found


def _year_before(close: date) -> date:
    """The same day a year before; the end of a month for the end of a month."""
    following = close + timedelta(days=1)
    if following.day == 1:
        return later(following, -12) - timedelta(days=1)
    return later(close, -12)


def _base(inside: Sequence[Move]) -> tuple[Fraction, Fraction, Fraction]:
    """Expansion, contraction and churn of a customer of the opening; a return takes its churn back."""
    gained, shrunk, gone = ZERO, ZERO, ZERO
    for move in inside:
        if move.kind == "expansion":
            gained += move.amount
        elif move.kind == "contraction":
            shrunk += -move.amount
        elif move.kind == "churn":
            gone = -move.amount
        else:
            gained += max(move.amount - gone, ZERO)
            shrunk += max(gone - move.amount, ZERO)
            gone = ZERO
    return gained, shrunk, gone
