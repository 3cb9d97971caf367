"""Values a map works out from a row: a cell, a constant or several cells, then the steps the map names, in one order.

The order is fixed: empty words, translation, lookup, default, then times, plus, minus, then earlier or later, then the
number of equal values. An empty cell on the way gives an empty value. What a map says itself (constants, translations,
defaults) is written plainly: days as YYYY-MM-DD, numbers with a point.
"""

import operator
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from config.web.sheets import ACTIVE
from customers.connectors import cells
from customers.connectors.cells import Writing
from customers.connectors.problems import CellError
from metrics.formulas.periods import add_months

CLOCK_UNITS = {"minutes": timedelta(minutes=1), "hours": timedelta(hours=1)}
DAY_UNITS = {"days": 1, "weeks": 7}
MONTH_UNITS = {"months": 1, "years": 12}
UNITS = (*CLOCK_UNITS, *DAY_UNITS, *MONTH_UNITS)
CALCULATIONS = {"times": operator.mul, "plus": operator.add, "minus": operator.sub}
ANY_NUMBER = cells.number(digits=30)
MOST_UNITS = 1_000_000

Places = Mapping[str, int]
Text = tuple[str, bool]  # what a step has made, and whether it is written plainly
Step = Callable[[Sequence[str], Text], Text]
Table = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Derived:
    """How one field's text comes about, and which column of the file it is named after."""

    base: Callable[[Sequence[str]], Text]
    steps: tuple[Step, ...]
    writing: Writing
    column: str

    def read(self, row: Sequence[str], reader: cells.Reader) -> Any:
        """The value of one row, or None when it is empty. A CellError says which step could not be done."""
        text = self.base(row)
        for step in self.steps:
            text = step(row, text)
        if not text[0]:
            return None
        return reader(text[0], plain(self.writing) if text[1] else self.writing)


def compile_spec(
    spec: Mapping[str, Any], places: Places, writing: Writing, empty: frozenset[str], table: Table | None
) -> Derived:
    """A checked spec as something that reads rows; `table` is the file it looks up in, by its key."""
    if spec.get("date_format"):
        writing = replace(writing, date_format=spec["date_format"])
    empty |= frozenset(spec.get("empty", ()))
    steps: list[Step] = []
    if "words" in spec:
        steps.append(partial(_translate, spec["words"], spec.get("other")))
    if table is not None:
        steps.append(partial(_look_up, table, spec["lookup"]["file"]))
    if "default" in spec:
        steps.append(partial(_default, spec["default"]))
    for name, act in CALCULATIONS.items():
        if name in spec:
            steps.append(partial(_calculate, act, _operand(spec[name], places, empty), writing))
    for name, sign in (("earlier", -1), ("later", 1)):
        if name in spec:
            said = spec[name]
            steps.append(partial(_shift, sign, said["unit"], _operand(said, places, empty), writing))
    if "numbered" in spec:
        steps.append(partial(_number_equals, Counter()))
    return Derived(
        _base(spec, places, empty), tuple(steps), writing, columns_of(spec)[0] if columns_of(spec) else ""
    )


def columns_of(spec: Mapping[str, Any]) -> list[str]:
    """All columns of the file that a spec reads, its first source first."""
    found = [spec["column"]] if "column" in spec else []
    found += [*spec.get("columns", ()), *spec.get("first_of", ())]
    for name in (*CALCULATIONS, "earlier", "later"):
        if isinstance(spec.get(name), Mapping) and "column" in spec[name]:
            found.append(spec[name]["column"])
    return found


def plain(writing: Writing) -> Writing:
    """Days as YYYY-MM-DD and numbers with a point, in the same zone."""
    return Writing(zone=writing.zone)


def cell_text(cell: str) -> str:
    """A cell without the blanks around it and without the mark our own downloads put before formulas."""
    cell = cell.strip()
    return cell[1:] if len(cell) > 1 and cell[0] == "'" and cell[1] in ACTIVE else cell


def _base(spec: Mapping[str, Any], places: Places, empty: frozenset[str]) -> Callable[[Sequence[str]], Text]:
    if "value" in spec:
        said = (spec["value"], True)
        return lambda _row: said
    if "column" in spec:
        place = places[spec["column"]]
        return lambda row: (_filled(row[place], empty), False)
    many = [places[name] for name in spec.get("columns") or spec["first_of"]]
    if "first_of" in spec:
        return lambda row: (next(filter(None, (_filled(row[at], empty) for at in many)), ""), False)
    join = spec["join"]
    return lambda row: (join.join(filter(None, (_filled(row[at], empty) for at in many))), False)


def _filled(cell: str, empty: frozenset[str]) -> str:
    text = cell_text(cell)
    return "" if text in empty else text


def _translate(words: Table, other: str | None, _row: Sequence[str], text: Text) -> Text:
    if not text[0]:
        return text
    if text[0] in words:
        return words[text[0]], True
    if other is None:
        raise CellError("has no translation in the map", f"Add “{text[0]}” to words, or say other.")
    return other, True


def _look_up(table: Table, file: str, _row: Sequence[str], text: Text) -> Text:
    if not text[0]:
        return text
    if text[0] not in table:
        raise CellError(f"is not found in {file}", "Add it there, or correct it here.")
    return table[text[0]], False


def _default(said: str, _row: Sequence[str], text: Text) -> Text:
    return text if text[0] else (said, True)


def _number_equals(seen: Counter[str], _row: Sequence[str], text: Text) -> Text:
    """The first of equal values as it is, the second with #2 behind it: an id for rows that have none."""
    if not text[0]:
        return text
    seen[text[0]] += 1
    return (f"{text[0]}#{seen[text[0]]}" if seen[text[0]] > 1 else text[0]), text[1]


def _operand(said: Any, places: Places, empty: frozenset[str]) -> Callable[[Sequence[str]], Text]:
    """A number the map says, or the cell of another column."""
    if not isinstance(said, Mapping):
        return lambda _row: (said, True)
    return _base({name: said[name] for name in ("column", "value") if name in said}, places, empty)


def _calculate(
    act: Callable[[Decimal, Decimal], Decimal],
    operand: Callable[[Sequence[str]], Text],
    writing: Writing,
    row: Sequence[str],
    text: Text,
) -> Text:
    other = operand(row)
    if not text[0] or not other[0]:
        return "", True
    return f"{act(_number(text, writing), _number(other, writing)):f}", True


def _number(text: Text, writing: Writing) -> Decimal:
    value: Decimal = ANY_NUMBER(text[0], plain(writing) if text[1] else writing)
    return value


def _shift(
    sign: int,
    unit: str,
    operand: Callable[[Sequence[str]], Text],
    writing: Writing,
    row: Sequence[str],
    text: Text,
) -> Text:
    other = operand(row)
    if not text[0] or not other[0]:
        return "", True
    many = _number(other, writing) * sign
    if abs(many) > MOST_UNITS or (unit not in CLOCK_UNITS and many != many.to_integral_value()):
        raise CellError(f"{other[0]} is no whole number of {unit}", f"Write a whole number of {unit}.")
    own = plain(writing) if text[1] else writing
    try:
        return _moved(text[0], unit, many, own), True
    except (OverflowError, ValueError) as error:
        if isinstance(error, CellError):
            raise
        raise CellError("leads outside the calendar", f"Correct the number of {unit}.") from None


def _moved(text: str, unit: str, many: Decimal, writing: Writing) -> str:
    if unit in CLOCK_UNITS:
        seconds = int(many * int(CLOCK_UNITS[unit].total_seconds()))
        moment: datetime = cells.moment(text, writing) + timedelta(seconds=seconds)
        return moment.isoformat()
    try:
        return _later_day(cells.day(text, writing), unit, int(many)).isoformat()
    except CellError:
        local = cells.moment(text, writing).astimezone(writing.zone)
    day = _later_day(local.date(), unit, int(many))
    return datetime.combine(day, local.time(), tzinfo=writing.zone).astimezone(UTC).isoformat()


def _later_day(day: date, unit: str, many: int) -> date:
    if unit in DAY_UNITS:
        return day + timedelta(days=many * DAY_UNITS[unit])
    return add_months(day, many * MONTH_UNITS[unit])
