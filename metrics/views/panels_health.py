"""The health panel of the customer page: score, drivers that add up to it, and 12 months of history."""

from collections.abc import Sequence
from datetime import date
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
from customers.models import Customer, StaleMark
from customers.queries.access import customer_for, customers_to_edit
from metrics.formulas.health_cards import Bands, CardMeasure
from metrics.formulas.health_numbers import MICRO, WEIGHT_UNIT, shown_parts
from metrics.models import HealthScore
from metrics.queries.card_of import card_of
from metrics.queries.explanation import ActionRow, Explanation, explanation_of
from metrics.queries.hierarchy import roll_up_of
from metrics.queries.scores import History, computed_at, current_score, history_of
from metrics.services.past_scores import scores_of_day
from metrics.views.health_words import (
    INSUFFICIENT_WORDS,
    POLICY_WORDS,
    curve_words,
    reading_words,
)
from metrics.views.past import past_of

POLLS = 12  # every 5 s, so a stale panel asks for a minute and then says that it waits
PLOT_HEIGHT = 250  # px
ZONE_TONES = {"red": "risk", "amber": "watch", "green": "good", "blue": "good"}


@require_safe
@declare(access="login", scope="customer")
def health_panel(request: HttpRequest, pk: int) -> HttpResponse:
    """Why the score is what it is. While a stale mark waits the panel says "updating" and asks again.

    With `as_of` in the URL it is the score of a past day, to be read only.
    """
    customer = customer_for(request.user, pk)
    now = timezone.now()
    today = local_day(now, request.organisation)  # type: ignore[attr-defined] - third-party-type
    past, problem = past_of(request, today=today)
    context: dict[str, Any] = {
        "customer": customer,
        "now": now,
        "today": today,
        "past": past,
        "bare": "bare" in request.GET,
        "past_problem": problem,
    }
    if past is None:
        context |= _present(request, customer)
    else:
        found = scores_of_day([pk], day=past.day, end=past.end, now=now, then=past.is_then)
        context["score"] = found.get(pk)
    if context["score"] is not None:
        context |= _score_context(context["score"], past.day if past else today)
    title = f"Health of {customer.name}"
    return part_or_page(request, "metrics/parts/health_panel.html", title=title, context=context)


def _present(request: HttpRequest, customer: Customer) -> dict[str, Any]:
    polls = _polls(request)
    is_stale = StaleMark.objects.filter(customer=customer).exists()
    score = current_score(customer.pk)
    return {
        "score": score,
        "computed_at": computed_at(customer.pk),
        "card_of": card_of(customer.pk, score),
        "is_stale": is_stale,
        "next_poll": polls + 1 if is_stale and polls < POLLS else None,
        "may_override": _may_override(request.user, customer),
        "roll_up": roll_up_of(customer.pk, request.user),
    }


def _may_override(user: Any, customer: Customer) -> bool:
    return customer.archived_at is None and customers_to_edit(user).filter(pk=customer.pk).exists()


def _score_context(score: HealthScore, day: date) -> dict[str, Any]:
    found = explanation_of(score)
    return {
        "found": found,
        "override": score.override,
        **_rows(found),
        "least": Decimal(getattr(found.card, "min_coverage", WEIGHT_UNIT)) / WEIGHT_UNIT,
        "why_none": INSUFFICIENT_WORDS.get(score.reason, ""),
        **_history(history_of(score.customer_id, today=day), found.card.bands),
    }


def _polls(request: HttpRequest) -> int:
    text = request.GET.get("polls", "0")
    return int(text) if text.isascii() and text.isdigit() and len(text) < len(str(POLLS)) + 1 else 0


def _rows(found: Explanation) -> dict[str, Any]:
    """Rows of the driver table; contributions, cap and override are rounded so that they add up to the shown sum."""
    parts = found.actions or found.drivers
    exact = [part.value if isinstance(part, ActionRow) else part.contribution for part in parts]
    ends = [part for part in (found.cap, found.override) if part is not None]
    adds = [Decimal(part) / MICRO for part in shown_parts([int(part * MICRO) for part in [*exact, *ends]])]
    rest = iter(adds[len(exact) :])
    return {
        "rows": _driver_rows(found, adds) if found.drivers else [],
        "action_rows": list(zip(found.actions, adds, strict=False)),
        "cap": next(rest) if found.cap is not None else None,
        "override_adds": next(rest) if found.override is not None else None,
        "sum": sum(adds, Decimal(0)),
    }


def _driver_rows(found: Explanation, adds: Sequence[Decimal]) -> list[dict[str, Any]]:
    policies = {
        (one.key, one.version): POLICY_WORDS[one.missing]
        for one in found.card.measures
        if isinstance(one, CardMeasure)
    }
    return [
        {
            "driver": driver,
            "reading": reading_words(driver),
            "curve": curve_words(driver.curve, driver.measure),
            "fill": driver.contribution / (100 * driver.effective_share) if driver.effective_share else None,
            "policy": policies[driver.measure.key, driver.measure.version],
            "adds": part,
        }
        for driver, part in zip(found.drivers, adds, strict=False)
    ]


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
