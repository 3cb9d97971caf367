"""What is wrong with a file: each problem by row, column and value, with its reason and the way to put it right."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from config.web.errors import DomainError

MOST_KEPT = 5000  # problems listed; further ones are only counted, for nobody reads them one by one
LONGEST_VALUE = 120  # characters of a wrong value that are shown


class FileRefusedError(DomainError):
    """The file cannot be read at all; nothing was imported."""

    code = "file_refused"

    def __init__(self, message: str, *, hint: str, row: int = 0, column: str = "", value: str = "") -> None:
        super().__init__(message, hint=hint)
        self.problem = Problem(row=row, column=column, value=shown(value), reason=message, fix=hint)


class CellError(ValueError):
    """A cell cannot be read. `once` = the whole column is written like this, so it is named once."""

    def __init__(self, reason: str, fix: str, *, once: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.fix, self.once = reason, fix, once


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. Rows count like a spreadsheet: the header is row 1. Row 0 is the file as a whole."""

    row: int
    column: str
    value: str
    reason: str
    fix: str

    def as_dict(self) -> dict[str, Any]:
        """The shape of the JSON answer."""
        return asdict(self)


@dataclass
class Problems:
    """Collects problems while a file is read and applied. `columns` says what the file calls each field."""

    columns: dict[str, str] = field(default_factory=dict)
    listed: list[Problem] = field(default_factory=list)
    rows: set[int] = field(default_factory=set)
    unreadable: int = 0  # rows that were left out while reading, so never seen by what applies them
    _said: set[str] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self.listed)

    def __iter__(self) -> Iterator[Problem]:
        return iter(sorted(self.listed, key=lambda problem: (problem.row, problem.column)))

    @property
    def rejected(self) -> int:
        """How many rows have at least one problem."""
        return len(self.rows)

    def add(self, row: int, name: str, value: Any, reason: str, fix: str, *, once: bool = False) -> None:
        """Note a problem of a row in the field `name`."""
        column = self.columns.get(name, name)
        self.rows.add(row)
        if once and column in self._said:
            return
        if once:
            self._said.add(column)
        if len(self.listed) < MOST_KEPT:
            self.listed.append(Problem(row, column, shown(value), reason, fix))

    def add_cell(self, row: int, name: str, value: str, error: CellError) -> None:
        """Note that a cell could not be read."""
        self.add(row, name, value, error.reason, error.fix, once=error.once)

    def refuse(self, problem: Problem) -> None:
        """Note a problem of the file as a whole."""
        self.listed.append(problem)


def shown(value: Any) -> str:
    """A wrong value as it is quoted: short, and every unprintable sign spelt out."""
    text = "" if value is None else str(value)
    text = text if len(text) <= LONGEST_VALUE else text[:LONGEST_VALUE] + "…"
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode("ascii") for sign in text
    )
