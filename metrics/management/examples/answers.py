"""What an adapter answers, made plain: numbers as exact decimals, what is not computable as None with its reason."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from metrics.formulas.money import CONTEXT
from metrics.formulas.mrr import exact
from metrics.formulas.result import Result
from metrics.management.examples.inputs import Inputs

PLACES_SHOWN = 12  # decimals on a line; JSON has them all

Output = dict[str, Any]
Formula = Callable[[Inputs], Output]


@dataclass(frozen=True, slots=True)
class Answer:
    """Everything the metric yields, and why the first missing number is missing."""

    values: Output
    reason: str = ""


def plain(output: Mapping[str, Any]) -> Answer:
    """The answer with Results taken apart."""
    reasons: list[str] = []
    values = {key: _plain(value, reasons) for key, value in output.items()}
    return Answer(values, next((reason for reason in reasons if reason), ""))


def _plain(value: Any, reasons: list[str]) -> Any:
    if isinstance(value, Result):
        if value.value is None:
            reasons.append(value.reason)
        return value.value
    if isinstance(value, Mapping):
        return {str(key): _plain(inner, reasons) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner, reasons) for inner in value]
    if isinstance(value, Fraction):
        return exact(value)
    return value.isoformat() if isinstance(value, date) else value


def digits(value: Decimal | int) -> str:
    """The exact value without exponent and trailing zeros."""
    text = format(CONTEXT.create_decimal(value) if value else 0, "f")
    return (text.rstrip("0").rstrip(".") or "0") if "." in text else text


def as_json(value: Any, *, exact_numbers: bool) -> Any:
    """A value ready for JSON: decimals as exact text, or as numbers where they only repeat the file."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, dict):
        return {key: as_json(inner, exact_numbers=exact_numbers) for key, inner in value.items()}
    if isinstance(value, list):
        return [as_json(inner, exact_numbers=exact_numbers) for inner in value]
    if isinstance(value, int | Decimal):
        if exact_numbers:
            return digits(value)
        return value if isinstance(value, int) else float(value)
    return value


def shown(value: Any) -> str:
    """A value on one line, for the eye."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {shown(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(shown(inner) for inner in value) + "]"
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, Decimal):
        return digits(round(value, PLACES_SHOWN))
    return str(value)
