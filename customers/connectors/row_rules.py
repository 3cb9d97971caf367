"""Which rows of a file count: those that hold a word, and of several rows about one thing the latest (or earliest)."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from customers.connectors import cells
from customers.connectors.cells import Writing
from customers.connectors.derived import ANY_NUMBER, Places, cell_text
from customers.connectors.problems import CellError, Problems

FIRST_NUMBERS = 1000  # row numbers kept of the rows a rule leaves out

Numbered = tuple[int, list[str]]


@dataclass
class LeftOut:
    """Rows that the map leaves out for one reason: how many, and the numbers of the first ones."""

    reason: str
    rows: int = 0
    numbers: list[int] = field(default_factory=list)

    def add(self, number: int) -> None:
        """Count one more row."""
        self.rows += 1
        if len(self.numbers) < FIRST_NUMBERS:
            self.numbers.append(number)

    def as_dict(self) -> dict[str, Any]:
        """The shape of the JSON answer."""
        return {"reason": self.reason, "rows": self.rows, "first": self.numbers}


class RowRules:
    """The rules of one map over one file; `left_out` fills while rows are read."""

    def __init__(
        self,
        only: Sequence[Mapping[str, Any]],
        latest: Mapping[str, Any] | None,
        places: Places,
        writing: Writing,
    ) -> None:
        self._tests = [_test(rule, places) for rule in only]
        self._latest, self._places, self._writing = latest, places, writing
        self._all: list[LeftOut] = [LeftOut(_reason(rule)) for rule in only]
        if latest is not None:
            better = "an earlier" if "earliest" in latest else "a later"
            self._all.append(LeftOut(f"{better} row has the same {' and '.join(latest['per'])}"))

    @property
    def left_out(self) -> list[LeftOut]:
        """The rules that left something out."""
        return [item for item in self._all if item.rows]

    def kept(self, rows: Iterable[Numbered], problems: Problems) -> Iterator[Numbered]:
        """The rows that count, in the order of the file. With `latest` the whole file is read first."""
        counted = self._filtered(rows)
        return counted if self._latest is None else self._newest(counted, self._latest, problems)

    def _filtered(self, rows: Iterable[Numbered]) -> Iterator[Numbered]:
        for number, row in rows:
            for test, found in zip(self._tests, self._all, strict=False):
                if not test(row):
                    found.add(number)
                    break
            else:
                yield number, row

    def _newest(
        self, rows: Iterable[Numbered], latest: Mapping[str, Any], problems: Problems
    ) -> Iterator[Numbered]:
        key = [self._places[name] for name in latest["per"]]
        by = self._places[latest["by"]] if "by" in latest else None
        winners: dict[tuple[str, ...], tuple[Any, Numbered]] = {}
        older = self._all[-1]
        for number, row in rows:
            try:
                order = (0, 0) if by is None else _order(cell_text(row[by]), self._writing)
            except CellError as error:
                problems.add(number, latest["by"], row[by or 0], error.reason, error.fix)
                problems.unreadable += 1
                continue
            name = tuple(cell_text(row[place]) for place in key)
            held = winners.get(name)
            if held is not None and (order >= held[0] if "earliest" in latest else order < held[0]):
                older.add(number)
                continue
            if held is not None:
                older.add(held[1][0])
            winners[name] = (order, (number, row))
        older.numbers.sort()
        yield from sorted((row for _, row in winners.values()), key=lambda numbered: numbered[0])


def _test(rule: Mapping[str, Any], places: Places) -> Callable[[Sequence[str]], bool]:
    place, is_wanted = places[rule["column"]], "is" in rule
    words = frozenset(rule["is"] if is_wanted else rule["is_not"])
    return lambda row: (cell_text(row[place]) in words) is is_wanted


def _reason(rule: Mapping[str, Any]) -> str:
    words = rule.get("is") or rule.get("is_not") or []
    return f"{rule['column']} is {'not ' if 'is' in rule else ''}{' or '.join(word or 'empty' for word in words)}"


def _order(cell: str, writing: Writing) -> tuple[int, Any]:
    """What rows are put in order by: a number, or a day or moment. Empty comes first."""
    if not cell:
        return 0, Decimal(0)
    try:
        return 1, ANY_NUMBER(cell, writing)
    except CellError:
        pass
    try:
        return 2, cells.moment(cell, writing)
    except CellError:
        raise CellError(
            "cannot be put in order", "Order by a number, a day or a moment; say date_format if days need it."
        ) from None
