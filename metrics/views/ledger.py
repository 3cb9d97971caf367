"""The rows behind the numbers: the ledger of movements, and the page of one metric with its customers."""

from decimal import Decimal
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from config.web.access import declare
from config.web.htmx import page_or_part
from config.web.money import money
from config.web.tables import Column, Table
from customers.models import Customer
from customers.queries.access import customer_for
from metrics.formulas.periods import add_months
from metrics.queries.figures import MOVES, figures_for
from metrics.queries.receipts import (
    FX,
    RECEIPTS,
    fx_between,
    last_month_of,
    movements_between,
    receipt_rows,
)
from metrics.queries.sight import sums_of
from metrics.views import drawings
from metrics.views.frame import Frame, frame_of
from metrics.views.tiles import REVENUE_TILES, movements_href, revenue_tile
from metrics.views.wording import KIND_TONES, KIND_WORDS, month_word, period_word, why_of

MOVEMENTS = Table(
    columns=(
        Column("day", "Day", "day", down_first=True),
        Column("customer", "Customer", "customer__name"),
        Column("kind", "Kind"),
        Column("why", "Why", css="p1"),
        Column("before", "Before", "mrr_before", css="num p1", down_first=True),
        Column("after", "After", "mrr_after", css="num p1", down_first=True),
        Column("amount", "Amount", "amount", css="num", down_first=True),
    ),
    default="-day",
)
PAGES = (*REVENUE_TILES, "quick_ratio")
LONGEST_ID = 18  # digits of a 64-bit id


@require_safe
@declare(access="login", scope="customer")
def movements(request: HttpRequest) -> HttpResponse:
    """What moved whose MRR, by kind and months; the listed and the hidden rows sum to the number that led here."""
    frame = frame_of(request)
    kind = request.GET.get("kind", "")
    kind = kind if kind in MOVES else ""
    customer = _customer(request)
    source = fx_between if kind == FX else movements_between
    rows = source(frame.whole, **({} if kind == FX else {"kind": kind}), customers=frame.book)
    if customer:
        rows = rows.filter(customer=customer)
    sums = sums_of(rows, "amount", frame.sight)
    page = MOVEMENTS.page(frame.sight.rows(rows), request.GET)
    for row in page.rows:
        _describe(row, kind, frame.currency)
    context = {
        **frame.context(),
        "page": page,
        "sums": sums,
        "exact": f"{frame.currency} {drawings.digits(sums.amount)}",
        "tabs": _tabs(frame, kind),
        "kind_words": KIND_WORDS.get(kind, ""),
        "customer": customer,
        "clear_href": f"?{frame.span.query()}",
    }
    return page_or_part(request, "metrics/movements.html", parts=["movements"], context=context)


@require_safe
@declare(access="login", scope="customer")
def metric(request: HttpRequest, key: str) -> HttpResponse:
    """One metric: its value by period, how it is counted, and the customers it is made of."""
    if key not in PAGES:
        raise Http404
    frame = frame_of(request)
    strip = frame.strip(figures_for(frame.span.periods, as_of=frame.today, customers=frame.ids))
    context = {
        **frame.context(),
        "tile": revenue_tile(key, strip),
        "headline": {"word": period_word(strip.headline.period), "incomplete": strip.headline.incomplete},
        **drawings.metric_plot(key, strip),
        **_receipt(key, frame, strip, request),
    }
    return page_or_part(request, "metrics/metric.html", parts=["metric_rows"], context=context)


def _receipt(key: str, frame: Frame, strip: Any, request: HttpRequest) -> dict[str, Any]:
    """Rows of the customers behind the metric, at the last month of the headline period."""
    headline = strip.headline.period
    if key not in RECEIPTS or (RECEIPTS[key].is_flow and headline.end != add_months(headline.start, 1)):
        state = drawings.one_period(strip, strip.headline)
        return {"has_rows": False, "ledger_href": movements_href(state)}
    receipt, month = RECEIPTS[key], last_month_of(strip.headline.period)
    rows = receipt_rows(key, month, customers=frame.book)
    fields = [field for field, _ in receipt.columns]
    table = Table(
        columns=(
            Column("customer", "Customer", "customer__name"),
            *(Column(name, words, name, css="num", down_first=True) for name, words in receipt.columns),
        ),
        default=receipt.order,
    )
    page = table.page(frame.sight.rows(rows), request.GET)
    for row in page.rows:
        row.cells = [_cell(getattr(row, name), frame.currency) for name in fields]
    return {
        "has_rows": True,
        "page": page,
        "sums": sums_of(rows, receipt.total, frame.sight),
        "totals": [_cell(sums_of(rows, name, frame.sight).amount, frame.currency) for name in fields],
        "sums_word": receipt.total_words,
        "rows_word": f"{receipt.words}, {month_word(month)}",
    }


def _cell(amount: Decimal, currency: str) -> drawings.Cell:
    return drawings.Cell(money(amount, currency, cents=True), f"{currency} {drawings.digits(amount)}")


def _customer(request: HttpRequest) -> Customer | None:
    """The customer the ledger is narrowed to; one outside the scope is 404, as everywhere."""
    text = request.GET.get("customer", "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= LONGEST_ID):
        raise Http404
    return customer_for(request.user, int(text))


def _tabs(frame: Frame, kind: str) -> list[dict[str, Any]]:
    """All kinds and each kind; fx only where it is asked for, for one currency never moves by it."""
    kinds = ["", *(name for name in MOVES if name != FX or kind == FX)]
    state = frame.span.query()
    customer = frame.params.get("customer")
    tail = f"&customer={customer}" if customer else ""
    return [
        {
            "words": KIND_WORDS.get(name, "All"),
            "query": f"{state}{tail}" + (f"&kind={name}" if name else ""),
            "current": name == kind,
        }
        for name in kinds
    ]


def _describe(row: Any, kind: str, currency: str) -> None:
    """Words, tone and reason of a ledger row, for the template."""
    name = FX if kind == FX else row.kind
    row.tone, row.words = KIND_TONES[name], KIND_WORDS[name]
    row.exact = f"{currency} {drawings.digits(row.amount)}"
    row.why = "" if name == FX else why_of(row)
