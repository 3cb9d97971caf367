"""Rows of the scorecard pages: weights with their shares, bands, checks, and the effect of a draft."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from django.forms import BoundField

from config.web.charts import Rect
from config.web.templatetags.ui import tone_of
from metrics.forms.scorecards import GROUP, MEASURE, WeightsForm, plain_weight
from metrics.formulas.health_cards import (
    INSUFFICIENT,
    Bands,
    Card,
    CardMeasure,
    Group,
    WeightedCard,
    card_problems,
)
from metrics.formulas.health_checks import card_warnings
from metrics.formulas.health_measures import MeasureVersion, measure_of
from metrics.formulas.health_numbers import MICRO, WEIGHT_UNIT
from metrics.queries.card_preview import BINS, NO_BAND, Mover, Preview, reading_shares
from metrics.queries.scores import title_of
from metrics.views.health_words import POLICY_WORDS, curve_shape, curve_words

HISTOGRAM_HEIGHT = 90  # px


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


def weights_table(
    card: WeightedCard, *, form: WeightsForm | None = None, base: WeightedCard | None = None
) -> list[WeightRow]:
    """Groups, each followed by its measures, with shares normalised to the whole card."""
    shares, rows = iter(card.base_shares), []
    coverage = reading_shares()
    before = _weights_by_key(base)
    for group in card.groups:
        inside = [Fraction(next(shares), card.base_total or 1) for _ in group.measures]
        rows.append(_group_row(group, sum(inside, Fraction(0)), form, before))
        rows += [
            _measure_row(measure, share, form, before, coverage)
            for measure, share in zip(group.measures, inside, strict=True)
        ]
    return rows


def _weights_by_key(card: WeightedCard | None) -> dict[str, int]:
    if card is None:
        return {}
    return {f"{GROUP}{group.key}": group.weight for group in card.groups} | {
        f"{MEASURE}{measure.key}": measure.weight for measure in card.measures
    }


def _group_row(group: Group, share: Fraction, form: WeightsForm | None, before: dict[str, int]) -> WeightRow:
    name = f"{GROUP}{group.key}"
    return WeightRow(
        title=group.title,
        about={"mean": "", "min": "weakest link", "max": "best of"}[group.rule],
        is_group=True,
        weight=plain_weight(group.weight),
        share=_decimal(share),
        field=form[name] if form else None,
        base_weight=plain_weight(before[name]) if name in before else None,
    )


def _measure_row(
    measure: CardMeasure,
    share: Fraction,
    form: WeightsForm | None,
    before: dict[str, int],
    coverage: dict[str, Decimal],
) -> WeightRow:
    name, declared = f"{MEASURE}{measure.key}", measure_of(measure.key, measure.version)
    return WeightRow(
        title=declared.title,
        about=declared.about,
        is_group=False,
        weight=plain_weight(measure.weight),
        share=_decimal(share),
        field=form[name] if form else None,
        base_weight=plain_weight(before[name]) if name in before else None,
        measure=declared,
        curve=curve_words(measure.curve, declared),
        shape=tuple(curve_shape(measure.curve)),
        missing=POLICY_WORDS[measure.missing],
        freshness=_freshness(measure),
        coverage=coverage[measure.key],
    )


def _freshness(measure: CardMeasure) -> str:
    if measure.fresh_for is None:
        return ""
    return f"fresh for {measure.fresh_for} days, missing after {measure.expires_after}"


def _decimal(share: Fraction) -> Decimal:
    return Decimal(share.numerator) / share.denominator


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


def checks(card: Card) -> dict[str, Any]:
    """What stops publishing, what to look at, and what is fine."""
    problems, warnings = card_problems(card), card_warnings(card)
    fine = () if problems else ("Bands have no gap and no overlap", "Some weight counts in every group")
    return {"problems": problems, "warnings": warnings, "fine": fine}


def preview_tables(preview: Preview) -> dict[str, Any]:
    """Matrix rows, movers and histograms as the page draws them."""
    matrix = [
        {"band": row, "cells": [preview.cells[row.key, column.key] for column in preview.columns]}
        for row in preview.rows
    ]
    for line in matrix:
        line["cells"] = [
            {"cell": cell, "css": _cell_css(cell.customers, cell.direction)} for cell in line["cells"]
        ]
    top = max([1, *preview.histogram_before, *preview.histogram_after])
    return {
        "matrix": matrix,
        "movers": [_mover(mover) for mover in preview.movers],
        "bars_before": _bars(preview.histogram_before, top),
        "bars_after": _bars(preview.histogram_after, top),
        "histogram_rows": [
            [f"{place * 100 // BINS} to {(place + 1) * 100 // BINS}", before, after]
            for place, (before, after) in enumerate(
                zip(preview.histogram_before, preview.histogram_after, strict=True)
            )
        ],
        "histogram_heads": ["Score", "Now", "Draft"],
        "histogram_height": HISTOGRAM_HEIGHT,
    }


def _cell_css(customers: int, direction: int) -> str:
    if customers == 0:
        return "zero"
    return "same" if direction == 0 else f"tinted {'good' if direction > 0 else 'risk'}"


def _mover(mover: Mover) -> dict[str, Any]:
    return {"mover": mover, "cause": title_of(mover.line) if mover.line else "", "change": mover.line_change}


def _bars(counts: tuple[int, ...], top: int) -> list[Rect]:
    wide = 100 / BINS
    return [
        Rect(f"{place * wide:g}%", f"{HISTOGRAM_HEIGHT * (1 - count / top):.1f}", f"{wide * 0.84:g}%",
             f"{HISTOGRAM_HEIGHT * count / top:.1f}")
        for place, count in enumerate(counts)
        if count
    ]  # fmt: skip
