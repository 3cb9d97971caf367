"""Cohorts: the heat map by first paid month, and the customers behind one of its cells."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.db.models import Case, Count, IntegerField, Sum, Value, When
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
from customers.models.customer import CustomerQuerySet
from customers.queries.access import everybody
from metrics.forms.dashboard import month_from
from metrics.formulas.result import Result
from metrics.queries.cohorts import KEPT, LOGOS, MRR, CohortCell, cohort_table
from metrics.queries.receipts import cohort_customers as customers_of
from metrics.queries.segments import customers_with, groups_by
from metrics.queries.sight import Sight, sight_of
from metrics.views.drawings import digits
from metrics.views.splits import field_choices
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
MOST_PARTS = 12  # parts a page compares
PART_MONTHS = 13  # months of them
_PAYS = Case(When(now__gt=0, then=Value(1)), default=Value(0), output_field=IntegerField())
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


@dataclass(frozen=True)
class Part:
    """A field customers are split by, and the value the page is narrowed to; empty for all."""

    field: str = ""
    value: str = ""

    @property
    def query(self) -> str:
        """The rest of the URL state."""
        return "&" + urlencode({"by": self.field, "part": self.value}) if self.field else ""


@require_safe
@declare(access="login", scope="customer")
def cohorts(request: HttpRequest) -> HttpResponse:
    """Retention of customers or MRR by the month of the first payment."""
    sight = sight_of(request.user)
    whose, of, part = _whose(request, sight), _of(request), _part(request)
    table = cohort_table(of=of, customers=_book(sight, whose, part), last=MOST)
    firsts = [cells[0] for cells in table.rows]
    currency = request.organisation.currency  # type: ignore[attr-defined] - third-party-type
    context = {
        "now": timezone.now(),
        "of": of,
        "of_words": "Customers" if of == LOGOS else "MRR",
        "whose_key": whose,
        "whose_words": dict(sight.choices)[whose],
        "whose": _tabs(sight.choices, whose, lambda key: f"of={of}&whose={key}{part.query}"),
        "ofs": _tabs(OFS, of, lambda key: f"of={key}&whose={whose}{part.query}"),
        "part": part,
        "fields": field_choices(),
        "parts": _parts(sight, whose, of, part),
        "title": TITLES[of],
        "hint": HINTS[of],
        "rows": [_row(cells, of, f"whose={whose}&of={of}{part.query}", currency) for cells in table.rows],
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
    whose, of, part = _whose(request, sight), _of(request), _part(request)
    book = _book(sight, whose, part)
    cell = _cell_of(month, k, book)
    currency = request.organisation.currency  # type: ignore[attr-defined] - third-party-type
    rows = customers_of(cell.cohort, cell.close_on, customers=book)
    sums = rows.annotate(paying=_PAYS).aggregate(
        n=Count("*"), sum_start=Sum("start"), sum_now=Sum("now"), sum_paying=Sum("paying")
    )
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
        "part": part,
        "hidden": cell.size - page.total,
        "count": sums["n"],
        "sums": _summed(sums, currency),
        "mrr": money(cell.mrr, currency),
        "initial": money(cell.initial, currency),
    }
    return page_or_part(request, "metrics/cohort_customers.html", parts=["cohort_customers"], context=context)


def _summed(sums: dict[str, Any], currency: str) -> dict[str, Any]:
    """The last line: sums over all customers of the cell, those not listed included."""
    start, now = sums["sum_start"] or Decimal(0), sums["sum_now"] or Decimal(0)
    return {**_described({"start": start, "now": now}, currency), "paying": sums["sum_paying"] or 0}


def _cell_of(month: str, k: int, book: CustomerQuerySet | None) -> CohortCell:
    """The cell of the table; one that is not there, or not reached, is 404."""
    cohort = month_from(month)
    rows = cohort_table(customers=book, last=MOST).rows
    cells = next((cells for cells in rows if cells[0].cohort == cohort), ())
    if k >= len(cells):
        raise Http404
    return cells[k]


def _described(row: dict[str, Any], currency: str) -> dict[str, Any]:
    texts = {f"{name}_text": money(row[name], currency, cents=True) for name in ("start", "now")}
    return {**row, **texts, "pays": row["now"] > 0}


def _row(cells: Sequence[CohortCell], of: str, state: str, currency: str) -> dict[str, Any]:
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
                + f"?{state}",
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


def _part(request: HttpRequest) -> Part:
    """The field and the value of the URL; one that is not offered is none."""
    field, value = request.GET.get("by", ""), request.GET.get("part", "")
    if field not in dict(field_choices()) or "\0" in value:
        return Part()
    return Part(field, value)


def _book(sight: Sight, whose: str, part: Part) -> CustomerQuerySet | None:
    """The customers the table is made of: a book or the company, and of them one part."""
    book = sight.book(whose)
    if not part.value:
        return book
    return (everybody() if book is None else book).filter(pk__in=customers_with(part.field, part.value))


def _parts(sight: Sight, whose: str, of: str, part: Part) -> list[dict[str, Any]]:
    """Every part of the chosen field with its weighted row, the largest first."""
    if not part.field:
        return []
    groups = groups_by(part.field)
    book = sight.book(whose)
    mine = None if book is None else set(book.values_list("pk", flat=True))
    sizes = {name: [pk for pk in ids if mine is None or pk in mine] for name, ids in groups.items()}
    names = sorted((name for name in sizes if sizes[name]), key=lambda name: -len(sizes[name]))[:MOST_PARTS]
    return [
        {
            "name": name,
            "query": urlencode({"of": of, "whose": whose, "by": part.field, "part": name}),
            "current": name == part.value,
            "average": [
                _average(result)
                for result in cohort_table(of=of, customers=sizes[name], last=MOST).weighted[:PART_MONTHS]
            ],
        }
        for name in names
    ]


def _whose(request: HttpRequest, sight: Sight) -> str:
    asked = request.GET.get("whose", "")
    return asked if asked in dict(sight.choices) else sight.choices[0][0]


def _of(request: HttpRequest) -> str:
    asked = request.GET.get("of", "")
    return asked if asked in TITLES else LOGOS
