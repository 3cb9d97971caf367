"""A file read under a layout: which column is which field, and one mapping of typed values per row."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, NamedTuple

from config.web.sheets import ACTIVE
from customers.connectors.cells import Reader, Writing
from customers.connectors.csv_reader import CsvFile, Dialect, clean_name
from customers.connectors.layouts import Layout
from customers.connectors.problems import CellError, Problem, Problems

DELIMITER_WORDS = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "bar": "|", "pipe": "|"}
SPACES = {"space": " ", "nbsp": "\u00a0", "apostrophe": "'"}
OPTION_NAMES = ("date_format", "decimal", "thousands", "encoding", "delimiter")


class Row(NamedTuple):
    """A row whose cells were all readable; empty cells have no value."""

    number: int
    values: dict[str, Any]


@dataclass(frozen=True)
class Columns:
    """What somebody said about a file.

    `fields` maps field names to column names (None = leave the column out). When it is given, further columns that
    carry a field's name still count and all others are ignored; without it every column must be a field.
    `constants` are values for all rows.
    """

    fields: Mapping[str, str | None] | None = None
    constants: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Match:
    """Columns matched to fields: where each field stands in a row, and what the file calls it."""

    places: dict[str, int] = field(default_factory=dict)
    constants: dict[str, str] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def columns(self, header: Sequence[str]) -> dict[str, str]:
        """The file's name of every matched field."""
        return {name: header[place] for name, place in self.places.items()}


def match(layout: Layout, header: Sequence[str], columns: Columns) -> Match:
    """Match a header to a layout; whatever is unclear or missing is a problem with its fix."""
    found = Match(constants=dict(columns.constants))
    _refuse_twins(header, found)
    _match_said(layout, header, columns.fields or {}, found)
    _match_names(layout, header, columns, found)
    _check_constants(layout, found)
    _check_needs(layout, found)
    return found


def rows(
    file: CsvFile, layout: Layout, matched: Match, writing: Writing, problems: Problems
) -> Iterator[Row]:
    """Typed rows; a row with an unreadable cell is noted in `problems` and left out."""
    constants = _read_constants(layout, matched, writing, problems)
    plan = [(name, place, _reader(layout, name)) for name, place in matched.places.items()]
    needed = [name for name in matched.places if (found := layout.field(name)) and found.needed]
    width = len(file.header)
    for number, cells in file.rows():
        if len(cells) != width:
            _note_ragged(number, len(cells), width, problems)
            problems.unreadable += 1
            continue
        values = dict(constants)
        if _read_cells(number, cells, plan, writing, values, problems) and _complete(
            number, needed, layout, values, problems
        ):
            yield Row(number, values)
        else:
            problems.unreadable += 1


def writing_of(options: Mapping[str, str], zone: Any) -> Writing:
    """How a file writes days and numbers, from the options of a mapping."""
    return Writing(
        zone=zone,
        date_format=options.get("date_format", ""),
        decimal=options.get("decimal", ".") or ".",
        thousands=SPACES.get(options.get("thousands", ""), options.get("thousands", "")),
    )


def dialect_of(options: Mapping[str, str]) -> Dialect:
    """Encoding and delimiter, from the options of a mapping."""
    delimiter = options.get("delimiter", "")
    return Dialect(
        encoding=options.get("encoding", ""), delimiter=DELIMITER_WORDS.get(delimiter.lower(), delimiter)
    )


def option_problems(options: Mapping[str, str]) -> list[Problem]:
    """What is wrong with the options themselves."""
    found = [
        Problem(0, name, str(value), "is no option of an import", f"Use {', '.join(OPTION_NAMES)}.")
        for name, value in options.items()
        if name not in OPTION_NAMES
    ]
    dialect, writing = dialect_of(options), writing_of(options, None)
    if len(dialect.delimiter) > 1 or dialect.delimiter in {"\n", "\r", '"'}:
        found.append(
            Problem(0, "delimiter", dialect.delimiter, "is no delimiter", "Use comma, semicolon, tab or bar.")
        )
    if writing.decimal not in {".", ","}:
        found.append(Problem(0, "decimal", writing.decimal, "is no decimal sign", "Use . or ,"))
    if writing.thousands not in {"", ".", ",", " ", "'", "\u00a0", "\u202f"}:
        found.append(
            Problem(0, "thousands", writing.thousands, "is no sign between thousands", "Use . , space or '")
        )
    if writing.thousands == writing.decimal:
        found.append(
            Problem(
                0,
                "thousands",
                writing.thousands,
                "is the decimal sign as well",
                "Set decimal and thousands apart.",
            )
        )
    return found


def _refuse_twins(header: Sequence[str], found: Match) -> None:
    for place, name in enumerate(header):
        if name and name in header[:place]:
            found.problems.append(
                Problem(1, name, name, "stands twice in the header", "Rename or remove one of the columns.")
            )


def _match_said(layout: Layout, header: Sequence[str], said: Mapping[str, str | None], found: Match) -> None:
    for name, column in said.items():
        if layout.field(name) is None:
            found.problems.append(_unknown_field(layout, name))
        elif column is not None:
            cleaned = clean_name(str(column))
            if cleaned in header:
                found.places[name] = header.index(cleaned)
            else:
                close = get_close_matches(cleaned, header, n=1)
                fix = f"Did you mean “{close[0]}”?" if close else f"The columns are {', '.join(header)}."
                found.problems.append(
                    Problem(1, cleaned, "", f"there is no such column for the field {name}", fix)
                )


def _match_names(layout: Layout, header: Sequence[str], columns: Columns, found: Match) -> None:
    said = columns.fields or {}
    used = set(found.places.values())
    for place, name in enumerate(header):
        if place in used:
            continue
        if name not in said and layout.field(name) is not None:
            found.places.setdefault(name, place)
        elif columns.fields is not None or not name:
            found.ignored.append(name)
        else:
            found.problems.append(_unknown_column(layout, name))


def _unknown_column(layout: Layout, name: str) -> Problem:
    close = get_close_matches(name.lower(), layout.names, n=1, cutoff=0.75)
    hint = f"Did you mean {close[0]}? " if close else ""
    return Problem(
        1,
        name,
        name,
        f"is no field of {layout.kind}",
        f"{hint}Rename the column, map the columns, or take it out of the file.",
    )


def _unknown_field(layout: Layout, name: str) -> Problem:
    close = get_close_matches(name.lower(), layout.names, n=1)
    fix = f"Did you mean {close[0]}?" if close else f"The fields are {', '.join(layout.names)}."
    return Problem(1, name, name, f"is no field of {layout.kind}", fix)


def _check_constants(layout: Layout, found: Match) -> None:
    for name, value in found.constants.items():
        if layout.field(name) is None:
            found.problems.append(_unknown_field(layout, name))
        elif name in found.places:
            found.problems.append(
                Problem(
                    1, name, value, "is set for all rows and is a column too", "Leave out one of the two."
                )
            )


def _check_needs(layout: Layout, found: Match) -> None:
    given = found.places.keys() | found.constants.keys()
    for item in layout.fields:
        if item.needed and item.name not in given:
            found.problems.append(_missing(item.name, layout))
    for group in layout.one_of:
        held = [name for name in group if name in given]
        if not held:
            found.problems.append(_missing(" or ".join(group), layout))
        elif len(held) > 1:
            found.problems.append(
                Problem(
                    1, held[1], "", f"cannot be given together with {held[0]}", "Leave out one of the two."
                )
            )
    for name, others in (layout.together or {}).items():
        found.problems += [
            Problem(
                1, other, "", f"is missing; {name} needs it", f"Add the column, or set {other} for all rows."
            )
            for other in others
            if name in given and other not in given
        ]


def _missing(name: str, layout: Layout) -> Problem:
    return Problem(
        1,
        name,
        "",
        f"is missing; {layout.kind} need it",
        "Add the column, map it from another name, or set it for all rows.",
    )


def _read_constants(layout: Layout, matched: Match, writing: Writing, problems: Problems) -> dict[str, Any]:
    values = {}
    plain = Writing(zone=writing.zone)
    for name, cell in matched.constants.items():
        try:
            values[name] = _reader(layout, name)(cell.strip(), plain)
        except CellError as error:
            problems.refuse(Problem(0, name, cell, error.reason, error.fix))
    return values


def _reader(layout: Layout, name: str) -> Reader:
    found = layout.field(name)
    if found is None:
        raise KeyError(name)
    return found.read


def _read_cells(
    number: int,
    cells: Sequence[str],
    plan: Iterable[tuple[str, int, Reader]],
    writing: Writing,
    values: dict[str, Any],
    problems: Problems,
) -> bool:
    fine = True
    for name, place, read in plan:
        cell = cells[place].strip()
        if not cell:
            continue
        if cell[0] == "'" and cell[1:2] in ACTIVE and len(cell) > 1:  # as our own downloads write it
            cell = cell[1:]
        try:
            values[name] = read(cell, writing)
        except CellError as error:
            problems.add_cell(number, name, cell, error)
            fine = False
    return fine


def _complete(
    number: int, needed: Iterable[str], layout: Layout, values: Mapping[str, Any], problems: Problems
) -> bool:
    fine = True
    for name in needed:
        if values.get(name, "") == "":
            problems.add(number, name, "", "is empty", "Fill it in, or leave the row out.")
            fine = False
    for group in layout.one_of:
        if not any(name in values for name in group):
            problems.add(number, group[0], "", "is empty", "Fill it in, or leave the row out.")
            fine = False
    return fine


def _note_ragged(number: int, many: int, width: int, problems: Problems) -> None:
    problems.add(
        number,
        "",
        f"{many} cells",
        f"the row has {many} cells, the header {width}",
        "Put cells that hold the separator into quotes, or add what is missing.",
    )
