"""The miss ledger: losses with what could have been seen before, and what the team says about them."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from accounts.choices import Role
from accounts.queries.organisation import local_day
from config.web import charts
from config.web.access import declare
from config.web.errors import DomainError
from config.web.forms import refuse
from config.web.htmx import invalid, page_or_part, part_or_page
from config.web.money import money, number, percent
from metrics.choices import MissLabel
from metrics.forms.misses import LabelForm
from metrics.formulas.health_measures import measure_of
from metrics.models import Miss
from metrics.queries.misses import (
    LABELS,
    OPEN_DAYS,
    Quarter,
    miss_list,
    misses_of,
    quarters_of,
    waiting_misses,
)
from metrics.services.misses import BEFORE, READ, label_miss
from metrics.views.drawings import whole
from metrics.views.health_words import value_words

WORKERS = (Role.CSM, Role.MANAGER, Role.ADMIN)
WAITING = "none"  # the filter for losses without a label
LABEL_TONES = {
    MissLabel.SEEN_ACTED: "m-exp",
    MissLabel.SCORED_NOT_ACTED: "m-churn",
    MissLabel.PRESENT_NOT_SCORED: "m-con",
    MissLabel.NOT_VISIBLE: "m-new",
    MissLabel.OUTSIDE_CONTROL: "m-react",
    "": "none",
}
LABEL_WORDS = {**{label.value: label.label.capitalize() for label in MissLabel}, "": "No label yet"}
SHOWN = (
    ("score", "Effective score"),
    ("computed", "Computed score"),
    ("coverage", "Coverage"),
    ("pulse", "Pulse"),
    ("survey", "Latest NPS answer"),
    ("usage", "Usage change"),
    ("tickets", "Open tickets"),
    ("follow_ups", "Open follow-ups"),
    ("touchpoints", "Touchpoints in 30 days"),
)


@require_safe
@declare(access="login", scope="customer", roles=WORKERS)
def misses(request: HttpRequest) -> HttpResponse:
    """Losses, newest first, and the labels per quarter."""
    org = request.organisation  # type: ignore[attr-defined] - third-party-type
    today = local_day(timezone.now(), org)
    wanted = request.GET.get("label", "")
    chosen = "" if wanted == WAITING else wanted if wanted in MissLabel.values else None
    rows, total = miss_list(request.user, label=chosen)
    quarters = quarters_of(request.user, today=today)
    context = {
        "rows": [(row, money(row.lost_mrr, org.currency), LABEL_WORDS[row.label]) for row in rows],
        "total": total,
        "filters": [("", "All", chosen is None), (WAITING, LABEL_WORDS[""], chosen == "")]
        + [(label, LABEL_WORDS[label], chosen == label) for label in MissLabel.values],
        "legend": [(LABEL_TONES[label], LABEL_WORDS[label]) for label in LABELS],
        **_charts(quarters, org.currency),
    }
    return page_or_part(request, "metrics/misses.html", context=context)


@require_http_methods(["GET", "HEAD", "POST"])
@declare(access="login", scope="customer", roles=WORKERS)
def miss(request: HttpRequest, pk: int) -> HttpResponse:
    """One loss: what was known 180, 90, 60 and 30 days before, and the label."""
    row = misses_of(request.user).select_related("customer", "labelled_by").filter(pk=pk).first()
    if row is None:
        raise Http404
    initial = {"label": row.label, "note": row.note}
    form = LabelForm(request.POST if request.method == "POST" else None, initial=initial)
    if form.is_bound and form.is_valid():
        try:
            label_miss(miss=row, by=request.user, now=timezone.now(), **form.cleaned_data)
        except DomainError as error:
            refuse(form, error)
        else:
            messages.success(request, f"The loss of {row.customer.name} is labelled.")
            return redirect("metrics:miss", pk=pk)
    org = request.organisation  # type: ignore[attr-defined] - third-party-type
    context = {
        "row": row,
        "form": form,
        "money": money(row.lost_mrr, org.currency),
        "label": LABEL_WORDS[row.label],
        "looks": [(before, row.day - timedelta(days=before)) for before in BEFORE],
        "lines": [(word, [_value(row, before, name) for before in BEFORE]) for name, word in SHOWN],
        "may_add_measure": row.label == MissLabel.PRESENT_NOT_SCORED,
    }
    status = invalid(not form.is_bound or form.is_valid())
    return page_or_part(request, "metrics/miss.html", context=context, status=status)


@require_safe
@declare(access="login", scope="customer", roles=WORKERS)
def open_misses_panel(request: HttpRequest) -> HttpResponse:
    """Losses without a label for more than a month, for the manager's day."""
    org = request.organisation  # type: ignore[attr-defined] - third-party-type
    rows, total = waiting_misses(request.user, today=local_day(timezone.now(), org))
    context = {
        "rows": [(row, money(row.lost_mrr, org.currency)) for row in rows],
        "total": total,
        "days": OPEN_DAYS,
    }
    return part_or_page(
        request, "metrics/parts/open_misses_panel.html", title="Misses without a label", context=context
    )


def _value(row: Miss, before: int, name: str) -> str:
    """A stored number in words; empty when nothing was known."""
    stored = row.history.get(str(before), {}).get(name)
    if stored is None:
        return ""
    value = Decimal(stored)
    if name == "coverage":
        return percent(value)
    if name == "survey":
        return f"{number(value / 10)} of 10"
    if name in READ and name != "tickets":
        return value_words(value, measure_of(READ[name]))
    return number(value, 1 if name in {"score", "computed"} else 0)


def _charts(quarters: Sequence[Quarter], currency: str) -> dict[str, Any]:
    """Labels per quarter by number and by MRR, each with its table."""
    words = [f"Q{(one.start.month + 2) // 3} {one.start:%y}" for one in quarters]
    heads = ["Quarter", *(LABEL_WORDS[label] for label in LABELS)]

    def amount(value: Any) -> str:
        return whole(money(Decimal(str(value)), currency, tight=True))

    return {
        "count_plot": _plot("Losses", words, [one.count for one in quarters], number, last_runs=True),
        "count_twin": [
            [word, *(number(one.count.get(label, 0)) for label in LABELS)]
            for word, one in zip(words, quarters, strict=True)
        ],
        "mrr_plot": _plot("MRR lost", words, [one.mrr for one in quarters], amount),
        "mrr_twin": [
            [word, *(money(one.mrr.get(label, Decimal(0)), currency) for label in LABELS)]
            for word, one in zip(words, quarters, strict=True)
        ],
        "twin_heads": heads,
        "has_losses": any(one.count for one in quarters),
    }


def _plot(
    title: str, words: list[str], found: Sequence[dict[str, Any]], show: Any, *, last_runs: bool = False
) -> charts.Plot:
    tips = [
        f"{word}: " + (", ".join(f"{LABEL_WORDS[label].lower()} {show(values[label])}" for label in LABELS if values.get(label)) or "none")
        for word, values in zip(words, found, strict=True)
    ]  # fmt: skip
    return charts.columns(
        [(LABEL_TONES[label], [values.get(label, 0) for values in found]) for label in LABELS],
        words,
        message=f"{title} per quarter by label, from {words[0]} to {words[-1]}",
        show=show,
        tips=tips,
        height=200,
        running=len(words) - 1 if last_runs else None,
    )
