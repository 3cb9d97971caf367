"""Panels of the customer page that metrics owns: revenue and usage. Each is a page of its own when opened directly."""

from datetime import date, datetime
from decimal import Decimal
from functools import partial
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.queries.organisation import local_day
from config.web import charts
from config.web.access import declare
from config.web.htmx import part_or_page
from config.web.money import money, number
from customers.queries.access import customer_for
from metrics.queries.revenue import Revenue, revenue_of
from metrics.queries.usage import EVENTS, PEOPLE, TOTALS, Usage, usage_of
from metrics.views.drawings import whole
from metrics.views.wording import KIND_TONES, KIND_WORDS, month_word, short_month, why_of

PLOT_HEIGHT = 170  # px
BASIS_WORDS = {
    PEOPLE: "Active people per week",
    TOTALS: "Active people on the busiest day of the week",
    EVENTS: "Events per week",
}


@require_safe
@declare(access="login", scope="customer")
def revenue_panel(request: HttpRequest, pk: int) -> HttpResponse:
    """MRR and ARR now, 12 months of it, the lines in force, and the movements that made the change."""
    customer = customer_for(request.user, pk)
    now, today = _clock(request)
    revenue = revenue_of(customer, today=today)
    context = {
        "customer": customer,
        "revenue": revenue,
        "now": now,
        "today": today,
        "movements": [_movement(row) for row in revenue.movements],
        **_revenue_chart(revenue, request.organisation.currency),  # type: ignore[attr-defined] - third-party-type
    }
    title = f"Revenue of {customer.name}"
    return part_or_page(request, "metrics/parts/revenue_panel.html", title=title, context=context)


@require_safe
@declare(access="login", scope="customer")
def usage_panel(request: HttpRequest, pk: int) -> HttpResponse:
    """Active people by week, last day seen, stickiness, and the features used most."""
    customer = customer_for(request.user, pk)
    now, today = _clock(request)
    usage = usage_of(customer, today=today)
    context = {"customer": customer, "usage": usage, "now": now, "today": today, **_usage_chart(usage)}
    title = f"Usage of {customer.name}"
    return part_or_page(request, "metrics/parts/usage_panel.html", title=title, context=context)


def _clock(request: HttpRequest) -> tuple[datetime, date]:
    now = timezone.now()
    return now, local_day(now, request.organisation)  # type: ignore[attr-defined] - third-party-type


def _movement(row: Any) -> dict[str, Any]:
    return {"row": row, "tone": KIND_TONES[row.kind], "words": KIND_WORDS[row.kind], "why": why_of(row)}


def _revenue_chart(revenue: Revenue, currency: str) -> dict[str, Any]:
    if not revenue.ever:
        return {}
    full = partial(money, currency=currency)
    (first, before), (last, after) = revenue.months[0], revenue.months[-1]
    plot = charts.line(
        [amount for _, amount in revenue.months],
        [short_month(month) for month, _ in revenue.months],
        message=f"MRR from {full(before)} in {month_word(first)} to {full(after)} in {month_word(last)}, so far",
        show=lambda amount: whole(money(Decimal(str(amount)), currency, tight=True)),
        height=PLOT_HEIGHT,
    )
    parts = [(KIND_WORDS[kind], "", amount, KIND_TONES[kind]) for kind, amount in revenue.parts if amount]
    fall = charts.fall(
        (f"Opening of {month_word(first)}", "", revenue.opening),
        parts,
        ("Now", "", revenue.mrr),
        show=lambda amount: full(Decimal(str(amount))),
        show_change=lambda amount: money(Decimal(str(amount)), currency, sign=True),
        start=0,
    )
    twin = [[month_word(month), money(amount, currency, cents=True)] for month, amount in revenue.months]
    return {"plot": plot, "fall": fall if parts else (), "twin_heads": ["Month", "MRR"], "twin": twin}


def _usage_chart(usage: Usage) -> dict[str, Any]:
    known = [(week, count) for week, count in usage.weeks if count is not None]
    if not known:
        return {}
    words = BASIS_WORDS[usage.basis]
    plot = charts.line(
        [count for _, count in usage.weeks],
        [f"{week.day} {week:%b}" for week, _ in usage.weeks],
        message=f"{words}: {number(known[0][1])} in the week of {known[0][0]:%-d %b %Y}, {number(known[-1][1])} so far this week",
        show=lambda count: number(Decimal(str(count))),
        height=PLOT_HEIGHT,
    )
    twin = [[f"{week.day} {week:%b %Y}", number(count)] for week, count in usage.weeks]
    return {"plot": plot, "twin_heads": ["Week from", words], "twin": twin, "basis": words}
