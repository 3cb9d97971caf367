"""The options of a mapping: how a file writes days and numbers, its encoding, delimiter and names of columns."""

from collections.abc import Mapping
from typing import Any

from customers.connectors.cells import Writing
from customers.connectors.csv_reader import SPACES_BETWEEN, Dialect
from customers.connectors.maps import OPTION_NAMES
from customers.connectors.problems import Problem

DELIMITER_WORDS = {
    "tab": "\t",
    "\\t": "\t",
    "comma": ",",
    "semicolon": ";",
    "bar": "|",
    "pipe": "|",
    "spaces": SPACES_BETWEEN,
}
SPACES = {"space": " ", "nbsp": "\u00a0", "apostrophe": "'"}


def writing_of(options: Mapping[str, Any], zone: Any) -> Writing:
    """How a file writes days and numbers, from the options of a mapping."""
    return Writing(
        zone=zone,
        date_format=options.get("date_format", ""),
        decimal=options.get("decimal", ".") or ".",
        thousands=SPACES.get(options.get("thousands", ""), options.get("thousands", "")),
    )


def dialect_of(options: Mapping[str, Any]) -> Dialect:
    """Encoding, delimiter and names of the columns, from the options of a mapping."""
    delimiter = options.get("delimiter", "")
    return Dialect(
        encoding=options.get("encoding", ""),
        delimiter=DELIMITER_WORDS.get(delimiter.lower(), delimiter),
        header=tuple(options.get("header", ())),
    )


def option_problems(options: Mapping[str, Any]) -> list[Problem]:
    """What is wrong with the options themselves."""
    found = [
        Problem(0, name, str(value), "is no option of an import", f"Use {', '.join(OPTION_NAMES)}.")
        for name, value in options.items()
        if name not in OPTION_NAMES
    ]
    dialect, writing = dialect_of(options), writing_of(options, None)
    if dialect.delimiter != SPACES_BETWEEN and (
        len(dialect.delimiter) > 1 or dialect.delimiter in {"\n", "\r", '"'}
    ):
        fix = "Use comma, semicolon, tab, bar or spaces."
        found.append(Problem(0, "delimiter", dialect.delimiter, "is no delimiter", fix))
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
