"""The ledger of movements: what moved whose MRR, by kind and months."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from config.web.access import declare
from config.web.htmx import page_or_part
from config.web.tables import Column, Table
from customers.models import Customer
from customers.queries.access import customer_for
from metrics.queries.figures import MOVES
from metrics.queries.receipts import FX, fx_between, movements_between
from metrics.queries.sight import sums_of
from metrics.views import drawings
from metrics.views.frame import Frame, frame_of
from metrics.views.wording import KIND_TONES, KIND_WORDS, why_of

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
REASONS = {"why": "churn_kind", "said": "stated_reason"}  # narrows churn by its kind, or by what was said
LONGEST_ID = 18  # digits of a 64-bit id


@require_safe
@declare(access="login", scope="customer")
def movements(request: HttpRequest) -> HttpResponse:
    """What moved whose MRR, by kind and months; the listed and the hidden rows sum to the number that led here."""
    frame = frame_of(request)
    with frame.reading():
        return _movements(request, frame)


def _movements(request: HttpRequest, frame: Frame) -> HttpResponse:
    kind = request.GET.get("kind", "")
    kind = kind if kind in MOVES else ""
    customer = _customer(request)
    source = fx_between if kind == FX else movements_between
    rows = source(frame.whole, **({} if kind == FX else {"kind": kind}), customers=frame.book)
    if customer:
        rows = rows.filter(customer=customer)
    if kind != FX:
        rows = rows.filter(
            **{name: request.GET[key] for key, name in REASONS.items() if _plain(request, key)}
        )
    sums = sums_of(rows, FX if kind == FX else "amount", frame.sight)
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


def _plain(request: HttpRequest, key: str) -> bool:
    """Whether the URL names a reason the database can look for."""
    return bool(request.GET.get(key)) and "\0" not in request.GET[key]


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
