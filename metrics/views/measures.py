"""Measures: the catalogue, one measure with its past, adding and retiring own ones, and what coverage lacks."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.choices import Role
from accounts.queries.organisation import local_day
from config.web import charts
from config.web.access import declare
from config.web.errors import DomainError
from config.web.forms import refuse
from config.web.htmx import page_or_part, part_or_page
from config.web.money import number
from customers.queries.access import customers_for
from metrics.forms.measures import FORMS
from metrics.formulas.health_measures import MeasureVersion
from metrics.formulas.health_numbers import MICRO
from metrics.queries.coverage_gains import coverage_gains
from metrics.queries.measure_use import CatalogRow, catalog_rows
from metrics.queries.reading_spread import BINS, span_of, spread_of
from metrics.services import measure_worth, own_measures
from metrics.services.measure_charts import SAMPLE, history_of
from metrics.services.reading_fills import fill_of
from metrics.views.health_words import value_words

ADMINS = (Role.ADMIN,)
DIRECTIONS = {"up": "more is better", "down": "less is better"}
KIND_TITLES = {"field": "Custom field", "event": "Usage event", "actions": "Action points"}


@dataclass(frozen=True, slots=True)
class Line:
    """One sample customer: values at the month ends and today, and the first and the newest in words."""

    customer: Any
    values: tuple[Decimal | None, ...]
    words: tuple[str, ...]


@require_safe
@declare(access="login", scope="organisation", roles=ADMINS)
def measures(request: HttpRequest) -> HttpResponse:
    """Every measure, built-in and own: feed, freshness, unit, direction, who has a reading, who uses it."""
    rows = catalog_rows()
    kept = [row for row in rows if row.own is None or row.own.retired_at is None]
    context = {
        "families": _by_family(kept),
        "retired": [row for row in rows if row not in kept],
        "count": len(kept),
    }
    return page_or_part(request, "metrics/measures.html", context=context)


@require_http_methods(["GET", "HEAD", "POST"])
@declare(access="login", scope="organisation", roles=ADMINS)
def new_measure(request: HttpRequest) -> HttpResponse:
    """Add a measure of a custom field, of a usage event, or of actions; a job then reads it for everybody."""
    kind = str((request.POST or request.GET).get("kind") or "event")
    if kind not in FORMS:
        raise Http404
    form = FORMS[kind](request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        now = timezone.now()
        try:
            made = own_measures.add(by=request.user, now=now, as_of=local_day(now), **form.said())
        except DomainError as error:
            refuse(form, error)
        else:
            messages.success(request, f"{made.title} is there. It is being read for every customer.")
            return redirect("metrics:measure", key=made.key, version=made.version)
    context = {"form": form, "kind": kind, "kinds": KIND_TITLES.items()}
    return page_or_part(
        request, "metrics/new_measure.html", context=context, status=422 if form.is_bound else 200
    )


@require_safe
@declare(access="login", scope="organisation", roles=ADMINS)
def measure(request: HttpRequest, key: str, version: int) -> HttpResponse:
    """One measure: what it reads, whom it covers, where today's values lie; its past comes as a panel."""
    row = _row_or_404(key, version)
    others = [other for other in catalog_rows() if other.measure.key == key]
    context = {
        "row": row,
        "direction": DIRECTIONS[row.measure.better],
        "others": others if len(others) > 1 else [],
        "job": fill_of(row.own) if row.own else None,
        "worth": measure_worth.newest(row.measure),
        **_spread(row.measure),
    }
    return page_or_part(request, "metrics/measure.html", context=context)


@require_safe
@declare(access="login", scope="customer", roles=ADMINS)
def measure_chart(request: HttpRequest, key: str, version: int) -> HttpResponse:
    """The last 12 month ends of ten customers with the most MRR, read from the facts at once."""
    row = _row_or_404(key, version)
    now = timezone.now()
    sample = customers_for(request.user).active().order_by("-summary__mrr", "pk")[:SAMPLE]
    found = history_of(row.measure, list(sample), as_of=local_day(now), now=now)
    lines = [
        Line(
            customer,
            tuple(values),
            tuple(value_words(value, row.measure) or "–" for value in values),
        )
        for customer, values in found.lines
    ]
    context = {"row": row, "days": found.days, "lines": lines}
    return part_or_page(request, "metrics/parts/measure_chart.html", title=row.measure.title, context=context)


@require_POST
@declare(access="login", scope="organisation", roles=ADMINS)
def judge_measure(request: HttpRequest, key: str, version: int) -> HttpResponse:
    """Let a worker find out how well the measure alone told churners from the others."""
    row = _row_or_404(key, version)
    url = reverse("metrics:measure", args=[key, version])
    measure_worth.start(measure=row.measure, as_of=local_day(timezone.now()), by=request.user, url=url)
    return redirect(url)


@require_POST
@declare(access="login", scope="organisation", roles=ADMINS)
def retire_measure(request: HttpRequest, key: str, version: int) -> HttpResponse:
    """Offer an own measure no longer; refused while a card stands on it."""
    own = _row_or_404(key, version).own
    if own is None:
        raise Http404
    try:
        own_measures.retire(measure=own, by=request.user, now=timezone.now())
    except DomainError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"{own.title} is retired. Scores of the past keep it.")
    return redirect("metrics:measure", key=key, version=version)


@require_safe
@declare(access="login", scope="organisation", roles=ADMINS)
def coverage(request: HttpRequest) -> HttpResponse:
    """What each feed and measure would add to the coverage of all MRR if it reported for everybody, worst first."""
    feeds, gains = coverage_gains(as_of=local_day(timezone.now()))
    return page_or_part(request, "metrics/coverage.html", context={"feeds": feeds, "gains": gains})


def _by_family(rows: list[CatalogRow]) -> list[tuple[str, list[CatalogRow]]]:
    names = list(dict.fromkeys(row.measure.family for row in rows))
    return [(name, [row for row in rows if row.measure.family == name]) for name in names]


def _row_or_404(key: str, version: int) -> CatalogRow:
    for row in catalog_rows():
        if (row.measure.key, row.measure.version) == (key, version):
            return row
    raise Http404


def _spread(measure: MeasureVersion) -> dict[str, Any]:
    """Bars of today's readings over their range."""
    span = span_of(measure.slot)
    if span is None:
        return {}
    low, high = span[0], span[1] + 1
    found = spread_of(measure.slot, low, high)
    if span[0] == span[1]:
        return {"known": found.known, "same": value_words(Decimal(low) / MICRO, measure)}
    edges = [Decimal(low + (high - low) * place // BINS) / MICRO for place in range(BINS)]
    words = [value_words(edge, measure) for edge in edges]
    counted = [
        f"from {word}: {number(count)} customers" for word, count in zip(words, found.counts, strict=True)
    ]
    plot = charts.columns(
        [("iris", list(found.counts))],
        words,
        message=f"Readings of {measure.title} today, {number(found.known)} customers",
        show=number,
        tips=counted,
        height=190,
    )
    return {
        "plot": plot,
        "twin": list(zip(words, found.counts, strict=True)),
        "known": found.known,
        "twin_heads": ("From", "Customers"),
    }
