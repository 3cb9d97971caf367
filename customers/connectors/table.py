"""A file read under a layout: which column is which field, and one mapping of typed values per row."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import partial
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from customers.connectors.cells import Reader, Writing
from customers.connectors.csv_reader import CsvFile, clean_name
from customers.connectors.derived import cell_text, columns_of, compile_spec
from customers.connectors.layouts import Layout
from customers.connectors.problems import CellError, Problem, Problems
from customers.connectors.row_rules import RowRules

Reading = Callable[[Sequence[str]], Any]
Tables = dict[str, dict[str, str]]  # per field, the file it looks up in


class Row(NamedTuple):
    """A row whose cells were all readable; empty cells have no value."""

    number: int
    values: dict[str, Any]


@dataclass(frozen=True)
class Columns:
    """What somebody said about a file.

    `fields` maps field names to column names (None = leave the column out). When it is given, further columns that
    carry a field's name still count and all others are ignored; without it every column must be a field.
    `constants` are values for all rows, `specs` what is worked out per row (see `derived`), `empty` words that stand
    for nothing, `only` and `latest` which rows count (see `row_rules`).
    """

    fields: Mapping[str, str | None] | None = None
    constants: Mapping[str, str] = field(default_factory=dict)
    specs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    empty: tuple[str, ...] = ()
    only: tuple[Mapping[str, Any], ...] = ()
    latest: Mapping[str, Any] | None = None

    def as_dict(self) -> dict[str, Any]:
        """As it is stored with a batch."""
        more = {"specs": self.specs, "empty": self.empty, "only": self.only, "latest": self.latest}
        fields = None if self.fields is None else dict(self.fields)
        said = {name: value for name, value in more.items() if value}
        return {"fields": fields, "constants": dict(self.constants), **said}


NO_RULES = RowRules((), None, {}, Writing(zone=ZoneInfo("UTC")))


@dataclass
class Match:
    """Columns matched to fields: where each field stands in a row, and what the file calls it."""

    places: dict[str, int] = field(default_factory=dict)
    constants: dict[str, str] = field(default_factory=dict)
    specs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    empty: frozenset[str] = frozenset()
    ignored: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    @property
    def given(self) -> frozenset[str]:
        """Fields the file or the map says something about."""
        return frozenset(self.places) | frozenset(self.constants) | frozenset(self.specs)

    def columns(self, header: Sequence[str]) -> dict[str, str]:
        """The file's name of every matched field."""
        named = {name: columns_of(spec)[0] for name, spec in self.specs.items() if columns_of(spec)}
        return named | {name: header[place] for name, place in self.places.items()}


def match(layout: Layout, header: Sequence[str], columns: Columns) -> Match:
    """Match a header to a layout; whatever is unclear or missing is a problem with its fix."""
    found = Match(constants=dict(columns.constants), specs=columns.specs, empty=frozenset(columns.empty))
    _refuse_twins(header, found)
    _match_said(layout, header, columns.fields or {}, found)
    _match_specs(layout, header, columns, found)
    _match_names(layout, header, columns, found)
    _check_constants(layout, found)
    _check_needs(layout, found)
    return found


def rows(
    file: CsvFile,
    layout: Layout,
    matched: Match,
    writing: Writing,
    problems: Problems,
    *,
    rules: RowRules,
    tables: Tables | None = None,
) -> Iterator[Row]:
    """Typed rows; a row with an unreadable cell is noted in `problems` and left out. `tables`: see `lookups`."""
    constants = _read_constants(layout, matched, writing, problems)
    plan = _plan(layout, matched, file.header, writing, tables or {})
    needed = [
        name for name in (*matched.places, *matched.specs) if (found := layout.field(name)) and found.needed
    ]
    for number, cells in rules.kept(_even(file, problems), problems):
        values = dict(constants)
        if _read_cells(number, cells, plan, values, problems) and _complete(
            number, needed, layout, values, problems
        ):
            yield Row(number, values)
        else:
            problems.unreadable += 1


def rules_of(columns: Columns, header: Sequence[str], writing: Writing) -> RowRules:
    """Which rows of a file count, for a file whose header has been matched."""
    return RowRules(columns.only, columns.latest, _places(header), writing)


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
                found.problems.append(_no_column(cleaned, header, f"the field {name}"))


def _match_specs(layout: Layout, header: Sequence[str], columns: Columns, found: Match) -> None:
    """Whether all columns exist that the map works with."""
    wanted = [(column, "a rule of the map") for column in _rule_columns(columns)]
    for name, spec in columns.specs.items():
        if layout.field(name) is None:
            found.problems.append(_unknown_field(layout, name))
        wanted += [(column, f"the field {name}") for column in columns_of(spec)]
    found.problems += [_no_column(column, header, use) for column, use in wanted if column not in header]


def _rule_columns(columns: Columns) -> list[str]:
    """Columns that decide which rows count."""
    found = [rule["column"] for rule in columns.only]
    if columns.latest is not None:
        found += [*columns.latest["per"], *([columns.latest["by"]] if "by" in columns.latest else [])]
    return found


def _no_column(name: str, header: Sequence[str], use: str) -> Problem:
    close = get_close_matches(name, header, n=1)
    fix = f"Did you mean “{close[0]}”?" if close else f"The columns are {', '.join(header)}."
    return Problem(1, name, "", f"there is no such column for {use}", fix)


def _match_names(layout: Layout, header: Sequence[str], columns: Columns, found: Match) -> None:
    said = columns.fields or {}
    worked_out = set(_rule_columns(columns)) | {
        column for spec in columns.specs.values() for column in columns_of(spec)
    }
    used = set(found.places.values())
    for place, name in enumerate(header):
        if place in used:
            continue
        if name not in said and name not in columns.specs and layout.field(name) is not None:
            found.places.setdefault(name, place)
        elif columns.fields is not None or not name:
            found.ignored += [name] if name not in worked_out else []
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
        elif name in found.places or name in found.specs:
            found.problems.append(
                Problem(
                    1, name, value, "is set for all rows and is a column too", "Leave out one of the two."
                )
            )


def _check_needs(layout: Layout, found: Match) -> None:
    given = found.given
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


def _places(header: Sequence[str]) -> dict[str, int]:
    return {name: place for place, name in reversed(list(enumerate(header)))}


def _plan(
    layout: Layout, matched: Match, header: Sequence[str], writing: Writing, tables: Tables
) -> list[tuple[str, int, Reading]]:
    """Per field its name, the place of the column it is shown as, and how a row becomes its value (None = empty)."""
    found: list[tuple[str, int, Reading]] = []
    for name, place in matched.places.items():
        found.append((name, place, _plain_reading(place, _reader(layout, name), writing, matched.empty)))
    places = _places(header)
    for name, spec in matched.specs.items():
        derived = compile_spec(spec, places, writing, matched.empty, tables.get(name))
        found.append(
            (name, places.get(derived.column, -1), partial(derived.read, reader=_reader(layout, name)))
        )
    return found


def _plain_reading(place: int, read: Reader, writing: Writing, empty: frozenset[str]) -> Reading:
    def reading(row: Sequence[str]) -> Any:
        cell = row[place].strip()
        if not cell or cell in empty:
            return None
        return read(cell_text(cell) if cell[0] == "'" else cell, writing)

    return reading


def _even(file: CsvFile, problems: Problems) -> Iterator[tuple[int, list[str]]]:
    """Rows with as many cells as the header."""
    width = len(file.header)
    for number, cells in file.rows():
        if len(cells) == width:
            yield number, cells
        else:
            _note_ragged(number, len(cells), width, problems)
            problems.unreadable += 1


def _read_cells(
    number: int,
    cells: Sequence[str],
    plan: Iterable[tuple[str, int, Reading]],
    values: dict[str, Any],
    problems: Problems,
) -> bool:
    fine = True
    for name, place, read in plan:
        try:
            value = read(cells)
        except CellError as error:
            problems.add_cell(number, name, cells[place].strip() if place >= 0 else "", error)
            fine = False
        else:
            if value is not None:
                values[name] = value
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
            known = next((name for name in group if name in problems.columns), group[0])
            problems.add(number, known, "", "is empty", "Fill it in, or leave the row out.")
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
