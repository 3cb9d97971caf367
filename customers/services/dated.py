"""Changes of several dated series at once: who looks after whom, and the dated attributes of customers."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from typing import Any

from customers.models.facts import Fact
from customers.services import facts


def series_of(rows: Iterable[Fact], key: Callable[[Any], Hashable]) -> dict[Hashable, list[Any]]:
    """Rows grouped into series, each in order of its days."""
    found: dict[Hashable, list[Any]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row.from_on):  # type: ignore[attr-defined] - third-party-type
        found[key(row)].append(row)
    return found


def change_series(
    current: Iterable[Fact], wanted: Iterable[Fact], key: Callable[[Any], Hashable]
) -> list[Any]:
    """Let each wanted row hold from its first day on in its own series; returns the rows written."""
    series = series_of(current, key)
    change = facts.Change()
    for row in wanted:
        facts.plan_from(series.get(key(row), []), row, change)
    return facts.write(change)
