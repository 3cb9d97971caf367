"""A change as people see it: tenths of a point that add up to the shown change.

Data stands per measure, every other cause as one bar that opens per measure. Parts under 0.05 join `other`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from metrics.formulas.health_change import CAUSES, DATA, UNIT, Change, LineChange
from metrics.formulas.health_numbers import MICRO, rounded

OTHER = "other"
TENTH = MICRO // 10
_STEP = UNIT * TENTH  # a tenth in the unit of the parts


@dataclass(frozen=True, slots=True)
class Shown:
    """One bar: exact size in 1/24 micro-point, shown size in micro-points (whole tenths), and what opens in it."""

    cause: str
    key: str
    exact: int
    points: int
    parts: tuple[Shown, ...] = ()


@dataclass(frozen=True, slots=True)
class _Bar:
    cause: str
    key: str
    exact: int
    inside: tuple[tuple[str, str, int], ...]

    @property
    def is_small(self) -> bool:
        return 2 * abs(self.exact) < _STEP


def shown_change(change: Change) -> tuple[Shown, ...]:
    """The bars of a change: data per measure, the other causes, `other` last; the largest first."""
    bars = _bars(change.lines)
    small = [bar for bar in bars if bar.is_small]
    large = sorted((bar for bar in bars if not bar.is_small), key=lambda bar: -abs(bar.exact))
    if small:
        rows = tuple(row for bar in small for row in bar.inside)
        large.append(_Bar(OTHER, "", sum(bar.exact for bar in small), rows))
    whole = rounded((change.after or 0) - (change.before or 0), 1) // TENTH
    tenths = whole_parts([bar.exact for bar in large], whole)
    return tuple(_shown(bar, part) for bar, part in zip(large, tenths, strict=True))


def _bars(lines: Sequence[LineChange]) -> list[_Bar]:
    bars = [
        _Bar(DATA, line.key, line.of(DATA), ((DATA, line.key, line.of(DATA)),))
        for line in lines
        if line.of(DATA)
    ]
    for cause in CAUSES[1:]:
        rows = tuple((cause, line.key, line.of(cause)) for line in lines if line.of(cause))
        if rows:
            bars.append(_Bar(cause, "", sum(exact for *_, exact in rows), rows))
    return bars


def _shown(bar: _Bar, tenths: int) -> Shown:
    rows = sorted(bar.inside, key=lambda row: -abs(row[2]))
    inside = whole_parts([exact for *_, exact in rows], tenths)
    parts = tuple(
        Shown(cause, key, exact, part * TENTH) for (cause, key, exact), part in zip(rows, inside, strict=True)
    )
    return Shown(bar.cause, bar.key, bar.exact, tenths * TENTH, parts)


def whole_parts(parts: Sequence[int], whole: int, step: int = _STEP) -> list[int]:
    """Parts in whole steps by largest remainder, so that they add up to `whole`; equal remainders go to the earlier."""
    floors = [part // step for part in parts]
    rests = [part % step for part in parts]
    for place in sorted(range(len(parts)), key=lambda i: (-rests[i], i))[: whole - sum(floors)]:
        floors[place] += 1
    return floors
