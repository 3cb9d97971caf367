"""Files a map looks something up in: they lie beside the imported file and are read whole."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from customers.connectors.csv_reader import CsvFile, Dialect, Limits, clean_name, open_csv
from customers.connectors.derived import cell_text
from customers.connectors.problems import FileRefusedError


def read_tables(
    specs: Mapping[str, Mapping[str, Any]], folder: Path | None, dialect: Dialect, limits: Limits
) -> dict[str, dict[str, str]]:
    """Per field that looks something up: what it takes, by key. `folder` None = files sent by the page."""
    return {
        name: _table(spec["lookup"], folder, dialect, limits)
        for name, spec in specs.items()
        if "lookup" in spec
    }


def _table(said: Mapping[str, str], folder: Path | None, dialect: Dialect, limits: Limits) -> dict[str, str]:
    if folder is None:
        raise FileRefusedError(
            f"There is no file {said['file']} to look things up in.", hint="Import by the command."
        )
    own = Dialect(encoding=dialect.encoding, delimiter=dialect.delimiter)
    with open_csv(folder / said["file"], dialect=own, limits=limits) as file:
        by, take = _place(file, said["by"], said["file"]), _place(file, said["take"], said["file"])
        return _read(file, by, take, said["file"])


def _place(file: CsvFile, column: str, name: str) -> int:
    cleaned = clean_name(column)
    if cleaned not in file.header:
        raise FileRefusedError(
            f"{name} has no column “{column}”.", hint=f"Its columns are {', '.join(file.header)}."
        )
    return file.header.index(cleaned)


def _read(file: CsvFile, by: int, take: int, name: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for number, row in file.rows():
        if len(row) != len(file.header):
            raise FileRefusedError(f"Row {number} of {name} has {len(row)} cells.", hint="Correct that row.")
        key, value = cell_text(row[by]), cell_text(row[take])
        if found.setdefault(key, value) != value:
            raise FileRefusedError(
                f"“{key}” stands twice in {name}, with other content.", hint="Keep one of the two rows."
            )
    return found
