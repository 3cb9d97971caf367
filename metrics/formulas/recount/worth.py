"""What pieces are worth on a day."""

from collections.abc import Iterable
from datetime import date
from fractions import Fraction

from metrics.formulas.recount.lines import Piece
from metrics.formulas.recount.numbers import ZERO
from metrics.formulas.recount.rates import Rates


def native_sums(pieces: Iterable[Piece], day: date) -> dict[str, Fraction]:
    """{currency: sum of the counted pieces at the end of the day}."""
    sums: dict[str, Fraction] = {}
    for piece in pieces:
        if piece.value and piece.holds(day):
            sums[piece.currency] = sums.get(piece.currency, ZERO) + piece.value
    return sums


def valued(pieces: Iterable[Piece], day: date, at: date, rates: Rates) -> Fraction:
    """MRR at the end of `day` at the factors of the day `at`; no factor, no value."""
    return worth(native_sums(pieces, day), at, rates)


def worth(sums: dict[str, Fraction], at: date, rates: Rates) -> Fraction:
    """Native sums at the factors of a day."""
    return sum(((rates.factor(currency, at) or ZERO) * native for currency, native in sums.items()), ZERO)
