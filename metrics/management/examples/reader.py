"""Reads a file of worked examples: YAML 1.1 with a safe loader, numbers kept as they are written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import yaml

NEEDED = ("id", "metric", "inputs", "expected", "tolerance")
FLOAT, TIMESTAMP = "tag:yaml.org,2002:float", "tag:yaml.org,2002:timestamp"


class ExamplesError(Exception):
    """The file cannot be read, or an example lacks something; the text names it."""


@dataclass(frozen=True, slots=True)
class Example:
    """One example. What makes the answer sees `metric` and `inputs` alone."""

    id: str
    metric: str
    variant: str
    inputs: Mapping[str, Any]
    expected: Mapping[str, Any]
    tolerance: Decimal


class _Loader(yaml.SafeLoader):
    """Decimals instead of floats, days as text, map keys as they are written ('5', 2024-01, no)."""

    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != TIMESTAMP]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """A map whose keys are the text of the file."""
        self.flatten_mapping(node)
        built: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a key is a text", key.start_mark)
            built[key.value] = self.construct_object(value, deep=deep)
        return built


def _number(loader: _Loader, node: yaml.ScalarNode) -> Decimal | str:
    """A float as a decimal of the same text; what is no plain number (12:30.5, .inf) stays text."""
    text = str(loader.construct_scalar(node))
    try:
        return Decimal(text.replace("_", ""))
    except InvalidOperation:
        return text


def _whole(loader: _Loader, node: yaml.ScalarNode) -> int | str:
    """A whole number; base 60 (12:30) stays text."""
    text = str(loader.construct_scalar(node))
    return text if ":" in text else int(loader.construct_yaml_int(node))


_Loader.add_constructor(FLOAT, _number)
_Loader.add_constructor("tag:yaml.org,2002:int", _whole)


def read(path: Path) -> list[Example]:
    """All examples of a file in its order. Anything missing or doubled is an ExamplesError."""
    try:
        document = yaml.load(path.read_bytes(), Loader=_Loader)  # noqa: S506 - a subclass of the safe loader
    except OSError as error:
        raise ExamplesError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ExamplesError(f"{path} is not YAML: {error}") from error
    listed = document.get("examples") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise ExamplesError(f"{path} has no list “examples”.")
    examples = [_example(item, place) for place, item in enumerate(listed, start=1)]
    _refuse_doubles(examples)
    return examples


def _example(item: Any, place: int) -> Example:
    if not isinstance(item, dict):
        raise ExamplesError(f"Example {place} is not a map of fields.")
    name = f"Example {place} ({item['id']})" if item.get("id") is not None else f"Example {place}"
    lacking = [field for field in NEEDED if item.get(field) is None]
    if lacking:
        raise ExamplesError(f"{name} lacks {', '.join(lacking)}.")
    for field in ("inputs", "expected"):
        if not isinstance(item[field], dict):
            raise ExamplesError(f"{name}: {field} is not a map.")
    return Example(
        id=str(item["id"]),
        metric=str(item["metric"]),
        variant=str(item.get("variant") or "default"),
        inputs=item["inputs"],
        expected=item["expected"],
        tolerance=_tolerance(item["tolerance"], name),
    )


def _tolerance(value: Any, name: str) -> Decimal:
    try:
        tolerance = Decimal("NaN") if isinstance(value, bool) else Decimal(str(value))
    except InvalidOperation:
        tolerance = Decimal("NaN")
    if not tolerance.is_finite() or tolerance < 0:
        raise ExamplesError(f"{name}: tolerance {value!r} is not a number from 0 on.")
    return tolerance


def _refuse_doubles(examples: Sequence[Example]) -> None:
    seen: set[str] = set()
    for example in examples:
        if example.id in seen:
            raise ExamplesError(f"The id {example.id} is used twice.")
        seen.add(example.id)
