"""Costs: what was spent to win and to keep customers, and the metrics made of it."""

from dataclasses import dataclass

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from accounts.choices import Role
from config.web.access import declare
from config.web.errors import DomainError
from config.web.forms import refuse
from config.web.htmx import page_or_part
from config.web.tables import Column, Table
from customers.models import CostEntry
from customers.services import costs as service
from metrics.catalog import METRICS
from metrics.forms.costs import DAY, FIELDS, CostForm, initial_of
from metrics.formulas.periods import month_of
from metrics.formulas.result import Result
from metrics.queries import definitions
from metrics.queries.cost_totals import FED, Fed, cost_months, entries_now, fed_by_costs
from metrics.views.company import company_only, today_of
from metrics.views.numbers import written
from metrics.views.wording import period_word

WRITERS = (Role.ADMIN, Role.MANAGER)
LTV_CAC_WARN, LTV_CAC_ALARM = 3, 1  # below
COSTS = Table(
    columns=(
        Column("from", "Days", "from_on", down_first=True),
        Column("kind", "For", "kind"),
        Column("segment", "Segment", "segment", css="p2"),
        Column("channel", "Channel", "channel", css="p2"),
        Column("amount", "Amount", "amount", css="num", down_first=True),
    ),
    default="-from",
    tie="-pk",
)


@dataclass(frozen=True, slots=True)
class FedTile:
    """A metric that costs feed: its value or why there is none, and a warning."""

    title: str
    value: str
    note: str
    tone: str = ""
    warning: str = ""


@require_http_methods(["GET", "HEAD", "POST"])
@declare(access="login", scope="organisation")
def costs(request: HttpRequest) -> HttpResponse:
    """Entries, totals by kind and month, and what they make of CAC and retention cost; admins and managers add."""
    company_only(request)
    form = None
    if request.user.role in WRITERS:
        start = {"first_on": month_of(today_of(request)), "currency": request.organisation.currency}
        form = CostForm(request.POST if request.method == "POST" else None, initial=start)
    elif request.method == "POST":
        raise PermissionDenied("Costs are entered by admins and managers.")
    if form is not None and form.is_bound and form.is_valid():
        try:
            service.add_cost(by=request.user, now=timezone.now(), **form.said())
        except DomainError as error:
            _refuse(form, error)
        else:
            messages.success(request, "The cost is recorded.")
            return redirect("metrics:costs")
    return _costs_page(request, form)


@require_http_methods(["GET", "HEAD", "POST"])
@declare(access="login", scope="organisation", roles=WRITERS)
def cost(request: HttpRequest, pk: int) -> HttpResponse:
    """Correct an entry, or take it back."""
    company_only(request)
    entry = _entry(pk)
    form = CostForm(request.POST if request.method == "POST" else None, cost=entry, initial=initial_of(entry))
    if form.is_bound and form.is_valid():
        try:
            service.correct_cost(cost=entry, by=request.user, now=timezone.now(), **form.said())
        except DomainError as error:
            _refuse(form, error)
        else:
            messages.success(request, "The cost is corrected.")
            return redirect("metrics:costs")
    context = {"form": form, "cost": entry, "tab": "costs"}
    return page_or_part(request, "metrics/cost.html", context=context, status=422 if form.is_bound else 200)


@require_POST
@declare(access="login", scope="organisation", roles=WRITERS)
def take_back_cost(request: HttpRequest, pk: int) -> HttpResponse:
    """Take an entry back; it stays readable as of earlier moments."""
    company_only(request)
    service.void_cost(cost=_entry(pk), by=request.user, now=timezone.now())
    messages.success(request, "The cost is taken back.")
    return redirect("metrics:costs")


def _costs_page(request: HttpRequest, form: CostForm | None) -> HttpResponse:
    today, definition = today_of(request), definitions.current()
    fed = fed_by_costs(today=today, definition=definition)
    page = COSTS.page(entries_now(), request.GET)
    for row in page.rows:
        row.last_on = row.to_on - DAY
    context = {
        "page": page,
        "form": form,
        "months": cost_months(today=today, definition=definition),
        "tiles": fed_tiles(fed, definition.reporting_currency),
        "quarter": period_word(fed.quarter),
        "currency": definition.reporting_currency,
        "tab": "costs",
    }
    status = 422 if form is not None and form.is_bound else 200
    return page_or_part(request, "metrics/costs.html", parts=["cost_rows"], context=context, status=status)


def fed_tiles(fed: Fed, currency: str) -> list[FedTile]:
    """CAC, payback, LTV:CAC and retention cost with the warnings that belong to them."""
    values = fed.values
    warned = {"ltv_cac": _ltv_warning(values["ltv_cac"]), "customer_retention_cost": _crc_warning(values)}
    tiles = []
    for key in FED:
        result, metric = values[key], METRICS[key]
        tone, warning = warned.get(key, ("", ""))
        value = written(key, result.value, currency, reason=result.reason)
        tiles.append(FedTile(metric.title, value, metric.formula, tone, warning))
    return tiles


def _ltv_warning(ratio: Result) -> tuple[str, str]:
    if ratio.value is None or ratio.value >= LTV_CAC_WARN:
        return "", ""
    if ratio.value < LTV_CAC_ALARM:
        return "risk", "Below 1: a customer brings less than it costs to win."
    return "watch", "Below 3: winning customers is expensive for what they bring."


def _crc_warning(values: dict[str, Result]) -> tuple[str, str]:
    kept, cac = values["customer_retention_cost"].value, values["cac"].value
    if kept is None or cac is None or kept <= cac:
        return "", ""
    return "watch", "Keeping a customer costs more than winning one."


def _entry(pk: int) -> CostEntry:
    found = entries_now().filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def _refuse(form: CostForm, error: DomainError) -> None:
    error.field = FIELDS.get(error.field or "", error.field)
    refuse(form, error)
