"""A check: rows compared, and every value that is not what it should be."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

SHOWN = 20  # differences listed per check
Key = tuple[Any, ...]
Rows = Mapping[Key, tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Difference:
    """One value that is not what the facts say; None stands for a row that is missing on that side."""

    table: str
    key: str
    column: str
    stored: str
    recounted: str


@dataclass(slots=True)
class Check:
    """One check: rows compared and what differed."""

    code: str
    title: str
    rows: int = 0
    differences: list[Difference] = field(default_factory=list)
    note: str = ""

    def compare(self, table: str, columns: tuple[str, ...], stored: Rows, counted: Rows) -> None:
        """Equal, not close: every key on both sides, every column the same."""
        self.rows += len(stored.keys() | counted.keys())
        for key in sorted(stored.keys() | counted.keys(), key=str):
            left, right = stored.get(key), counted.get(key)
            if left == right:
                continue
            name = " ".join(map(str, key))
            if left is None or right is None:
                self.differences.append(Difference(table, name, "row", str(left), str(right)))
                continue
            self.differences += [
                Difference(table, name, column, shown(a), shown(b))
                for column, a, b in zip(columns, left, right, strict=True)
                if a != b
            ]


def shown(value: Any) -> str:
    """A value for people: money as a decimal."""
    if not isinstance(value, Fraction) or value.denominator == 1:
        return str(value)
    return str(Decimal(value.numerator) / Decimal(value.denominator))


def exact(value: Decimal | None) -> Fraction | None:
    """A stored number as a fraction."""
    return None if value is None else Fraction(value)


def plain(value: Any) -> Any:
    """Decimals as fractions, everything else as it is."""
    return Fraction(value) if isinstance(value, Decimal) else value


def by_place(rows: Iterable[tuple[Key, tuple[Any, ...]]]) -> Rows:
    """Rows by key and place among rows of the same key, which stand in their order."""
    found: dict[Key, tuple[Any, ...]] = {}
    seen: Counter[Key] = Counter()
    for key, values in rows:
        place = (f"no. {seen[key] + 1}",) if seen[key] else ()
        seen[key] += 1
        found[*key, *place] = values
    return found


def not_zero(rows: Mapping[Key, Iterable[Any]]) -> dict[Key, tuple[Any, ...]]:
    """Rows with at least one value."""
    listed = {key: tuple(values) for key, values in rows.items()}
    return {key: values for key, values in listed.items() if any(values)}
