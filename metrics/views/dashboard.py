"""The metrics dashboard and the export of its bridge."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.permissions import may
from accounts.queries.organisation import zone
from config.web.access import declare
from config.web.money import money
from config.web.sheets import csv_response
from metrics.forms.dashboard import standing_span
from metrics.queries.answers import CES, CSAT, ces_of, csat_of, nps_at, tallies_in
from metrics.queries.figures import MOVES, ChurnKind, all_churn, churn_by
from metrics.queries.freshness import freshness, is_other_basis
from metrics.queries.receipts import ledger_edges
from metrics.queries.usage_windows import stickiness
from metrics.views import drawings
from metrics.views.frame import Frame, frame_of
from metrics.views.overview import panels
from metrics.views.reported import SHOWN_KEYS, reported_rows
from metrics.views.tiles import (
    REVENUE_TILES,
    Strip,
    Tile,
    movements_href,
    revenue_tile,
    stickiness_tile,
    survey_tile,
)
from metrics.views.wording import CHURN_WORDS, period_word

BRIDGE_HEADER = (
    "period",
    "open_day",
    "close_day",
    "currency",
    "opening",
    *MOVES,
    "closing",
    "gap",
    "incomplete",
)
REASONS_SHOWN = 5


@require_safe
@declare(access="login", scope="customer")
def dashboard(request: HttpRequest) -> HttpResponse:
    """Tiles, movements, a bridge that closes in every period, retention and churn by kind."""
    frame = frame_of(request)
    with frame.reading():
        return render(request, "metrics/dashboard.html", _context(frame, request.user))


def _context(frame: Frame, user: Any) -> dict[str, Any]:
    edges = ledger_edges()
    context: dict[str, Any] = {
        **frame.context(),
        "ledger": edges,
        "freshness": freshness(),
        "other_basis": is_other_basis(),
        "can_export": may(user, "export"),
    }
    figures = frame.figures()
    strip = frame.strip(figures)
    context |= {
        "figures": figures,
        "headline": {"word": period_word(strip.headline.period), "incomplete": strip.headline.incomplete},
        **drawings.movements_chart(strip),
        **drawings.bridge_fall(strip),
        **drawings.bridge_rows(strip),
        **drawings.retention_rows(strip),
    }
    if edges:
        context |= {
            "strips": _strips(frame, strip),
            "sections": panels(frame),
            "reported": reported_rows(frame, SHOWN_KEYS, user, only_changed=True),
            **_churn(frame),
        }
        if all(f.is_empty for f in figures):
            context["outside"] = standing_span(edges[1], whose=frame.span.whose).query()
    return context


@require_safe
@declare(access="login", scope="customer", grant="export")
def bridge_export(request: HttpRequest) -> StreamingHttpResponse:
    """The bridge as CSV with every stored digit: closing of one row is the opening of the next."""
    frame = frame_of(request)
    with frame.reading():
        figures = frame.figures()
    name = f"mrr-bridge-{frame.span.first:%Y-%m}-{frame.span.last:%Y-%m}.csv"
    return csv_response(name, BRIDGE_HEADER, _lines(figures, frame.currency))


def _lines(figures: list[Any], currency: str) -> Iterator[list[Any]]:
    for f in figures:
        moves = [getattr(f, kind) for kind in MOVES]
        days = [f.period.opening_day, f.period.last_day]
        yield [period_word(f.period), *days, currency, f.opening, *moves, f.closing, f.gap, f.incomplete]


def _strips(frame: Frame, strip: Strip) -> list[list[Tile]]:
    """Two strips of tiles: revenue, then quick ratio, surveys and usage."""
    period, book = strip.headline.period, frame.ids
    day = min(period.last_day, frame.as_of)
    definition = frame.definition
    scope: dict[str, Any] = {"zone": zone(), "customers": book, "definition": definition}
    (csat,) = tallies_in([period], CSAT, **scope, known_at=frame.known_at)
    (ces,) = tallies_in([period], CES, **scope, known_at=frame.known_at)
    words, state = f"Sent in {period_word(period)}.", drawings.one_period(strip, strip.headline)
    answers = f"Answers of {definition.nps_window_days} days to {day:%-d %b %Y}."
    surveys = (
        ("nps", nps_at(day, **scope, known_at=frame.known_at), answers),
        ("csat", csat_of(csat, definition), words),
        ("ces", ces_of(ces, definition), words),
    )
    return [
        [revenue_tile(key, strip) for key in REVENUE_TILES],
        [
            revenue_tile("quick_ratio", strip),
            *(survey_tile(key, found, basis=basis, state=state) for key, found, basis in surveys),
            stickiness_tile(
                stickiness(day, customers=book, mode=definition.stickiness_mode),
                basis=f"30 days to {day:%-d %b %Y}, people with known events.",
                state=state,
            ),
        ],
    ]


def _churn(frame: Frame) -> dict[str, Any]:
    """Churn of the whole span by kind, and what customers said."""
    kinds = churn_by("churn_kind", frame.whole, customers=frame.ids)
    said = [kind for kind in churn_by("stated_reason", frame.whole, customers=frame.ids) if kind.key]
    href = movements_href(frame.span.query(), "churn")
    rows = [
        _churn_row(kind, CHURN_WORDS.get(kind.key, kind.key), frame.currency, f"{href}&why={kind.key}")
        for kind in kinds
    ]
    return {
        "churn_kinds": rows,
        "churn_total": _churn_row(all_churn(kinds), "", frame.currency, href),
        "churn_reasons": [
            _churn_row(kind, kind.key, frame.currency, f"{href}&{urlencode({'said': kind.key})}")
            for kind in said[:REASONS_SHOWN]
        ],
    }


def _churn_row(kind: ChurnKind, words: str, currency: str, href: str) -> dict[str, Any]:
    exact = f"{currency} {drawings.digits(kind.amount)}"
    text = money(kind.amount, currency)
    return {"words": words, "times": kind.times, "text": text, "exact": exact, "href": href}
