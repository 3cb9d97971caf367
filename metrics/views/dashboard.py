"""The metrics dashboard and the export of its bridge."""

from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.permissions import may
from accounts.queries.organisation import zone
from config.web.access import declare
from config.web.money import money
from config.web.sheets import csv_response
from metrics.forms.dashboard import standing_span
from metrics.queries.answers import ces_in, csat_in, nps_at
from metrics.queries.figures import MOVES, ChurnKind, all_churn, churn_by, figures_for
from metrics.queries.freshness import freshness, is_other_basis
from metrics.queries.receipts import ledger_edges
from metrics.queries.usage_windows import stickiness
from metrics.views import drawings
from metrics.views.frame import Frame, frame_of
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
    edges = ledger_edges()
    context: dict[str, Any] = {
        **frame.context(),
        "ledger": edges,
        "freshness": freshness(),
        "other_basis": is_other_basis(),
        "can_export": may(request.user, "export"),
    }
    figures = figures_for(frame.span.periods, as_of=frame.today, customers=frame.ids)
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
        context |= {"strips": _strips(frame, strip), **_churn(frame)}
        if all(f.is_empty for f in figures):
            context["outside"] = standing_span(edges[1], whose=frame.span.whose).query()
    return render(request, "metrics/dashboard.html", context)


@require_safe
@declare(access="login", scope="customer", grant="export")
def bridge_export(request: HttpRequest) -> StreamingHttpResponse:
    """The bridge as CSV with every stored digit: closing of one row is the opening of the next."""
    frame = frame_of(request)
    figures = figures_for(frame.span.periods, as_of=frame.today, customers=frame.ids)
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
    day = min(period.last_day, frame.today)
    local = zone()
    surveys = (
        ("nps", nps_at(day, zone=local, customers=book), f"Answers of 90 days to {day:%-d %b %Y}."),
        ("csat", csat_in(period, zone=local, customers=book), f"Sent in {period_word(period)}."),
        ("ces", ces_in(period, zone=local, customers=book), f"Sent in {period_word(period)}."),
    )
    return [
        [revenue_tile(key, strip) for key in REVENUE_TILES],
        [
            revenue_tile("quick_ratio", strip),
            *(survey_tile(key, answers, basis=basis) for key, answers, basis in surveys),
            stickiness_tile(
                stickiness(day, customers=book),
                basis=f"30 days to {day:%-d %b %Y}, people with known events.",
            ),
        ],
    ]


def _churn(frame: Frame) -> dict[str, Any]:
    """Churn of the whole span by kind, and what customers said."""
    kinds = churn_by("churn_kind", frame.whole, customers=frame.ids)
    said = [kind for kind in churn_by("stated_reason", frame.whole, customers=frame.ids) if kind.key]
    rows = [_churn_row(kind, CHURN_WORDS.get(kind.key, kind.key), frame.currency) for kind in kinds]
    everything = _churn_row(all_churn(kinds), "", frame.currency)
    return {
        "churn_kinds": rows,
        "churn_total": {**everything, "href": movements_href(frame.span.query(), "churn")},
        "churn_reasons": [_churn_row(kind, kind.key, frame.currency) for kind in said[:REASONS_SHOWN]],
    }


def _churn_row(kind: ChurnKind, words: str, currency: str) -> dict[str, Any]:
    exact = f"{currency} {drawings.digits(kind.amount)}"
    return {"words": words, "times": kind.times, "text": money(kind.amount, currency), "exact": exact}
