"""All versions of the definition, and what each one changed."""

from dataclasses import dataclass
from itertools import pairwise

from metrics.formulas.definition import DEFAULT, Definition, Value, differences, with_values
from metrics.models import DefinitionVersion

Difference = tuple[str, Value, Value]


@dataclass(frozen=True, slots=True)
class Version:
    """A published version with what it says and how it differs from the one before; `row` is None for the defaults."""

    number: int
    definition: Definition
    changes: list[Difference]
    row: DefinitionVersion | None = None


def versions() -> list[Version]:
    """Every version, newest first; the last one is number 0, the defaults."""
    rows = DefinitionVersion.objects.select_related("published_by").order_by("number")
    said = [(row, with_values(DEFAULT, row.config)) for row in rows]
    found = [Version(0, DEFAULT, [])]
    steps = pairwise([DEFAULT, *(definition for _, definition in said)])
    for (row, definition), (before, _) in zip(said, steps, strict=True):
        found.append(Version(row.number, definition, differences(before, definition), row))
    return found[::-1]
