"""A first look at a file: its columns with sample values, how full they are, and how many rows there are."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from customers.connectors.csv_reader import DELIMITERS, CsvFile, Dialect, Limits, open_csv
from customers.connectors.layouts import Layout

SAMPLES = 3  # values shown per column
LONGEST_SAMPLE = 40  # characters


@dataclass(frozen=True)
class Preview:
    """Columns of a file with samples; `filled` counts the non-empty cells of each column."""

    header: list[str]
    samples: list[list[str]]
    filled: list[int]
    rows: int
    encoding: str
    delimiter: str

    def as_dict(self) -> dict[str, Any]:
        """As it is stored with a batch."""
        return asdict(self)


def look_at(path: Path, *, dialect: Dialect, limits: Limits) -> Preview:
    """Read a whole file once; a file that cannot be read is a FileRefusedError."""
    with open_csv(path, dialect=dialect, limits=limits) as file:
        return _look(file)


def _look(file: CsvFile) -> Preview:
    width = len(file.header)
    samples: list[list[str]] = [[] for _ in range(width)]
    filled = [0] * width
    rows = 0
    for _number, cells in file.rows():
        rows += 1
        for place, cell in enumerate(cells[:width]):
            if cell and not cell.isspace():
                filled[place] += 1
                _keep_sample(samples[place], cell)
    return Preview(
        header=file.header,
        samples=samples,
        filled=filled,
        rows=rows,
        encoding=file.encoding.removesuffix("-sig").upper(),
        delimiter=DELIMITERS.get(file.delimiter, file.delimiter),
    )


def _keep_sample(samples: list[str], cell: str) -> None:
    if len(samples) == SAMPLES:
        return
    text = "".join(sign for sign in cell.strip()[:LONGEST_SAMPLE] if sign.isprintable())
    if text and text not in samples:
        samples.append(text)


def suggested(
    layout: Layout, header: list[str], remembered: Mapping[str, str | None] | None
) -> dict[str, str]:
    """A field for each column that has an obvious one: as last time, by its own name, or by a name very like it."""
    said = remembered or {}
    found = {column: name for name, column in said.items() if column in header}
    left_out = {name for name, column in said.items() if column is None}
    for column in header:
        taken = set(found.values()) | left_out
        if column in found or not column:
            continue
        plain = column.lower().replace(" ", "_").replace("-", "_")
        if layout.field(plain) and plain not in taken:
            found[column] = plain
        elif remembered is None:
            free = [name for name in layout.names if name not in taken]
            close = get_close_matches(plain, free, n=1, cutoff=0.8)
            if close:
                found[column] = close[0]
    return found
