"""Exact money: precision 50, one rounding to eight digits, one to sixteen for currency factors (G-1, X-2)."""

from collections.abc import Callable, Iterable
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from functools import wraps
from typing import ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")

CONTEXT = Context(prec=50, rounding=ROUND_HALF_UP)
PLACES = Decimal("0.00000001")  # stored precision of a line's MRR
FACTOR_PLACES = Decimal("0.0000000000000001")  # stored precision of a currency factor
ZERO = Decimal(0)


def exactly(function: Callable[Arguments, Answer]) -> Callable[Arguments, Answer]:
    """Run a function under precision 50: plain + and - would round valued money (24 decimals) to 28 digits."""

    @wraps(function)
    def run(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Answer:
        with localcontext(CONTEXT):
            return function(*args, **kwargs)

    return run


@exactly
def total(amounts: Iterable[Decimal]) -> Decimal:
    """Exact sum; of nothing: 0."""
    return sum(amounts, ZERO)


def quantise(amount: Decimal) -> Decimal:
    """round(amount, 8), half away from zero, as PostgreSQL's round(numeric, 8) does. Source: G-1."""
    return amount.quantize(PLACES, context=CONTEXT)


def divide(top: Decimal, bottom: Decimal) -> Decimal:
    """Top / bottom with 50 digits and no further rounding. The caller has excluded zero."""
    return CONTEXT.divide(top, bottom)


def factor(*, native_per_base: Decimal, reporting_per_base: Decimal) -> Decimal:
    """Reporting units per native unit = reporting_per_base / native_per_base, 16 decimals. Source: X-1, X-2.

    Both rates are quoted against the same base ("foreign units per 1 EUR"). Rates must be above zero:
    ValueError otherwise.
    """
    if native_per_base <= 0 or reporting_per_base <= 0:
        raise ValueError("an exchange rate is above zero")
    return divide(reporting_per_base, native_per_base).quantize(FACTOR_PLACES, context=CONTEXT)


def convert(native: Decimal, by_factor: Decimal) -> Decimal:
    """Native x factor, exact to 24 decimals and never rounded, so that every partition sums to its total."""
    return CONTEXT.multiply(native, by_factor)


def display(amount: Decimal, minor_digits: int = 2) -> Decimal:
    """The amount in its currency's minor unit, half away from zero; for the eye only. Source: G-1."""
    return amount.quantize(Decimal(1).scaleb(-minor_digits), context=CONTEXT)
