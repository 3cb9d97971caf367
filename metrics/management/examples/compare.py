"""Compares an answer with what an example expects: numbers within an absolute tolerance, everything else exactly."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

SLACK = Decimal("1e-12")
MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where the answer is not what is expected."""

    path: str
    got: Any
    expected: Any


def differences(got: Any, expected: Any, tolerance: Decimal, path: str = "") -> Iterator[Difference]:
    """Every difference, in the order of `expected`; keys that are not expected are ignored."""
    if isinstance(expected, dict):
        yield from _in_map(got, expected, tolerance, path)
    elif isinstance(expected, list):
        yield from _in_list(got, expected, tolerance, path)
    elif not _same(got, expected, tolerance):
        yield Difference(path, got, expected)


def _in_map(got: Any, expected: dict[str, Any], tolerance: Decimal, path: str) -> Iterator[Difference]:
    if not isinstance(got, dict):
        yield Difference(path, got, expected)
        return
    for key, value in expected.items():
        inner = f"{path}.{key}" if path else key
        if key in got:
            yield from differences(got[key], value, tolerance, inner)
        else:
            yield Difference(inner, MISSING, value)


def _in_list(got: Any, expected: list[Any], tolerance: Decimal, path: str) -> Iterator[Difference]:
    if not isinstance(got, list):
        yield Difference(path, got, expected)
        return
    if len(got) != len(expected):
        yield Difference(f"{path}.length", len(got), len(expected))
    for place, (one, other) in enumerate(zip(got, expected, strict=False)):
        yield from differences(one, other, tolerance, f"{path}[{place}]")


def _same(got: Any, expected: Any, tolerance: Decimal) -> bool:
    if _is_number(got) and _is_number(expected):
        return abs(Decimal(got) - Decimal(expected)) <= tolerance + SLACK
    return type(got) is type(expected) and bool(got == expected)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)
