"""What one customer did in each month."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

from metrics.formulas.recount.lines import Piece
from metrics.formulas.recount.moves import Move
from metrics.formulas.recount.numbers import DAY, KINDS, ZERO, later, month_end, year_before
from metrics.formulas.recount.rates import Rates
from metrics.formulas.recount.worth import native_sums, worth


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


def months_of(
    pieces: Sequence[Piece], moves: Sequence[Move], *, as_of: date, rates: Rates
) -> dict[date, Month]:
    """Months with money at either end, a movement, or money twelve months before, up to the month of `as_of`."""
    if not moves:
        return {}
    found: dict[date, Month] = {}
    start = moves[0].day.replace(day=1)
    initial = native_sums(pieces, month_end(start, as_of))
    before = native_sums(pieces, start - DAY)
    while start <= as_of:
        close = month_end(start, as_of)
        now = native_sums(pieces, close)
        month = Month(
            close_on=close,
            opening=worth(before, start - DAY, rates),
            closing=worth(now, close, rates),
            opening_at_close=worth(before, close, rates),
            then_12m=worth(native_sums(pieces, year_before(close)), close, rates),
            initial_at_close=worth(initial, close, rates),
        )
        inside = [move for move in moves if start <= move.day <= close]
        for kind in KINDS:
            month.sums[kind] = sum((move.amount for move in inside if move.kind == kind), ZERO)
            month.counts[kind] = sum(1 for move in inside if move.kind == kind)
        if month.opening:
            month.base = _base(inside)
        if month.opening or month.closing or inside or month.then_12m:
            found[start] = month
        start, before = later(start, 1), now
    return found


def _base(inside: Sequence[Move]) -> tuple[Fraction, Fraction, Fraction]:
    """Expansion, contraction and churn of a customer of the opening; a reactivation takes its churn back, a late return that is new does not."""
    gained, shrunk, gone, open_churn = ZERO, ZERO, ZERO, ZERO
    for move in inside:
        if move.kind == "expansion":
            gained += move.amount
        elif move.kind == "contraction":
            shrunk += -move.amount
        elif move.kind == "churn":
            gone, open_churn = gone + open_churn, -move.amount
        elif move.kind == "reactivation" and open_churn:
            gained += max(move.amount - open_churn, ZERO)
            shrunk += max(open_churn - move.amount, ZERO)
            open_churn = ZERO
    return gained, shrunk, gone + open_churn
