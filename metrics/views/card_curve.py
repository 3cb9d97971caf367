"""The drawing of a curve: its line over today's readings, with the bands of the card behind."""

from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from metrics.formulas.health_cards import Bands
from metrics.formulas.health_curves import Curve, Percentile, Step, Target
from metrics.formulas.health_measures import MeasureVersion
from metrics.formulas.health_numbers import FULL, MICRO
from metrics.queries.reading_spread import BINS, span_of, spread_of
from metrics.views.card_rows import reading_text

HEIGHT, TOP, BOTTOM = 220, 12, 192  # px
LABEL_AT = 212  # px, baseline of the labels under the axis

Knot = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of today's readings."""

    x: str
    width: str
    y: str
    height: str


@dataclass(frozen=True, slots=True)
class Zone:
    """A band of the card behind the curve."""

    tone: str
    y: str
    height: str


@dataclass(frozen=True, slots=True)
class CurvePlot:
    """The drawing and the words that say the same; `known` customers stand in the columns."""

    points: str
    dots: tuple[tuple[str, str], ...]
    columns: tuple[Column, ...]
    zones: tuple[Zone, ...]
    grid: tuple[tuple[str, str], ...]
    labels: tuple[tuple[str, str, str], ...]
    message: str
    known: int
    rows: tuple[tuple[str, str], ...]


def curve_plot(curve: Curve, bands: Bands, measure: MeasureVersion | None) -> CurvePlot:
    """Any of the five curves; a percentile is drawn over ranks, where readings have no place."""
    knots = _knots(curve)
    is_rank = isinstance(curve, Percentile)
    low, high = _range(knots, None if is_rank or measure is None else measure)
    line = _line(curve, knots, low, high)
    spread = None if is_rank or measure is None else spread_of(measure.slot, low, high)
    words = _rank_text if is_rank else (lambda value: reading_text(value, measure))
    title = measure.title if measure else "Curve"
    ends = (
        f"{_points(line[0][1])} points at {words(line[0][0])}, {_points(line[-1][1])} at {words(line[-1][0])}"
    )
    return CurvePlot(
        points=" ".join(f"{_x(at, low, high):.2f},{_y(points):.1f}" for at, points in line),
        dots=tuple((f"{_x(at, low, high):.2f}", f"{_y(points):.1f}") for at, points in knots),
        columns=_columns(spread.counts if spread else ()),
        zones=_zones(bands),
        grid=tuple((f"{_y(at * MICRO):.1f}", str(at)) for at in (0, 25, 50, 75, 100)),
        labels=tuple(
            (anchor, f"{part}%", words(low + (high - low) * part // 100))
            for anchor, part in (("", 0), ("mid", 50), ("end", 100))
        ),
        message=f"{title}: {ends}",
        known=spread.known if spread else 0,
        rows=tuple((words(at), f"{_points(points)}") for at, points in knots),
    )


def _knots(curve: Curve) -> list[Knot]:
    if isinstance(curve, Percentile):
        ends = [(0, 0), (100 * MICRO, FULL)]
        return [(at, FULL - points) for at, points in ends] if curve.low_is_good else ends
    if isinstance(curve, Target):
        return [(curve.a, 0), (curve.b, FULL), (curve.c, FULL), (curve.d, 0)]
    return sorted(curve.edges if isinstance(curve, Step) else curve.knots)


def _range(knots: list[Knot], measure: MeasureVersion | None) -> Knot:
    low, high = (knots[0][0], knots[-1][0]) if knots else (0, MICRO)
    today = span_of(measure.slot) if measure else None
    if today is not None:  # outliers may widen the drawing by its own width, no further
        room = max(high - low, MICRO // 100)
        low, high = max(min(low, today[0]), low - room), min(max(high, today[1]), high + room)
    return (low, high) if low < high else (low, low + MICRO)


def _line(curve: Curve, knots: list[Knot], low: int, high: int) -> list[Knot]:
    if not knots:
        return [(low, 0), (high, 0)]
    if isinstance(curve, Step):
        stairs = [(low, knots[0][1])]
        for (_, before), (at, points) in pairwise([(low, knots[0][1]), *knots]):
            stairs += [(at, before), (at, points)]
        return [*stairs, (high, knots[-1][1])]
    return [(low, knots[0][1]), *knots, (high, knots[-1][1])]


def _columns(counts: tuple[int, ...]) -> tuple[Column, ...]:
    top = max(counts, default=0)
    wide, room = 100 / BINS, (BOTTOM - TOP) * 0.75
    return tuple(
        Column(
            f"{place * wide + 0.4:.2f}%",
            f"{wide - 0.8:.2f}%",
            f"{BOTTOM - room * count / top:.1f}",
            f"{room * count / top:.1f}",
        )
        for place, count in enumerate(counts)
        if count
    )


def _zones(bands: Bands) -> tuple[Zone, ...]:
    tones = {"red": "risk", "amber": "watch", "green": "good", "blue": "iris"}
    ends = [0, *(min(max(edge.at, 0), FULL) for edge in bands.edges), FULL]
    pairs = zip(ends, ends[1:], bands.bands, strict=False)
    return tuple(
        Zone(tones.get(band.tone, "none"), f"{_y(high):.1f}", f"{_y(low) - _y(high):.1f}")
        for low, high, band in pairs
        if high > low
    )


def _x(at: int, low: int, high: int) -> float:
    return min(100.0, max(0.0, 100 * (at - low) / (high - low)))


def _y(points: int) -> float:
    return BOTTOM - (BOTTOM - TOP) * min(max(points, 0), FULL) / FULL


def _points(points: int) -> str:
    return f"{(Decimal(points) / MICRO).normalize() + 0:f}"


def _rank_text(value: int) -> str:
    return f"rank {value // MICRO}\N{NO-BREAK SPACE}%"
