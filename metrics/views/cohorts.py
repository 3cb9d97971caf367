"""Cohorts: the heat map by first paid month, and the customers behind one of its cells."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from config.web import charts
from config.web.access import declare
from config.web.htmx import page_or_part
from config.web.money import money, number, percent, rounded
from config.web.tables import Column, Table
from metrics.forms.dashboard import month_from
from metrics.formulas.result import Result
from metrics.queries.cohorts import KEPT, LOGOS, MRR, CohortCell, cohort_table
from metrics.queries.receipts import cohort_customers as customers_of
from metrics.queries.sight import Sight, sight_of
from metrics.views.drawings import digits
from metrics.views.wording import month_word

MOST = 36  # cohorts a page shows
OFS = ((LOGOS, "Customers"), (KEPT, "MRR, gross"), (MRR, "MRR, net"))
TITLES = {
    LOGOS: "Customers still paying",
    KEPT: "MRR kept, before expansion",
    MRR: "MRR, with expansion",
}
HINTS = {
    LOGOS: "Share of the cohort’s customers paying at the end of each month after.",
    KEPT: "Sum of min(month 0, now) per customer as a share of the MRR of month 0.",
    MRR: "MRR now as a share of the MRR of month 0; above 100 % the cohort has grown.",
}
PALEST = Decimal("0.3")  # share below which all cells look alike; the darkest step ends at 100 %
CUSTOMERS = Table(
    columns=(
        Column("customer", "Customer", "customer__name"),
        Column("since", "First paid", "since", css="p1"),
        Column("start", "MRR, month 0", "start", css="num", down_first=True),
        Column("now", "MRR then", "now", css="num", down_first=True),
        Column("pays", "State", css="p1"),
    ),
    default="-start",
    tie="customer_id",
)


@require_safe
@declare(access="login", scope="customer")
def cohorts(request: HttpRequest) -> HttpResponse:
    """Retention of customers or MRR by the month of the first payment."""
    sight = sight_of(request.user)
    whose, of = _whose(request, sight), _of(request)
    table = cohort_table(of=of, customers=sight.book(whose), last=MOST)
    firsts = [cells[0] for cells in table.rows]
    currency = request.organisation.currency  # type: ignore[attr-defined] - third-party-type
    context = {
        "now": timezone.now(),
        "of": of,
        "of_words": "Customers" if of == LOGOS else "MRR",
        "whose_key": whose,
        "whose_words": dict(sight.choices)[whose],
        "whose": _tabs(sight.choices, whose, lambda key: f"of={of}&whose={key}"),
        "ofs": _tabs(OFS, of, lambda key: f"of={key}&whose={whose}"),
        "title": TITLES[of],
        "hint": HINTS[of],
        "rows": [_row(cells, of, whose, currency) for cells in table.rows],
        "ks": range(len(table.weighted)),
        "average": [_average(result) for result in table.weighted],
        "customers": sum(cell.size for cell in firsts),
        "initial": money(sum(cell.initial for cell in firsts), currency),
        "steps_word": _steps_word(),
        "cut": MOST if len(firsts) == MOST else 0,
        "empty_line": "No cohort yet",
        "empty_why": "A cohort begins with its first paid month, and shows once that month is over.",
    }
    return render(request, "metrics/cohorts.html", context)


@require_safe
@declare(access="login", scope="customer")
def cohort_customers(request: HttpRequest, month: str, k: int) -> HttpResponse:
    """The customers of one cell: who still pays, what they paid at first and then."""
    sight = sight_of(request.user)
    whose, of = _whose(request, sight), _of(request)
    cell = _cell_of(month, k, sight, whose)
    currency = request.organisation.currency  # type: ignore[attr-defined] - third-party-type
    rows = customers_of(cell.cohort, cell.close_on, customers=sight.book(whose))
    page = CUSTOMERS.page(sight.rows(rows), request.GET)
    page.rows[:] = [_described(row, currency) for row in page.rows]
    context = {
        "now": timezone.now(),
        "cell": cell,
        "cohort_word": month_word(cell.cohort),
        "of": of,
        "whose_key": whose,
        "whose_words": dict(sight.choices)[whose],
        "page": page,
        "hidden": cell.size - page.total,
        "mrr": money(cell.mrr, currency),
        "initial": money(cell.initial, currency),
    }
    return page_or_part(request, "metrics/cohort_customers.html", parts=["cohort_customers"], context=context)


def _cell_of(month: str, k: int, sight: Sight, whose: str) -> CohortCell:
    """The cell of the table; one that is not there, or not reached, is 404."""
    cohort = month_from(month)
    rows = cohort_table(customers=sight.book(whose), last=MOST).rows
    cells = next((cells for cells in rows if cells[0].cohort == cohort), ())
    if k >= len(cells):
        raise Http404
    return cells[k]


def _described(row: dict[str, Any], currency: str) -> dict[str, Any]:
    texts = {f"{name}_text": money(row[name], currency, cents=True) for name in ("start", "now")}
    return {**row, **texts, "pays": row["now"] > 0}


def _row(cells: Sequence[CohortCell], of: str, whose: str, currency: str) -> dict[str, Any]:
    first = cells[0]
    drawn = charts.heat([cell.share(of).value for cell in cells], show=_hundredths, low=PALEST, high=1)
    return {
        "word": month_word(first.cohort),
        "size": first.size,
        "initial": money(first.initial, currency),
        "initial_exact": f"{currency} {digits(first.initial)}",
        "cells": [
            {
                "text": heat.text,
                "step": heat.step,
                "title": f"{month_word(cell.cohort)}, month {cell.k}: {_put_in(cell, of, currency)}",
                "href": reverse("metrics:cohort_customers", args=[f"{cell.cohort:%Y-%m}", cell.k])
                + f"?whose={whose}&of={of}",
            }
            for cell, heat in zip(cells, drawn, strict=True)
        ],
    }


def _put_in(cell: CohortCell, of: str, currency: str) -> str:
    if of == LOGOS:
        return f"{number(cell.paying)} of {number(cell.size)} customers"
    amount = cell.kept if of == KEPT else cell.mrr
    return f"{money(amount, currency)} of {money(cell.initial, currency)}"


def _average(result: Result) -> dict[str, str]:
    if result.value is None:
        return {"text": "", "title": ""}
    return {"text": _hundredths(result.value), "title": percent(result.value, 1)}


def _hundredths(share: Any) -> str:
    """A share in whole per cent without the sign, for the cells of a heat map stand close."""
    return number(rounded(Decimal(share) * 100, 0))


def _steps_word() -> str:
    width = (1 - PALEST) / charts.HEAT_STEPS
    edges = [number((PALEST + width * step) * 100) for step in range(1, charts.HEAT_STEPS)]
    return f"Steps: below {', '.join(edges)} %, and above"


def _tabs(choices: Sequence[tuple[str, str]], now: str, query: Callable[[str], str]) -> list[dict[str, Any]]:
    return [{"words": words, "query": query(key), "current": key == now} for key, words in choices]


def _whose(request: HttpRequest, sight: Sight) -> str:
    asked = request.GET.get("whose", "")
    return asked if asked in dict(sight.choices) else sight.choices[0][0]


def _of(request: HttpRequest) -> str:
    asked = request.GET.get("of", "")
    return asked if asked in TITLES else LOGOS
