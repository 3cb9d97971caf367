"""Rows of the scorecard pages: weights with their shares, and bands."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.forms import BoundField

from config.web.templatetags.ui import tone_of
from metrics.formulas.health_cards import INSUFFICIENT, Bands, WeightedCard
from metrics.formulas.health_measures import MeasureVersion
from metrics.formulas.health_numbers import MICRO, WEIGHT_UNIT
from metrics.queries.card_preview import NO_BAND


@dataclass(frozen=True, slots=True)
class WeightRow:
    """A group or a measure with its weight; shares are of the whole card."""

    title: str
    about: str
    is_group: bool
    weight: Decimal
    share: Decimal
    field: BoundField | None
    base_weight: Decimal | None
    measure: MeasureVersion | None = None
    curve: str = ""
    shape: tuple[Decimal, ...] = ()
    missing: str = ""
    freshness: str = ""
    coverage: Decimal | None = None

    @property
    def change(self) -> Decimal:
        """Weight gained or lost against the version in force."""
        return Decimal(0) if self.base_weight is None else self.weight - self.base_weight

    @property
    def change_size(self) -> Decimal:
        """The change without its sign."""
        return abs(self.change)


@dataclass(frozen=True, slots=True)
class BandRow:
    """A band with its range in words and who is in it."""

    label: str
    tone: str
    range: str
    customers: int
    mrr: Decimal


def bands_table(bands: Bands, counted: dict[str, tuple[int, Decimal]]) -> list[BandRow]:
    """Best band first, those without a score last."""
    rows = [
        BandRow(band.label, band.tone, _range(bands, place), *counted.get(band.key, (0, Decimal(0))))
        for place, band in enumerate(bands.bands)
    ]
    none = BandRow(
        NO_BAND.label, NO_BAND.tone, "too little data", *counted.get(INSUFFICIENT, (0, Decimal(0)))
    )
    return [*reversed(rows), none]


def bands_summary(rows: list[BandRow]) -> dict[str, Any]:
    """The rows with their sums and the bar above them, worst band last."""
    customers = sum(row.customers for row in rows)
    return {
        "bands": rows,
        "sums": {"customers": customers, "mrr": sum((row.mrr for row in rows), Decimal(0))},
        "mix": [(row.customers, tone_of(row.tone)) for row in rows],
        "mix_label": ", ".join(f"{row.label} {row.customers}" for row in rows),
    }


def least_share(card: WeightedCard) -> Decimal:
    """Share of the weight below which there is no score."""
    return Decimal(card.min_coverage) / WEIGHT_UNIT


def _range(bands: Bands, place: int) -> str:
    words = []
    if place:
        edge = bands.edges[place - 1]
        words.append(f"{'from' if edge.side == 'upper' else 'above'} {_points(edge.at)}")
    if place < len(bands.edges):
        edge = bands.edges[place]
        words.append(f"{'below' if edge.side == 'upper' else 'up to'} {_points(edge.at)}")
    return " to ".join(words).replace("to up to", "up to")


def _points(at: int) -> Decimal:
    return (Decimal(at) / MICRO).normalize() + 0
