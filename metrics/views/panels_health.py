"""The health panel of the customer page: score, drivers that add up to it, and 12 months of history."""

from decimal import Decimal
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.queries.organisation import local_day
from config.web import charts
from config.web.access import declare
from config.web.htmx import part_or_page
from config.web.money import number
from customers.models import StaleMark
from customers.queries.access import customer_for
from metrics.formulas.health_cards import Bands
from metrics.formulas.health_numbers import MICRO, WEIGHT_UNIT, shown_parts
from metrics.queries.explanation import Explanation, explanation_of
from metrics.queries.scores import History, computed_at, current_score, history_of
from metrics.views.health_words import (
    INSUFFICIENT_WORDS,
    POLICY_WORDS,
    curve_words,
    reading_words,
)

POLLS = 12  # every 5 s, so a stale panel asks for a minute and then says that it waits
PLOT_HEIGHT = 250  # px
ZONE_TONES = {"red": "risk", "amber": "watch", "green": "good", "blue": "good"}


@require_safe
@declare(access="login", scope="customer")
def health_panel(request: HttpRequest, pk: int) -> HttpResponse:
    """Why the score is what it is. While a stale mark waits the panel says "updating" and asks again."""
    customer = customer_for(request.user, pk)
    now = timezone.now()
    today = local_day(now, request.organisation)  # type: ignore[attr-defined] - third-party-type
    score = current_score(customer.pk)
    polls = _polls(request)
    is_stale = StaleMark.objects.filter(customer=customer).exists()
    context: dict[str, Any] = {
        "customer": customer,
        "now": now,
        "today": today,
        "is_stale": is_stale,
        "next_poll": polls + 1 if is_stale and polls < POLLS else None,
    }
    if score is not None:
        found = explanation_of(score)
        context |= {
            "score": score,
            "computed_at": computed_at(customer.pk),
            "found": found,
            **_rows(found),
            "least": Decimal(found.card.min_coverage) / WEIGHT_UNIT,
            "why_none": INSUFFICIENT_WORDS.get(score.reason, ""),
            **_history(history_of(customer.pk, today=today), found.card.bands),
        }
    title = f"Health of {customer.name}"
    return part_or_page(request, "metrics/parts/health_panel.html", title=title, context=context)


def _polls(request: HttpRequest) -> int:
    text = request.GET.get("polls", "0")
    return int(text) if text.isascii() and text.isdigit() and len(text) < len(str(POLLS)) + 1 else 0


def _rows(found: Explanation) -> dict[str, Any]:
    """Rows of the driver table; contributions are rounded so that they add up to the shown sum."""
    exact = [driver.contribution for driver in found.drivers]
    if found.cap is not None:
        exact.append(found.cap)
    adds = [Decimal(part) / MICRO for part in shown_parts([int(part * MICRO) for part in exact])]
    policies = {measure.key: POLICY_WORDS[measure.missing] for measure in found.card.measures}
    rows = [
        {
            "driver": driver,
            "reading": reading_words(driver),
            "curve": curve_words(driver.curve, driver.measure),
            "fill": driver.contribution / (100 * driver.effective_share) if driver.effective_share else None,
            "policy": policies[driver.measure.key],
            "adds": part,
        }
        for driver, part in zip(found.drivers, adds, strict=False)
    ]
    return {"rows": rows, "cap": adds[-1] if found.cap is not None else None, "sum": sum(adds, Decimal(0))}


def _history(history: History, bands: Bands) -> dict[str, Any]:
    if not any(point.score is not None for point in history.points):
        return {"plot": None}
    edges = [Decimal(0), *(Decimal(edge.at) / MICRO for edge in bands.edges), Decimal(100)]
    zones = [
        (low, high, ZONE_TONES[band.tone])
        for low, high, band in zip(edges, edges[1:], bands.bands, strict=False)
    ]
    scores = [point.score for point in history.points]
    known = [score for score in scores if score is not None]
    plot = charts.line(
        scores,
        [f"{point.day:%b}" for point in history.points],
        message=f"Health over 12 months: first {number(known[0], 1)}, now {number(known[-1], 1)}",
        show=lambda value: number(Decimal(str(value)), 0),
        height=PLOT_HEIGHT,
        ticks=edges,
        tone="k-dark",
        fill=False,
        zones=zones,
        marks=[
            (index, f"v{point.version}") for index, point in enumerate(history.points) if point.is_new_version
        ],
    )
    twin = [_twin(point) for point in history.month_ends]
    return {"plot": plot, "twin": twin, "twin_heads": ["Month end", "Score", "Version"]}


def _twin(point: Any) -> list[str]:
    return [
        f"{point.day:%-d %b %Y}",
        number(point.score, 1) if point.score is not None else "no score",
        f"v{point.version}" if point.version else "",
    ]
