"""Metrics that are tables: movements between plans, transfers, results per book, churn by kind."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from accounts.models import User
from accounts.queries.scope import book_owner_ids
from metrics.formulas.result import Result
from metrics.queries.csm_work import book_results
from metrics.queries.figures import churn_by
from metrics.queries.segments import segment_spans
from metrics.queries.spans import MOVED
from metrics.views import formats
from metrics.views.frame import Frame
from metrics.views.tiles import Strip, movements_href
from metrics.views.wording import CHURN_WORDS, KIND_WORDS

TRANSFERS = {"transfer_in": "Transferred in", "transfer_out": "Transferred out"}
BOOK_KEYS = ("mrr", "nrr", "grr", "logo_churn_rate")
Table = dict[str, Any]


def table_of(key: str, frame: Frame, strip: Strip, user: Any) -> Table | None:
    """Heads and rows of the table that a metric is, or None."""
    make = _TABLES.get(key)
    return make(frame, strip, user) if make else None


def _plans(frame: Frame, strip: Strip, _user: Any) -> Table:
    """Per plan: opening, movements, transfers, closing; transfers sum to zero."""
    period = strip.headline.period
    found = segment_spans(
        "plan",
        [period],
        as_of=frame.as_of,
        customers=frame.ids,
        definition=frame.definition,
        known_at=frame.known_at,
    )
    words = {**KIND_WORDS, **TRANSFERS}
    names = ("opening", *MOVED, "fx", "closing")
    rows = [
        [name, *(_money(frame, getattr(span, part)) for part in names)]
        for name, (span,) in sorted(found.items())
    ]
    sums = [sum(getattr(span, part) for (span,) in found.values()) for part in names]
    heads = ["Plan", "Opening", *(words[name] for name in (*MOVED, "fx")), "Closing"]
    return _table("By plan", heads, [*rows, ["All", *(_money(frame, value) for value in sums)]])


def _books(frame: Frame, strip: Strip, user: Any) -> Table:
    """Per CSM the customers held when the period began; other people's books only for those who see them."""
    (books,) = book_results(frame.question([strip.headline.period]))
    seen = None if frame.sight.sees_all else book_owner_ids(user)
    mine = [book for book in books if seen is None or book.owner in seen]
    names = dict(User.objects.filter(pk__in=[book.owner for book in mine]).values_list("pk", "name"))
    rows = [
        [
            names.get(book.owner, ""),
            str(book.customers),
            *(_value(frame, key, book.values[key]) for key in BOOK_KEYS),
        ]
        for book in mine
    ]
    heads = ["CSM", "Customers", *(formats.title_of(key) for key in BOOK_KEYS)]
    return _table("Books as they were held when the period began", heads, sorted(rows))


def _churn(frame: Frame, strip: Strip, _user: Any) -> Table:
    """Churn by kind, with the way to its movements."""
    period = strip.headline.period
    kinds = churn_by("churn_kind", period, customers=frame.ids)
    state = frame.span.query(
        first=strip.headline.period.start, last=strip.headline.period.last_day.replace(day=1)
    )
    rows = [
        [CHURN_WORDS.get(kind.key, kind.key).capitalize(), str(kind.times), _money(frame, kind.amount)]
        for kind in kinds
    ]
    hrefs = [f"{movements_href(state, 'churn')}&why={kind.key}" for kind in kinds]
    return _table("By kind", ["Kind", "Times", "MRR"], rows, hrefs)


def _table(
    title: str, heads: Sequence[str], rows: Sequence[Sequence[str]], hrefs: Sequence[str] = ()
) -> Table:
    linked = list(hrefs) or [""] * len(rows)
    return {
        "title": title,
        "heads": list(heads),
        "rows": [{"cells": row, "href": href} for row, href in zip(rows, linked, strict=True)],
    }


def _money(frame: Frame, value: Any) -> str:
    return formats.cell("money", value, frame.currency)


def _value(frame: Frame, key: str, result: Result) -> str:
    return formats.shown(key, result.value, frame.currency) if result.value is not None else "n/a"


_TABLES: Mapping[str, Callable[[Frame, Strip, Any], Table]] = {
    "plan_movements": _plans,
    "transfers": _plans,
    "book_results": _books,
    "churn_by_kind": _churn,
}
