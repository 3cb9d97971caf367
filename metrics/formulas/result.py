"""The one shape every formula answers with: a value, or the reason why there is none (rule G-3)."""

from dataclasses import dataclass
from decimal import Decimal

from metrics.formulas.money import CONTEXT

ZERO_DENOMINATOR = "zero_denominator"
NO_LOSSES = "no_losses"
NO_CHURN = "no_churn"
TOO_FEW = "too_few"
IMMATURE = "immature"
NOT_REACHED = "not_reached"
NO_DATA = "no_data"
INSUFFICIENT_DATA = "insufficient_data"
MISSING_RATE = "missing_rate"
NOT_CONFIGURED = "not_configured"

REASONS = frozenset(
    {
        ZERO_DENOMINATOR,
        NO_LOSSES,
        NO_CHURN,
        TOO_FEW,
        IMMATURE,
        NOT_REACHED,
        NO_DATA,
        INSUFFICIENT_DATA,
        MISSING_RATE,
        NOT_CONFIGURED,
    }
)

Number = Decimal | int


@dataclass(frozen=True, slots=True)
class Result:
    """A computed number, or None with a reason code; rates carry what they were divided from."""

    value: Decimal | None
    reason: str = ""
    numerator: Decimal | None = None
    denominator: Decimal | None = None


def known(value: Number) -> Result:
    """A value that is no quotient."""
    return Result(value=Decimal(value))


def unknown(reason: str, numerator: Number | None = None, denominator: Number | None = None) -> Result:
    """Not computable, with the reason code; the parts are kept for the receipt."""
    if reason not in REASONS:
        raise ValueError(f"unknown reason code: {reason}")
    return Result(
        value=None,
        reason=reason,
        numerator=None if numerator is None else Decimal(numerator),
        denominator=None if denominator is None else Decimal(denominator),
    )


def ratio(numerator: Number, denominator: Number, *, if_zero: str = ZERO_DENOMINATOR) -> Result:
    """Numerator / denominator with 50 digits, unrounded; a zero denominator answers the reason `if_zero`."""
    if denominator == 0:
        return unknown(if_zero, numerator, denominator)
    top, bottom = Decimal(numerator), Decimal(denominator)
    return Result(value=CONTEXT.divide(top, bottom), numerator=top, denominator=bottom)


def times(result: Result, factor: Number) -> Result:
    """The same result on another scale; the reason passes through."""
    if result.value is None:
        return result
    return Result(
        value=CONTEXT.multiply(result.value, Decimal(factor)),
        numerator=result.numerator,
        denominator=result.denominator,
    )


def first_reason(*results: Result) -> str:
    """The reason of the first part that could not be computed, or an empty text."""
    return next((part.reason for part in results if part.value is None), "")
