"""Downloads of the metric pages: rows and series as CSV or XLSX, with every stored digit."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.http import Http404, HttpRequest, HttpResponseBase
from django.views.decorators.http import require_safe

from config.web.access import declare
from config.web.sheets import csv_response, xlsx_response
from metrics.catalog import METRICS
from metrics.queries.metric_answers import keys_of
from metrics.queries.rows import CUSTOMER
from metrics.views.frame import frame_of
from metrics.views.metric import rows_for_export, series_for_export
from metrics.views.wording import period_word

KINDS = {"csv": csv_response, "xlsx": xlsx_response}


@require_safe
@declare(access="login", scope="customer", grant="export")
def metric_rows_export(request: HttpRequest, key: str, kind: str) -> HttpResponseBase:
    """The rows behind a number that the reader may open, with their sums; what is hidden is one line."""
    _refuse(key, kind)
    frame = frame_of(request)
    with frame.reading():
        rows = rows_for_export(frame, request, key)
    if rows is None:
        raise Http404
    columns = rows.source.columns
    names = [CUSTOMER] if rows.is_named else []
    lines = [[*(row[name] for name in names), *(row[column.key] for column in columns)] for row in rows.raw]
    last = [rows.sums[column.key] if column.is_summed else None for column in columns]
    lines.append([*("sum of all rows" for _ in names), *last])
    if rows.hidden:
        lines.append([f"{rows.hidden} rows are outside your scope; the sum holds them"])
    header = [*names, *(column.key for column in columns)]
    return _answer(kind, f"{key}-rows-{frame.span.first:%Y-%m}-{frame.span.last:%Y-%m}", header, lines)


@require_safe
@declare(access="login", scope="customer", grant="export")
def metric_series_export(request: HttpRequest, key: str, kind: str) -> HttpResponseBase:
    """The metric and what is given with it, one row per period."""
    _refuse(key, kind)
    frame = frame_of(request)
    with frame.reading():
        strip, values = series_for_export(frame, key)
    names = keys_of(key)
    clocks = [frame.span.as_of, frame.span.known, frame.span.shown]
    lines = [
        [
            period_word(f.period),
            f.period.start,
            f.close_on,
            f.incomplete,
            *clocks,
            *(cell for name in names for cell in _result(values[f.period].get(name))),
        ]
        for f in strip.figures
        if f.period in values
    ]
    parts = [f"{name}{tail}" for name in names for tail in ("", "_numerator", "_denominator", "_reason")]
    header = ["period", "start", "close_day", "incomplete", "as_of", "known", "shown", *parts]
    return _answer(kind, f"{key}-{frame.span.first:%Y-%m}-{frame.span.last:%Y-%m}", header, lines)


def _refuse(key: str, kind: str) -> None:
    if key not in METRICS or kind not in KINDS:
        raise Http404


def _result(result: Any) -> list[Any]:
    if result is None:
        return [None] * 4
    return [result.value, result.numerator, result.denominator, result.reason]


def _answer(kind: str, name: str, header: Sequence[str], lines: Iterable[Sequence[Any]]) -> HttpResponseBase:
    return KINDS[kind](f"{name}.{kind}", header, lines)
