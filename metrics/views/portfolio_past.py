"""The portfolio and a customer as of a past day, as known then or as known now: to be read only."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.choices import Role
from accounts.queries.organisation import local_day
from config.web.access import declare
from config.web.htmx import page_or_part
from config.web.sheets import csv_response
from config.web.tables import PAGE_SIZES, Head, Page
from customers.queries.access import customer_for
from metrics.services import past_lists
from metrics.services.past_lists import RANK, PastRow, When
from metrics.views.past import Past, past_of

SIZE = PAGE_SIZES[0]
PAGE_DIGITS, LONGEST_TEXT = 5, 100
TONE_WORDS = {"good": "Healthy", "watch": "Watch", "risk": "At risk", "none": "Not enough data"}
VIEWS = {"book": "My book that day", "everyone": "Everyone in my scope"}
COLUMNS = (
    ("customer", "Customer", ""),
    ("health", "Health", ""),
    ("coverage", "Coverage", "p2"),
    ("mrr", "MRR", "num"),
    ("renewal", "Renewal", ""),
    ("phase", "Phase", "p2"),
    ("tier", "Tier", "p2"),
    ("owner", "CSM", "p1"),
)
EXPORT_HEADER = (
    "As of", "Known", "Customer", "Industry", "Segment", "Tier", "Phase", "CSM", "Score", "Computed score", "Override until",
    "Band", "Held", "Card", "Coverage", "MRR", "Currency", "Renewal",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Chosen:
    """View, bands, text and order of the URL."""

    view: str
    tones: tuple[str, ...]
    text: str
    sort: str

    def query(self, past: Past, **changed: Any) -> str:
        """The shortest address of the same list."""
        values = {"as_of": past.day.isoformat(), "known": past.known, "view": self.view, "band": self.tones}
        values |= {"q": self.text, "sort": self.sort} | changed
        return urlencode({key: value for key, value in values.items() if value}, doseq=True)


@require_safe
@declare(access="login", scope="customer")
def portfolio_as_of(request: HttpRequest) -> HttpResponse:
    """The list of a past day. Today's date leads to the portfolio of today."""
    now = timezone.now()
    today = local_day(now, request.organisation)  # type: ignore[attr-defined] - third-party-type
    past, problem = past_of(request, today=today)
    if past is None and not problem:
        return redirect("customers:portfolio")
    context: dict[str, Any] = {"past": past, "past_problem": problem, "today": today, "now": now}
    if past is not None:
        context |= _list_context(request, past, When(past.day, past.end, now, past.is_then))
    return page_or_part(request, "metrics/portfolio_as_of.html", context=context)


@require_safe
@declare(access="login", scope="customer", grant="export")
def portfolio_as_of_export(request: HttpRequest) -> HttpResponseBase:
    """The same customers in the same order as CSV."""
    now = timezone.now()
    today = local_day(now, request.organisation)  # type: ignore[attr-defined] - third-party-type
    past, problem = past_of(request, today=today)
    if past is None:
        address = f"?{urlencode({'as_of': request.GET.get('as_of', '')})}" if problem else ""
        return redirect(f"{reverse('metrics:portfolio_as_of')}{address}")
    when = When(past.day, past.end, now, past.is_then)
    chosen = _chosen(request)
    found = past_lists.past_portfolio(request.user, when, only_book=chosen.view == "book")
    rows = found.rows if found.is_scored else past_lists.with_scores([row.stood for row in found.rows], when)
    shown = _ordered(_within(rows, chosen), chosen.sort)
    currency = request.organisation.currency  # type: ignore[attr-defined] - third-party-type
    return csv_response(f"portfolio-{past.day}.csv", EXPORT_HEADER, _export(shown, past, currency))


@require_safe
@declare(access="login", scope="customer")
def customer_as_of(request: HttpRequest, pk: int) -> HttpResponse:
    """One customer on a past day: who held it, phase, MRR, renewal, and the health panel of that day."""
    customer = customer_for(request.user, pk)
    now = timezone.now()
    today = local_day(now, request.organisation)  # type: ignore[attr-defined] - third-party-type
    past, problem = past_of(request, today=today)
    if past is None and not problem:
        return redirect("customers:customer", pk=pk)
    context: dict[str, Any] = {
        "customer": customer,
        "past": past,
        "past_problem": problem,
        "today": today,
        "now": now,
    }
    if past is not None:
        when = When(past.day, past.end, now, past.is_then)
        context["row"] = past_lists.past_customer(request.user, pk, when)
    return page_or_part(request, "metrics/customer_as_of.html", context=context)


def _list_context(request: HttpRequest, past: Past, when: When) -> dict[str, Any]:
    chosen = _chosen(request)
    found = past_lists.past_portfolio(request.user, when, only_book=chosen.view == "book")
    named = _within(found.rows, Chosen(chosen.view, (), chosen.text, ""))
    kept = _within(named, chosen) if found.is_scored else named
    shown = _ordered(kept, chosen.sort if found.is_scored or chosen.sort.lstrip("-") != "health" else "-mrr")
    page = _page(request, shown, chosen, past)
    if not found.is_scored:
        page.rows[:] = past_lists.with_scores([row.stood for row in page.rows], when)
    return {
        "chosen": chosen,
        "views": [
            {"name": name, "href": f"?{chosen.query(past, view=view)}", "current": view == chosen.view}
            for view, name in VIEWS.items()
        ],
        "chips": _chips(named, chosen) if found.is_scored else [],
        "most": past_lists.MOST_COMPUTED if not found.is_scored else None,
        "page": page,
        "count": len(shown),
        "mrr": sum((row.stood.mrr for row in shown), Decimal(0)),
        "first_day": past_lists.first_day_known(request.user) if not found.rows else None,
        "query": chosen.query(past),
        "may_export": request.user.may("export"),
    }


def _chosen(request: HttpRequest) -> Chosen:
    default = "book" if getattr(request.user, "role", "") == Role.CSM else "everyone"
    view, sort = request.GET.get("view", ""), request.GET.get("sort", "")
    tones = tuple(tone for tone in TONE_WORDS if tone in request.GET.getlist("band"))
    is_known = sort.removeprefix("-") in {key for key, _, _ in COLUMNS}
    return Chosen(
        view if view in VIEWS else default,
        tones,
        request.GET.get("q", "").strip()[:LONGEST_TEXT],
        sort if is_known else "",
    )


def _within(rows: Sequence[PastRow], chosen: Chosen) -> list[PastRow]:
    words = chosen.text.casefold().split()
    if not words and not chosen.tones:
        return list(rows)
    return [
        row
        for row in rows
        if (not chosen.tones or row.tone in chosen.tones)
        and all(word in f"{row.stood.name} {row.stood.industry}".casefold() for word in words)
    ]


VALUES: Mapping[str, Callable[[PastRow], Any]] = {
    "customer": lambda row: row.stood.name.casefold(),
    "health": lambda row: row.score,
    "coverage": lambda row: row.coverage if row.score is not None else None,
    "mrr": lambda row: row.stood.mrr,
    "renewal": lambda row: row.stood.renewal_on,
    "phase": lambda row: row.stood.phase or None,
    "tier": lambda row: row.stood.tier or None,
    "owner": lambda row: row.stood.owner,
}


def _ordered(rows: Sequence[PastRow], sort: str) -> list[PastRow]:
    """Red first, then MRR, or by one column; who has no value comes last both ways."""
    if not sort:
        return sorted(rows, key=lambda row: (row.stood.mrr <= 0, RANK[row.tone], -row.stood.mrr))
    value, down = VALUES[sort.removeprefix("-")], sort.startswith("-")
    with_value = [row for row in rows if value(row) is not None]
    without = [row for row in rows if value(row) is None]
    return [*sorted(with_value, key=value, reverse=down), *without]


def _chips(rows: Sequence[PastRow], chosen: Chosen) -> list[dict[str, Any]]:
    counted = Counter(row.tone for row in rows)
    return [
        {
            "tone": tone,
            "words": word,
            "n": counted[tone],
            "is_on": tone in chosen.tones,
        }
        for tone, word in TONE_WORDS.items()
    ]


def _page(request: HttpRequest, rows: Sequence[PastRow], chosen: Chosen, past: Past) -> Page:
    wanted = request.GET.get("page", "")
    number = int(wanted) if wanted.isascii() and wanted.isdigit() and len(wanted) <= PAGE_DIGITS else 1
    number = min(max(number, 1), max(1, -(-len(rows) // SIZE)))
    start = (number - 1) * SIZE
    return Page(
        rows=list(rows[start : start + SIZE]),
        number=number,
        size=SIZE,
        total=len(rows),
        query=chosen.query(past),
        heads=tuple(_head(key, label, css, chosen, past) for key, label, css in COLUMNS),
    )


def _head(key: str, label: str, css: str, chosen: Chosen, past: Past) -> Head:
    state = ""
    if chosen.sort.removeprefix("-") == key:
        state = "descending" if chosen.sort.startswith("-") else "ascending"
    down = state == "ascending" or (not state and key == "mrr")
    return Head(label, css, f"?{chosen.query(past, sort=f'-{key}' if down else key)}", state)


def _export(rows: Sequence[PastRow], past: Past, currency: str) -> Iterator[Sequence[Any]]:
    for row in rows:
        stood = row.stood
        yield (
            past.day, past.known, stood.name, stood.industry, stood.segment, stood.tier, stood.phase, stood.owner, row.score,
            row.computed, row.override_until, row.label or TONE_WORDS["none"], "yes" if row.held else "", row.card,
            row.coverage, stood.mrr, currency, stood.renewal_on,
        )  # fmt: skip
