"""A second, independent count of the revenue rollups: plain fractions, one customer at a time, no SQL.

Nothing here is shared with the code that fills the rollups, except the meaning and the names of the config keys. Values
are rounded only where G-1 (a line's monthly value, 8 digits) and X-2 (a currency factor, 16 digits) say so.
"""

from metrics.formulas.recount.lines import LineFact, Piece, pieces_of
from metrics.formulas.recount.months import Month, months_of
from metrics.formulas.recount.moves import Move, changes_of, fx_of, moves_of
from metrics.formulas.recount.numbers import (
    DAY,
    FOREVER,
    KINDS,
    ZERO,
    half_away,
    later,
    month_end,
    year_before,
)
from metrics.formulas.recount.rates import Quote, Rates
from metrics.formulas.recount.worth import native_sums, valued, worth

__all__ = [
    "DAY",
    "FOREVER",
    "KINDS",
    "ZERO",
    "LineFact",
    "Month",
    "Move",
    "Piece",
    "Quote",
    "Rates",
    "changes_of",
    "fx_of",
    "half_away",
    "later",
    "month_end",
    "months_of",
    "moves_of",
    "native_sums",
    "pieces_of",
    "valued",
    "worth",
    "year_before",
]
