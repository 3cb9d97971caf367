"""What the preview page draws: matrix rows with their ways to customers, histograms, books."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from config.web.charts import Rect
from metrics.queries.card_preview import BINS, Preview

HEIGHT = 64  # px of a histogram
MOST_BOOKS = 30  # owners listed; the rest is counted


def preview_tables(preview: Preview, owners: Mapping[int, str]) -> dict[str, Any]:
    """Matrix, histograms and books as the page shows them."""
    histogram = preview.histogram
    top = max([1, *histogram.before, *histogram.after])
    width = (histogram.high - histogram.low) // BINS
    moving = [book for book in preview.books if book.better or book.worse]
    return {
        "matrix": [_line(preview, place) for place in range(len(preview.rows))],
        "column_sums": [
            _sum([preview.cells[row.key, column.key] for row in preview.rows]) for column in preview.columns
        ],
        "bars_before": _bars(histogram.before, top),
        "bars_after": _bars(histogram.after, top),
        "histogram_rows": [
            [f"{histogram.low + place * width} to {histogram.low + (place + 1) * width}", before, after]
            for place, (before, after) in enumerate(zip(histogram.before, histogram.after, strict=True))
        ],
        "histogram_heads": ["Score", "Now", "Draft"],
        "histogram_height": HEIGHT,
        "books": [(owners.get(book.owner_id, ""), book) for book in moving[:MOST_BOOKS]],
        "more_books": max(0, len(moving) - MOST_BOOKS),
        "quiet_books": len(preview.books) - len(moving),
    }


def _line(preview: Preview, place: int) -> dict[str, Any]:
    row = preview.rows[place]
    cells = [(column, preview.cells[row.key, column.key]) for column in preview.columns]
    return {
        "band": row,
        "cells": [
            {
                "cell": cell,
                "column": column,
                "css": _css(cell.customers, cell.direction),
                "query": urlencode({"from": row.key, "to": column.key}),
            }
            for column, cell in cells
        ],
        "sum": _sum([cell for _, cell in cells]),
    }


def _sum(cells: Sequence[Any]) -> dict[str, Any]:
    return {"customers": sum(cell.customers for cell in cells), "mrr": sum(cell.mrr for cell in cells)}


def _css(customers: int, direction: int) -> str:
    if customers == 0:
        return "zero"
    return "same" if direction == 0 else f"tinted {'good' if direction > 0 else 'risk'}"


def _bars(counts: tuple[int, ...], top: int) -> list[Rect]:
    wide = 100 / BINS
    return [
        Rect(
            f"{place * wide:g}%",
            f"{HEIGHT * (1 - count / top):.1f}",
            f"{wide * 0.84:g}%",
            f"{HEIGHT * count / top:.1f}",
        )
        for place, count in enumerate(counts)
        if count
    ]
