"""Equality before timing: two engines must give the same numbers to the last digit, else no time is worth printing."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

Numbers = Mapping[str, Mapping[str, Any]]  # {row: {column: number as text}}


class DifferError(Exception):
    """Two engines disagree; the text names the row."""


def same(subject: Numbers, reference: Numbers, *, name: str, within: Decimal = Decimal(0)) -> int:
    """Compare all columns the reference has; returns how many numbers agreed. Raises DifferError at the first other one."""
    missing = sorted(subject.keys() ^ reference.keys())
    if missing:
        raise DifferError(f"{name}: row {missing[0]} is in one of both only ({len(missing)} such rows)")
    agreed = 0
    for row, columns in reference.items():
        for column, text in columns.items():
            have, want = Decimal(str(subject[row][column])), Decimal(str(text))
            if abs(have - want) > within * max(abs(want), Decimal(1)):
                raise DifferError(f"{name}: {row}, {column}: the product has {have}, the reference {want}")
            agreed += 1
    return agreed
