"""Money, numbers and rates as people read them. Only for showing: nothing here is stored or added up again."""

from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

from babel.numbers import get_currency_precision, get_currency_symbol

MINUS = "\N{MINUS SIGN}"
NOT_KNOWN = "\N{EN DASH}"
NO_BREAK = "\N{NO-BREAK SPACE}"
WHOLE = 100  # per cent
TIGHT_FROM = 10_000  # below it a tight figure shows all its digits
TIGHT_STEPS = ((Decimal(1_000_000_000), "B", 2), (Decimal(1_000_000), "M", 2), (Decimal(1_000), "k", 1))

Number = Decimal | int


@lru_cache(maxsize=256)
def symbol(currency: str) -> str:
    """Sign of a currency; the code and a space where there is none, as in “CHF 1,200”."""
    sign = get_currency_symbol(currency, locale="en")
    return f"{currency}{NO_BREAK}" if sign == currency else sign


@lru_cache(maxsize=256)
def minor_digits(currency: str) -> int:
    """Digits after the point of a currency by ISO 4217: 0, 2 or 3."""
    return int(get_currency_precision(currency))


def money(
    amount: Number | None, currency: str, *, cents: bool = False, tight: bool = False, sign: bool = False
) -> str:
    """€12,400 in lists, €12,400.50 with `cents`, €430.6k with `tight`, −€350 or +€350 with `sign`.

    A negative amount carries a real minus sign before the currency. None is an en dash, never 0.
    """
    if amount is None:
        return NOT_KNOWN
    value = Decimal(amount)
    figure = abs(value)
    digits = minor_digits(currency) if cents else 0
    text = _tight(figure) if tight and figure >= TIGHT_FROM else f"{rounded(figure, digits):,}"
    return f"{_sign(rounded(value, digits), sign=sign)}{symbol(currency)}{text}"


def rounded(value: Number, digits: int) -> Decimal:
    """Half away from zero to a number of digits, as people round; ties of stored money never reach this far."""
    return Decimal(value).quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP)


def number(value: Number | None, digits: int = 0) -> str:
    """1,234 or 57.6 with thousands separators; an en dash for None."""
    if value is None:
        return NOT_KNOWN
    figure = rounded(value, digits)
    return f"{_sign(figure, sign=False)}{abs(figure):,}"


def signed(value: Number | None, digits: int = 1, unit: str = "") -> str:
    """−13.6, +3.2, 0.0: always a sign, except for zero. `unit` follows after a no-break space."""
    if value is None:
        return NOT_KNOWN
    figure = rounded(value, digits)
    return f"{_sign(figure, sign=True)}{abs(figure):,}{NO_BREAK + unit if unit else ''}"


def percent(fraction: Number | None, digits: int = 0, *, sign: bool = False) -> str:
    """A fraction as per cent: 0.867 is “86.7 %” with a no-break space. 100 % is shown only when it is exactly 1."""
    if fraction is None:
        return NOT_KNOWN
    figure = rounded(Decimal(fraction) * 100, digits)
    if figure == WHOLE and fraction != 1:  # a share that is not whole must not read as whole
        figure -= Decimal(1).scaleb(-digits)
    return f"{_sign(figure, sign=sign)}{abs(figure):,}{NO_BREAK}%"


def interval(
    low: Number | None, high: Number | None, digits: int = 0, *, sign: bool = False, unit: str = ""
) -> str:
    """“24–55 %” for plain numbers, “+16 to +41” for signed ones."""
    if low is None or high is None:
        return NOT_KNOWN
    tail = f"{NO_BREAK}{unit}" if unit else ""
    if sign:
        return f"{signed(low, digits)} to {signed(high, digits)}{tail}"
    return f"{number(low, digits)}{NOT_KNOWN}{number(high, digits)}{tail}"


def _sign(figure: Decimal, *, sign: bool) -> str:
    if figure < 0:
        return MINUS
    return "+" if sign and figure > 0 else ""


def _tight(figure: Decimal) -> str:
    for step, letter, digits in TIGHT_STEPS:
        short = rounded(figure / step, digits)
        if short >= 1:
            return f"{short:,}{letter}"
    return f"{rounded(figure, 0):,}"
