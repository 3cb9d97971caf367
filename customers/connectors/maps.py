"""Reads a map: which column is which field, what is worked out on the way, and which rows count.

Everything in a map is text, also `yes`, `no` and days, so nothing turns into something else unseen. Whatever a map says
that has no meaning is refused by name; whether its columns exist is seen when it meets a file.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from config.web.errors import DomainError
from customers.connectors.derived import CALCULATIONS, UNITS

OPTION_NAMES = ("date_format", "decimal", "thousands", "encoding", "delimiter", "header")
ROW_RULES = ("empty", "only", "latest", "earliest")
SOURCES = ("column", "columns", "first_of", "value")
SPEC_NAMES = (
    *SOURCES,
    *(
        "join",
        "empty",
        "words",
        "other",
        "lookup",
        "default",
        *CALCULATIONS,
        "earlier",
        "later",
        "date_format",
        "numbered",
    ),
)
LISTS = ("columns", "first_of")
SHIFTS = ("earlier", "later")
NOTHING = ("", "~", "null")
LARGEST_MAP = 1_000_000  # bytes


class MapError(DomainError):
    """A map says something that cannot be done."""

    code = "mapping"


@dataclass(frozen=True)
class Map:
    """What a map says. `fields` are columns as they stand (None = leave out), `specs` what is worked out."""

    fields: dict[str, str | None] = field(default_factory=dict)
    constants: dict[str, str] = field(default_factory=dict)
    specs: dict[str, dict[str, Any]] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    empty: tuple[str, ...] = ()
    only: tuple[dict[str, Any], ...] = ()
    latest: dict[str, Any] | None = None


class _TextLoader(yaml.BaseLoader):
    """Reads every scalar as text and refuses a key that stands twice."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        found = super().construct_mapping(node, deep=deep)
        if len(found) != len(node.value):
            names = [key.value for key, _ in node.value]
            twice = next(name for name in names if names.count(name) > 1)
            raise yaml.YAMLError(f"“{twice}” stands twice")
        return found


def read_map(path: Path) -> Map:
    """A map from its file; a MapError names what is wrong with it."""
    try:
        if path.stat().st_size > LARGEST_MAP:
            raise MapError(f"The mapping {path.name} is too large.", hint="A map names fields, not rows.")
        said = yaml.load(path.read_text("utf-8"), Loader=_TextLoader)  # noqa: S506 - a BaseLoader makes text only
    except (OSError, UnicodeError, yaml.YAMLError) as error:
        message = f"The mapping {path.name} cannot be read."
        raise MapError(message, hint=str(error).split("\n", 1)[0]) from error
    if not isinstance(said, dict):
        raise MapError(
            f"The mapping {path.name} is not a list of “field: column”.",
            hint="Write one field per line, for instance customer_id: account_id",
        )
    return map_of(said)


def map_of(said: Mapping[str, Any]) -> Map:
    """A map from its words."""
    found = Map(
        options={name: _option(name, said[name]) for name in OPTION_NAMES if name in said},
        empty=_texts("empty", said["empty"]) if "empty" in said else (),
        only=_only(said["only"]) if "only" in said else (),
        latest=_one_per_thing(said),
    )
    for name, value in said.items():
        if name not in (*OPTION_NAMES, *ROW_RULES):
            _add_field(found, name, value)
    return found


def _add_field(found: Map, name: str, value: Any) -> None:
    if isinstance(value, list):
        raise MapError(
            f"The field {name} is given a list.", hint="Write columns: [a, b] with join, or first_of: [a, b]."
        )
    if not isinstance(value, dict):
        found.fields[name] = None if value in NOTHING else value
        return
    spec = _spec(name, value)
    if spec.keys() == {"value"}:
        found.constants[name] = spec["value"]
    elif spec.keys() == {"column"}:
        found.fields[name] = spec["column"]
    else:
        found.specs[name] = spec


def _spec(name: str, said: Mapping[str, Any]) -> dict[str, Any]:
    _refuse_unknown(name, said, SPEC_NAMES)
    sources = [source for source in SOURCES if source in said]
    if len(sources) != 1:
        many = " and ".join(sources) or "no source"
        raise MapError(f"The field {name} has {many}.", hint=f"Give one of {', '.join(SOURCES)}.")
    if ("columns" in said) != ("join" in said):
        raise MapError(f"The field {name} needs columns and join together.", hint='For instance join: "-"')
    if "other" in said and "words" not in said:
        raise MapError(f"The field {name} has other without words.", hint="Use default for empty cells.")
    if said.get("numbered", "yes") != "yes":
        raise MapError(
            f"The field {name} has numbered: {said['numbered']}.", hint="Write yes, or leave it out."
        )
    return {part: _part(f"{name}: {part}", part, value) for part, value in said.items()}


def _part(place: str, part: str, value: Any) -> Any:
    if part in LISTS or part == "empty":
        return list(_texts(place, value))
    if part == "words":
        return {
            key: "" if word in NOTHING else _text(place, word) for key, word in _mapping(place, value).items()
        }
    if part == "lookup":
        return _lookup(place, value)
    if part in SHIFTS:
        return _shift(place, value)
    if part in CALCULATIONS:
        return _number(place, value)
    return _text(place, value, may_be_empty=part == "join")


def _number(place: str, value: Any) -> Any:
    """A number as written, or the column it stands in."""
    if isinstance(value, dict):
        _refuse_unknown(place, value, ("column",))
        return {"column": _text(place, value.get("column"))}
    text = _text(place, value)
    if not text.lstrip("-").replace(".", "", 1).isdecimal() or not text.isascii():
        raise MapError(f"{place} is “{text}”.", hint="Write a number with a point, or {column: name}.")
    return text


def _shift(place: str, value: Any) -> dict[str, str]:
    said = _mapping(place, value)
    _refuse_unknown(place, said, ("column", "value", "unit"))
    if ("column" in said) == ("value" in said) or said.get("unit") not in UNITS:
        raise MapError(
            f"{place} needs a column or a value, and a unit.",
            hint=f"For instance {{column: tenure, unit: months}}; units are {', '.join(UNITS)}.",
        )
    found = {key: _text(place, word) for key, word in said.items()}
    if "value" in found:
        _number(place, found["value"])
    return found


def _lookup(place: str, value: Any) -> dict[str, str]:
    said = _mapping(place, value)
    _refuse_unknown(place, said, ("file", "by", "take"))
    if set(said) != {"file", "by", "take"}:
        raise MapError(
            f"{place} needs file, by and take.", hint="For instance {file: a.csv, by: id, take: owner}"
        )
    found = {key: _text(place, word) for key, word in said.items()}
    if Path(found["file"]).name != found["file"]:
        raise MapError(
            f"{place} names “{found['file']}”.", hint="The file lies beside the imported one; give its name."
        )
    return found


def _only(value: Any) -> tuple[dict[str, Any], ...]:
    rules = value if isinstance(value, list) else [value]
    return tuple(_only_rule(_mapping("only", rule)) for rule in rules)


def _only_rule(said: Mapping[str, Any]) -> dict[str, Any]:
    _refuse_unknown("only", said, ("column", "is", "is_not"))
    if "column" not in said or ("is" in said) == ("is_not" in said):
        raise MapError(
            "only needs a column and either is or is_not.", hint='For instance {column: state, is: ["open"]}'
        )
    way = "is" if "is" in said else "is_not"
    return {
        "column": _text("only", said["column"]),
        way: list(_texts(f"only: {way}", said[way], may_be_empty=True)),
    }


def _one_per_thing(whole: Mapping[str, Any]) -> dict[str, Any] | None:
    """The rule that keeps one row of several; `earliest` is the same rule the other way round."""
    rules = [name for name in ("latest", "earliest") if name in whole]
    if len(rules) > 1:
        raise MapError("The map has latest and earliest.", hint="Choose one of the two.")
    if not rules:
        return None
    way = rules[0]
    return _kept_row(way, _mapping(way, whole[way])) | ({"earliest": "yes"} if way == "earliest" else {})


def _kept_row(way: str, said: Mapping[str, Any]) -> dict[str, Any]:
    _refuse_unknown(way, said, ("per", "by"))
    if "per" not in said:
        raise MapError(
            f"{way} needs per, the columns that name one thing.",
            hint="For instance {per: ticket_id, by: updated_at}",
        )
    found: dict[str, Any] = {"per": list(_texts(f"{way}: per", said["per"]))}
    return found | ({"by": _text(f"{way}: by", said["by"])} if "by" in said else {})


def _option(name: str, value: Any) -> Any:
    if name == "header":
        return list(_texts(name, value))
    if isinstance(value, dict | list):
        raise MapError(f"The option {name} is one word.", hint=f"For instance {name}: …")
    return "" if value in NOTHING else value


def _texts(place: str, value: Any, *, may_be_empty: bool = False) -> tuple[str, ...]:
    listed = value if isinstance(value, list) else [value]
    if not listed:
        raise MapError(f"{place} is an empty list.", hint="Name at least one, or leave the line out.")
    return tuple(_text(place, word, may_be_empty=may_be_empty) for word in listed)


def _text(place: str, value: Any, *, may_be_empty: bool = False) -> str:
    if not isinstance(value, str) or (not value and not may_be_empty):
        raise MapError(f"{place} needs one word.", hint="Put words that hold signs of YAML into quotes.")
    return value


def _mapping(place: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or not value:
        raise MapError(
            f"{place} is not a list of “name: value”.", hint="See docs/imports.md for the form of a map."
        )
    return value


def _refuse_unknown(place: str, said: Iterable[str], known: Iterable[str]) -> None:
    names = list(known)
    for name in said:
        if name not in names:
            close = get_close_matches(str(name), names, n=1)
            fix = f"Did you mean {close[0]}?" if close else f"Use {', '.join(names)}."
            raise MapError(f"{place} has the unknown word “{name}”.", hint=fix)
