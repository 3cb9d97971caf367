"""Rows behind a number, page by page: what the reader may open, what stays hidden, and the sums that make the number."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict

from accounts.choices import Role
from config.web.tables import PAGE_SIZES, Head, Page
from metrics.formulas.periods import Period
from metrics.queries.metric_answers import lead_of
from metrics.queries.row_catalog import receipt_of
from metrics.queries.rows import CUSTOMER, Ask, Receipt, Source, Sums
from metrics.queries.rows_voice import VOICE_ROWS
from metrics.views import formats
from metrics.views.frame import Frame

LONGEST = 5  # digits of a page number
NOBODY: tuple[int, ...] = ()
NO_ROWS = Sums(0, {})
TAB = "rows"


@dataclass(frozen=True)
class Rows:
    """One list of rows with its sums, and the number that all lists together make."""

    source: Source
    tabs: list[dict[str, Any]]
    page: Page
    raw: list[dict[str, Any]]
    sums: Sums
    count: int
    totals: list[str]
    hidden: int
    hidden_totals: list[str]
    made: str
    made_exact: str
    made_of: str
    receipt: Receipt
    is_named: bool


def rows_of(
    frame: Frame, key: str, period: Period, params: QueryDict, user: Any, *, is_whole: bool = False
) -> Rows | None:
    """Rows of a number in a period; None where the product keeps no facts for it.

    Sums are over everything that counts; rows are those of customers in the reader's scope. Viewers read no single
    survey answer. `is_whole` gives all rows on one page.
    """
    receipt = receipt_of(Ask(frame.question([period]), key))
    if receipt is None or not receipt.sources:
        return None
    sums = [source.sums(None) for source in receipt.sources]
    place = _place(params, len(sums))
    source = receipt.sources[place]
    ids = _seen(frame, key, source, user)
    open_sums = sums[place] if ids is None else NO_ROWS if ids == NOBODY else source.sums(ids)
    page, raw = _page(frame, source, ids, open_sums.rows, params, is_whole=is_whole)
    result = receipt.made(sums)
    hidden = sums[place].rows - open_sums.rows
    return Rows(
        source=source,
        tabs=_tabs(receipt, params, place),
        page=page,
        raw=raw,
        sums=sums[place],
        count=sums[place].rows,
        totals=_totals(source, sums[place].of, frame.currency),
        hidden=hidden,
        hidden_totals=_totals(source, _rest(source, sums[place], open_sums), frame.currency)
        if hidden
        else [],
        made=formats.shown(key, result.value, frame.currency)
        if result.value is not None
        else f"n/a: {formats.why(result)}",
        made_exact=formats.exact(result.value),
        made_of=_made_of(receipt, result),
        receipt=receipt,
        is_named=source.has_customers,
    )


def _seen(frame: Frame, key: str, source: Source, user: Any) -> list[int] | tuple[int, ...] | None:
    """Customers whose rows the reader may open; None means all rows."""
    if lead_of(key) in VOICE_ROWS and user.role == Role.VIEWER:
        return NOBODY
    if frame.sight.sees_all:
        return None
    if source.has_customers:
        return list(frame.sight.customers.values_list("pk", flat=True))
    return NOBODY if source.is_company_only else None


def _place(params: QueryDict, count: int) -> int:
    text = params.get(TAB, "")
    return int(text) if text in {str(number) for number in range(count)} else 0


def _page(
    frame: Frame, source: Source, ids: Any, total: int, params: QueryDict, *, is_whole: bool
) -> tuple[Page, list[dict[str, Any]]]:
    keys = {CUSTOMER, *(column.key for column in source.columns)} - (
        set() if source.has_customers else {CUSTOMER}
    )
    sort = params.get("sort", "")
    sort = sort if sort.lstrip("-") in keys and not sort.startswith("--") else source.sort
    size = int(params["size"]) if params.get("size") in {str(each) for each in PAGE_SIZES} else PAGE_SIZES[0]
    asked = params.get("page", "1")
    number = int(asked) if asked.isascii() and asked.isdigit() and len(asked) <= LONGEST else 1
    number = min(max(number, 1), max(1, -(-total // size)))
    limit, offset = (None, 0) if is_whole else (size, (number - 1) * size)
    found = [] if ids == NOBODY else source.page(ids=ids, sort=sort, limit=limit, offset=offset)
    rows = [
        {
            "customer_id": row["customer_id"],
            "customer": row[CUSTOMER],
            "cells": [
                {
                    "text": formats.cell(column.unit, row[column.key], frame.currency),
                    "exact": formats.exact(row[column.key]) if column.unit == "money" else "",
                    "css": _css(column.unit),
                }
                for column in source.columns
            ],
        }
        for row in found
    ]
    rest = QueryDict(mutable=True)
    for name, values in params.lists():
        if name not in {"page", "sort"}:
            rest.setlist(name, values)
    kept = f"{rest.urlencode()}&sort={sort}" if "sort" in params else rest.urlencode()
    return Page(rows, number, size, total, kept, _heads(source, rest.urlencode(), sort)), found


def _css(unit: str) -> str:
    return "nw" if unit in {"day", "moment"} else "" if unit == "text" else "num"


def _heads(source: Source, rest: str, sort: str) -> tuple[Head, ...]:
    columns = [(column.key, column.label, _css(column.unit)) for column in source.columns]
    if source.has_customers:
        columns.insert(0, (CUSTOMER, "Customer", ""))
    heads = []
    for key, label, css in columns:
        now = "" if sort.lstrip("-") != key else "descending" if sort.startswith("-") else "ascending"
        turned = f"-{key}" if now == "ascending" or (not now and css) else key
        heads.append(Head(label, css, f"?{rest}&sort={turned}" if rest else f"?sort={turned}", now))
    return tuple(heads)


def _totals(source: Source, of: Mapping[str, Any], currency: str) -> list[str]:
    """The last line: the sum of each column that has one."""
    return [
        _sum(column.unit, of.get(column.key, 0), currency) if column.is_summed else ""
        for column in source.columns
    ]


def _sum(unit: str, value: Any, currency: str) -> str:
    return formats.cell("money" if unit == "money" else "count", value or 0, currency)


def _rest(source: Source, whole: Sums, seen: Sums) -> dict[str, Any]:
    return {column.key: whole[column.key] - seen[column.key] for column in source.columns if column.is_summed}


def _made_of(receipt: Receipt, result: Any) -> str:
    if result.numerator is None or result.denominator is None:
        return receipt.top
    return f"{receipt.top} {formats.short(result.numerator)} / {receipt.bottom} {formats.short(result.denominator)}"


def _tabs(receipt: Receipt, params: QueryDict, place: int) -> list[dict[str, Any]]:
    """One tab per list, where a number is made of several."""
    if len(receipt.sources) == 1:
        return []
    tabs = []
    for number, source in enumerate(receipt.sources):
        rest = QueryDict(mutable=True)
        for name, values in params.lists():
            if name not in {"page", "sort", TAB}:
                rest.setlist(name, values)
        rest[TAB] = str(number)
        tabs.append({"words": source.title, "query": rest.urlencode(), "current": number == place})
    return tabs
