"""Exchange rates: which currencies are used, how old their rates are, and the rates day by day."""

from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from accounts.choices import Role
from config.web.access import declare
from config.web.errors import DomainError
from config.web.forms import refuse
from config.web.htmx import page_or_part
from config.web.tables import Column, Table
from customers.services.rates import record_rates
from metrics.forms.rates import RateForm
from metrics.queries import definitions
from metrics.queries.rate_list import OLD_DAYS, plain_digits, rates_of, used_currencies
from metrics.views.company import today_of

RATES = Table(
    columns=(
        Column("day", "Day", "day", down_first=True),
        Column("base", "For one", "base"),
        Column("rate", "Rate", "rate", css="num", down_first=True),
        Column("source", "Source", "source", css="p1"),
        Column("recorded", "Recorded", "recorded_at", css="num p2", down_first=True),
    ),
    default="-day",
)
RATES_TO_CORRECT = Table(columns=(*RATES.columns, Column("act", "Correct", css="num")), default="-day")
CODE = 3  # letters of a currency


@require_http_methods(["GET", "HEAD", "POST"])
@declare(access="login", scope="organisation")
def rates(request: HttpRequest) -> HttpResponse:
    """Currencies in use with their newest rate; an admin adds or corrects a rate."""
    form = _form(request)
    if form is not None and form.is_bound and _saved(request, form):
        return redirect("metrics:rates_of_currency", currency=form.cleaned_data["currency"])
    today, definition = today_of(request), definitions.current()
    used = used_currencies(reporting=definition.reporting_currency, today=today)
    context = {
        "used": used,
        "left_out": [row for row in used if row.left_out],
        "old_days": OLD_DAYS,
        "reporting": definition.reporting_currency,
        "fx_policy": definition.fx_policy,
        "form": form,
        "today": today,
        "may_import": request.user.role in {Role.ADMIN, Role.MANAGER},
        "tab": "rates",
    }
    status = 422 if form is not None and form.is_bound else 200
    return page_or_part(request, "metrics/rates.html", context=context, status=status)


@require_safe
@declare(access="login", scope="organisation")
def rates_of_currency(request: HttpRequest, currency: str) -> HttpResponse:
    """All rates of one currency, newest first, with the way to correct one."""
    if not (len(currency) == CODE and currency.isascii() and currency.isalpha() and currency.isupper()):
        raise Http404
    form = _form(request, currency=currency)
    page = (RATES_TO_CORRECT if form else RATES).page(rates_of(currency), request.GET)
    for row in page.rows:
        row.shown = plain_digits(row.rate)
    context = {
        "currency": currency,
        "page": page,
        "reporting": definitions.current().reporting_currency,
        "form": form,
        "tab": "rates",
    }
    return page_or_part(request, "metrics/rates_of_currency.html", parts=["rate_rows"], context=context)


def _form(request: HttpRequest, *, currency: str = "") -> RateForm | None:
    """The form for admins: what was sent, or what a link to correct a rate names."""
    if request.user.role != Role.ADMIN:  # type: ignore[union-attr] - third-party-type
        if request.method == "POST":
            raise PermissionDenied("Exchange rates are entered by admins.")
        return None
    if request.method == "POST":
        return RateForm(request.POST)
    asked = request.GET
    start: dict[str, Any] = {
        "day": _day(asked.get("day")) or today_of(request),
        "currency": currency or asked.get("currency", "")[:CODE],
        "base": asked.get("base") or definitions.current().reporting_currency,
        "rate": _number(asked.get("rate")),
    }
    return RateForm(initial=start)


def _saved(request: HttpRequest, form: RateForm) -> bool:
    if not form.is_valid():
        return False
    try:
        told = record_rates(rates=[form.said()], by=request.user, now=timezone.now())
    except DomainError as error:
        refuse(form, error)
        return False
    word = "corrected" if told.updated else "recorded" if told.created else "known already"
    messages.success(request, f"The rate is {word}.")
    return True


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None


def _number(text: str | None) -> Decimal | None:
    try:
        number = Decimal(text or "")
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
