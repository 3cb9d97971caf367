"""Filters of scores and answers as they stand in a URL. What cannot be read is left out, never an error page."""

from dataclasses import replace
from typing import Any

from django.http import QueryDict

from accounts.models import Organisation
from surveys.formulas.scales import NEGATIVE, NEUTRAL, POSITIVE
from surveys.queries.slices import ANSWERED, SENT, Series, Slice, Span, month_span

BUCKETS = (NEGATIVE, NEUTRAL, POSITIVE)
LONGEST = 100
ID_DIGITS = 18


def text_of(params: QueryDict, name: str) -> str:
    """A parameter as plain text that can be compared in the database."""
    return params.get(name, "").replace("\x00", "")[:LONGEST]


def id_of(params: QueryDict, name: str) -> int | None:
    """A parameter that is an id, or None."""
    text = params.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= ID_DIGITS else None


def slice_of(params: QueryDict, **fixed: Any) -> Slice:
    """The filters of a URL; `fixed` are those that the page itself decides."""
    bucket = params.get("bucket", "")
    found = Slice(
        segment=text_of(params, "segment"),
        phase=text_of(params, "phase"),
        owner=id_of(params, "owner"),
        language=text_of(params, "language"),
        bucket=bucket if bucket in BUCKETS else "",
        topic=id_of(params, "topic"),
        basis=ANSWERED if params.get("basis") == ANSWERED else SENT,
    )
    return replace(found, **fixed)


def series_of(params: QueryDict, held: list[Series], usual: Series | None) -> Series | None:
    """The series a URL names, else the usual one."""
    return next((one for one in held if one.key == params.get("series")), usual)


def span_of(params: QueryDict, listed: list[Span], series: Series, home: Organisation) -> Span:
    """The period a URL names. Without one: the rolling window if it holds the last answer, else all time."""
    wanted = params.get("span", "")
    named = next((span for span in listed if span.key == wanted), None) or month_span(wanted, home)
    if named is not None:
        return named
    rolling = next(span for span in listed if span.is_rolling)
    if rolling.start is not None and series.last_at >= rolling.start:
        return rolling
    return next(span for span in listed if span.key == "all")
