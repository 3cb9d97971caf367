"""Geometry of charts: numbers in, plain data for SVG out. x is in per cent, y in pixels, so text never scales."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import ceil, floor, log10

Number = Decimal | float | int
Label = Callable[[Number], str]

AXIS_GAP = 26  # px below the plot for the x labels
LABEL_SHIFT = 3.5  # px from a grid line to the baseline of its label
GRID_LINES = 5
BAR_SHARE = 0.62  # of a column's width
X_LABELS = 7  # more would touch on a phone
HEAT_STEPS = 7


@dataclass(frozen=True)
class Tick:
    """A grid line or an axis label: `at` is its place, `text_at` where the text stands."""

    at: str
    text: str
    text_at: str = ""
    zero: bool = False


@dataclass(frozen=True)
class Rect:
    x: str
    y: str
    width: str
    height: str
    tone: str = ""


@dataclass(frozen=True)
class Bars:
    """One column of a bar chart: the hit area, its parts, and what is read out on hover; hatched while it runs."""

    x: str
    width: str
    parts: tuple[Rect, ...]
    tip: str
    running: bool = False


@dataclass(frozen=True)
class Mark:
    """A dashed vertical line with a short word, such as a version that came into force."""

    x: str
    text: str


@dataclass(frozen=True)
class Plot:
    """A chart with a y axis: a narrow SVG of labels beside an SVG of full width."""

    height: int
    axis_width: int
    grid: tuple[Tick, ...]
    x_labels: tuple[Tick, ...]
    label: str
    top: str
    bottom: str
    points: str = ""
    area: str = ""
    last: tuple[str, str] = ("", "")
    last_text: str = ""
    last_text_y: str = ""
    dots: tuple[tuple[str, str], ...] = ()
    columns: tuple[Bars, ...] = ()
    zones: tuple[Rect, ...] = ()
    marks: tuple[Mark, ...] = ()
    tone: str = "iris"


@dataclass(frozen=True)
class Spark:
    """A small line without axes."""

    points: str
    area: str
    end: tuple[str, str]
    width: int
    height: int


@dataclass(frozen=True)
class FallRow:
    """One row of a waterfall: `x` and `width` in per cent of the row."""

    label: str
    note: str
    value: str
    tone: str
    x: str
    width: str
    total: bool = False
    join: str = ""


@dataclass(frozen=True)
class HeatCell:
    text: str
    step: str
    title: str = ""


def nice_ticks(low: Number, high: Number, count: int = GRID_LINES) -> list[float]:
    """At most `count` round values from at or below `low` to at or above `high`."""
    low, high = float(low), float(high)
    if high <= low:
        high = low + 1
    raw = (high - low) / max(1, count - 1)
    base = 10 ** floor(log10(raw))
    for factor in (1, 2, 2.5, 5, 10, 20):
        step = base * factor
        first, last = floor(low / step), ceil(high / step)
        if last - first + 1 <= count:
            return [i * step for i in range(first, last + 1)]
    return [low, high]


def line(
    values: Sequence[Number | None],
    labels: Sequence[str],
    *,
    message: str,
    show: Label,
    height: int = 190,
    low: Number = 0,
    high: Number | None = None,
    ticks: Sequence[Number] = (),
    tone: str = "iris",
    fill: bool = True,
    zones: Sequence[tuple[Number, Number, str]] = (),
    marks: Sequence[tuple[int, str]] = (),
) -> Plot:
    """A line over equal steps. A None leaves a gap at its ends and is bridged inside, never drawn as zero.

    `zones` are (from, to, tone) bands behind the line, `marks` are (index, word) for vertical lines.
    """
    known = [float(value) for value in values if value is not None]
    grid = [float(t) for t in ticks] or nice_ticks(
        low, high if high is not None else max([*known, float(low)])
    )
    scale = _Scale(grid, height)
    step = 100 / max(1, len(values))
    places = [(step * (i + 0.5), scale(v)) for i, v in enumerate(values) if v is not None]
    points = _points(places)
    end = places[-1] if places else (0.0, 0.0)
    area = (
        f"{_n(places[0][0])},{_n(scale.floor)} {points} {_n(end[0])},{_n(scale.floor)}"
        if places and fill
        else ""
    )
    return Plot(
        height=height,
        axis_width=_axis_width([show(t) for t in grid]),
        grid=tuple(Tick(_n(scale(t)), show(t), _n(scale(t) + LABEL_SHIFT), zero=t == 0) for t in grid),
        x_labels=_x_labels(labels, step, height),
        label=message,
        top=_n(scale.top),
        bottom=_n(scale.floor),
        points=points,
        area=area,
        last=(_n(end[0]), _n(end[1])) if places else ("", ""),
        last_text=show(known[-1]) if known else "",
        last_text_y=_n(max(10, end[1] - 9)) if places else "",
        zones=tuple(Rect("0", _n(scale(b)), "100%", _n(scale(a) - scale(b)), kind) for a, b, kind in zones),
        marks=tuple(Mark(f"{_n(step * (i + 0.5))}%", word) for i, word in marks),
        tone=tone,
    )


def columns(
    series: Sequence[tuple[str, Sequence[Number]]],
    labels: Sequence[str],
    *,
    message: str,
    show: Label,
    tips: Sequence[str],
    net: Sequence[Number] | None = None,
    height: int = 262,
    running: int | None = None,
) -> Plot:
    """Stacked bars from zero: positive parts up, negative parts down; `net` adds a line with dots.

    `running` is the column of a period that is not over; it is hatched.
    """
    ups = [sum(max(float(v[i]), 0) for _, v in series) for i in range(len(labels))]
    downs = [sum(min(float(v[i]), 0) for _, v in series) for i in range(len(labels))]
    grid = nice_ticks(min([0, *downs]), max([0, *ups]))
    scale = _Scale(grid, height, head=20)
    step = 100 / max(1, len(labels))
    bars = tuple(
        Bars(f"{_n(step * i)}%", f"{_n(step)}%", _stack(series, i, step, scale), tips[i], i == running)
        for i in range(len(labels))
    )
    places = [(step * (i + 0.5), scale(v)) for i, v in enumerate(net or ())]
    return Plot(
        height=height,
        axis_width=_axis_width([show(t) for t in grid]),
        grid=tuple(Tick(_n(scale(t)), show(t), _n(scale(t) + LABEL_SHIFT), zero=t == 0) for t in grid),
        x_labels=_x_labels(labels, step, height),
        label=message,
        top=_n(scale.top),
        bottom=_n(scale.floor),
        points=_points(places),
        dots=tuple((_n(x), _n(y)) for x, y in places),
        columns=bars,
        tone="k-dark",
    )


def spark(
    values: Sequence[Number | None], *, width: int = 84, height: int = 22, span: Number = 0, pad: int = 3
) -> Spark:
    """A sparkline. `span` is the least height of the scale, 24 points for health, so that noise looks like noise."""
    known = [(i, float(v)) for i, v in enumerate(values) if v is not None]
    if not known:
        return Spark("", "", ("", ""), width, height)
    low, high = min(v for _, v in known), max(v for _, v in known)
    room = max(high - low, float(span)) or 1
    middle = (low + high) / 2
    steps = max(1, len(values) - 1)
    places = [
        (pad + i * (width - 2 * pad) / steps, height / 2 - (v - middle) / room * (height - 2 * pad))
        for i, v in known
    ]
    points = _points(places)
    area = f"{_n(places[0][0])},{height} {points} {_n(places[-1][0])},{height}"
    return Spark(points, area, (_n(places[-1][0]), _n(places[-1][1])), width, height)


def fall(
    opening: tuple[str, str, Number],
    parts: Sequence[tuple[str, str, Number, str]],
    closing: tuple[str, str, Number],
    *,
    show: Label,
    show_change: Label,
    start: Number | None = None,
) -> tuple[FallRow, ...]:
    """A waterfall from an opening to a closing value. Each part is (label, note, change, tone).

    Bars start at `start`; the caption must say so when that is not 0. Without it they start at 0, or below the
    lowest step when the steps would be too thin to see.
    """
    levels = [float(opening[2])]
    for part in parts:
        levels.append(levels[-1] + float(part[2]))
    low, high = min([*levels, float(closing[2])]), max([*levels, float(closing[2])])
    base = float(start) if start is not None else fall_start([opening[2], *levels, closing[2]])
    room = (high - min(base, low)) or 1
    base = min(base, low)

    def place(value: float) -> float:
        return (value - base) / room * 96  # the last 4 % keep rounded ends inside

    rows = [
        FallRow(
            *opening[:2],
            show(opening[2]),
            "k-ink",
            "0%",
            f"{_n(place(levels[0]))}%",
            total=True,
            join=_n(place(levels[0])) + "%",
        )
    ]
    for (label, note, change, tone), before, after in zip(parts, levels, levels[1:], strict=False):
        left, wide = place(min(before, after)), abs(place(after) - place(before))
        rows.append(
            FallRow(
                label,
                note,
                show_change(change),
                tone,
                f"{_n(left)}%",
                f"{_n(max(wide, 0.4))}%",
                join=f"{_n(place(after))}%",
            )
        )
    rows.append(
        FallRow(*closing[:2], show(closing[2]), "k-ink", "0%", f"{_n(place(float(closing[2])))}%", total=True)
    )
    return tuple(rows)


def fall_start(levels: Sequence[Number]) -> float:
    """Where the bars of a waterfall begin: 0, or a round value when all levels are far above 0 and close together."""
    low, high = min(float(v) for v in levels), max(float(v) for v in levels)
    if low <= 0 or high - low > low / 2:
        return 0.0
    step = 10 ** floor(log10(max(high - low, 1)))
    return floor((low - (high - low)) / step) * step


def heat(
    values: Sequence[Number | None], *, show: Label, low: Number = 0, high: Number = 1
) -> tuple[HeatCell, ...]:
    """Cells of one row in seven steps between `low` and `high`; None is a cell not reached yet."""
    room = float(high) - float(low) or 1
    cells = []
    for value in values:
        if value is None:
            cells.append(HeatCell("", ""))
            continue
        step = min(HEAT_STEPS - 1, max(0, int((float(value) - float(low)) / room * HEAT_STEPS)))
        cells.append(HeatCell(show(value), f"h{step}"))
    return tuple(cells)


def shares(parts: Sequence[tuple[Number, str]]) -> tuple[Rect, ...]:
    """A bar of 100 % cut into parts of (size, tone); nothing when all are 0."""
    total = sum(float(size) for size, _ in parts)
    rects, x = [], 0.0
    for size, tone in parts:
        if total and size:
            wide = float(size) / total * 100
            rects.append(Rect(f"{_n(x)}%", "0", f"{_n(wide)}%", "100%", tone))
            x += wide
    return tuple(rects)


class _Scale:
    """Values to pixels, between the first and the last grid line."""

    def __init__(self, grid: Sequence[float], height: int, head: int = 16) -> None:
        self.low, self.high = grid[0], grid[-1]
        self.top, self.floor = float(head), float(height - AXIS_GAP + 4)

    def __call__(self, value: Number) -> float:
        room = (self.high - self.low) or 1
        return self.floor - (float(value) - self.low) / room * (self.floor - self.top)


def _stack(
    series: Sequence[tuple[str, Sequence[Number]]], i: int, step: float, scale: _Scale
) -> tuple[Rect, ...]:
    x, wide = step * i + step * (1 - BAR_SHARE) / 2, step * BAR_SHARE
    up = down = 0.0
    rects = []
    for tone, values in series:
        value = float(values[i])
        if not value:
            continue
        base = up if value > 0 else down
        top, bottom = scale(max(base, base + value)), scale(min(base, base + value))
        rects.append(Rect(f"{_n(x)}%", _n(top), f"{_n(wide)}%", _n(max(bottom - top, 0.5)), tone))
        if value > 0:
            up += value
        else:
            down += value
    return tuple(rects)


def _x_labels(labels: Sequence[str], step: float, height: int) -> tuple[Tick, ...]:
    """Every nth label, counted from the last, which is always shown."""
    every = ceil(len(labels) / X_LABELS) or 1
    return tuple(
        Tick(f"{_n(step * (i + 0.5))}%", text, str(height - 5))
        for i, text in enumerate(labels)
        if (len(labels) - 1 - i) % every == 0
    )


def _axis_width(texts: Sequence[str]) -> int:
    return 14 + 7 * max((len(text) for text in texts), default=1)


def _points(places: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{_n(x)},{_n(y)}" for x, y in places)


def _n(value: float) -> str:
    """A short number for an SVG attribute."""
    return f"{value:.2f}".rstrip("0").rstrip(".") or "0"
