"""Rows of the definition pages: keys with what they say, what a draft changes, and its effect by month."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.safestring import SafeString

from metrics.catalog import OWNERS, REASONS
from metrics.forms.definition import breakable, text_of
from metrics.formulas.definition import DEFAULT, KEYS, Definition, Key
from metrics.queries.definition_versions import Difference
from metrics.services.definition_previews import Pairs, PreviewTable
from metrics.views.numbers import BASES, name_of, without_twins, written


@dataclass(frozen=True, slots=True)
class ValueRow:
    """A key with its value, its default where that is another one, and the titles of the metrics it touches."""

    key: Key
    value: str
    default: str
    touches: str

    @property
    def shown(self) -> tuple[SafeString, SafeString]:
        """Name and value, fit for a narrow page."""
        return breakable(self.key.name), breakable(self.value)


@dataclass(frozen=True, slots=True)
class DifferenceRow:
    """A key that differs: its sentence, and both values as words."""

    key: str
    sentence: str
    before: str
    after: str
    touches: str

    @property
    def shown(self) -> tuple[SafeString, SafeString, SafeString]:
        """Name and both values, fit for a narrow page."""
        return breakable(self.key), breakable(self.before), breakable(self.after)


@dataclass(frozen=True, slots=True)
class Cell:
    """One value: its text, why there is none, and whether the other definition gives another one."""

    text: str
    why: str = ""
    differs: bool = False


@dataclass(frozen=True, slots=True)
class PreviewRow:
    """A number over the months, under the definition in force and under the draft."""

    key: str
    title: str
    before: Sequence[Cell]
    after: Sequence[Cell]


def value_groups(definition: Definition) -> list[tuple[str, list[ValueRow]]]:
    """All keys by group, in their order."""
    found: dict[str, list[ValueRow]] = {}
    for key in KEYS.values():
        value, default = getattr(definition, key.name), getattr(DEFAULT, key.name)
        other = _worded(default) if value != default else ""
        found.setdefault(key.group, []).append(ValueRow(key, _worded(value), other, _touches(key)))
    return list(found.items())


def difference_rows(changes: Sequence[Difference]) -> list[DifferenceRow]:
    """What differs between two definitions."""
    return [
        DifferenceRow(name, KEYS[name].sentence, _worded(before), _worded(after), _touches(KEYS[name]))
        for name, before, after in changes
    ]


def preview_rows(table: PreviewTable, currencies: tuple[str, str]) -> list[PreviewRow]:
    """The numbers of the preview, written; `currencies` are those of the definition in force and of the draft."""
    keys = [key for key in without_twins(list(table.numbers)) if key not in BASES]
    return [_preview_row(key, table.numbers[key], currencies) for key in keys]


def _preview_row(key: str, pairs: Pairs, currencies: tuple[str, str]) -> PreviewRow:
    before, after = [], []
    for one, two in pairs:
        differs = (one.value, one.reason) != (two.value, two.reason)
        before.append(Cell(written(key, one.value, currencies[0]), REASONS.get(one.reason, "")))
        after.append(Cell(written(key, two.value, currencies[1]), REASONS.get(two.reason, ""), differs))
    return PreviewRow(key, name_of(key).title, before, after)


def _worded(value: object) -> str:
    return text_of(value) or "empty"


def _touches(key: Key) -> str:
    titles = [OWNERS[name].title if name in OWNERS else name for name in key.touches]
    return ", ".join(dict.fromkeys(titles))
