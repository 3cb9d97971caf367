"""The portfolio: the page, its table, the export, and saved views."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.text import slugify
from django.views.decorators.http import require_POST, require_safe

from accounts.queries import organisation
from config.web.access import declare
from config.web.errors import DomainError
from config.web.htmx import page_or_part
from config.web.money import money
from config.web.sheets import csv_response
from config.web.tables import PAGE_SIZES, Page
from customers.choices import Phase
from customers.forms.portfolio import RENEWAL_WINDOWS, PortfolioFilterForm, SavedViewForm, query_of
from customers.queries.portfolio import (
    TONES,
    VIEWS,
    Group,
    Portfolio,
    default_view,
    portfolio_for,
    saved_views_of,
)
from customers.services.saved_views import delete_view, save_view
from customers.views.portfolio_cells import (
    EXPORT_HEADER,
    Scene,
    band_word,
    export_rows,
    heads,
    rows_of,
)

VIEW_WORDS = {
    "book": "My book",
    "attention": "Needs attention",
    "renewing": "Renewing in 90 days",
    "untouched": "No touch in 30 days",
    "onboarding": "Onboarding",
    "everyone": "Everyone in my scope",
}
VIEW_RULES = {
    "book": "customers you hold as CSM, co-owner or cover today",
    "attention": (
        "at risk, down 10 points or more in 30 days, a follow-up overdue, or renewing within 60 days without being healthy"
    ),
    "renewing": "the renewal date lies within 90 days",
    "untouched": "no meaningful touch for more than 30 days",
    "onboarding": "customers in the onboarding phase",
    "everyone": "every customer you may read",
}
TONE_WORDS = {"risk": "At risk", "watch": "Watch", "good": "Healthy", "none": "Not enough data"}
FLAG_WORDS = {"overridden": "Overridden", "held": "Held", "settled": "Settling"}
FLAG_RULES = {
    "overridden": "a person set another score than the computed one",
    "held": "the score rests on a feed that is silent",
    "settled": "the band of today has not lasted yet; alerts still use the settled one",
}
PAGE_DIGITS = 5


@dataclass(frozen=True)
class Chip:
    """One filter of bands or flags: how many customers it would show, and what it is called."""

    name: str
    value: str
    tone: str
    customers: int
    words: str
    is_on: bool
    rule: str = ""

    @property
    def key(self) -> str:
        """Part of the element's id."""
        return f"{self.name}-{slugify(self.value)}"


@dataclass(frozen=True)
class Totals:
    """The foot of the table: sums over the whole result."""

    customers: int
    mrr: str
    change: str
    change_tone: str
    coverage: Decimal | None
    renewing: int
    follow_ups_due: int
    shares: tuple[tuple[str, int, str], ...]


@require_safe
@declare(access="login", scope="customer")
def portfolio(request: HttpRequest) -> HttpResponse:
    """The signed-in user's book with filters, sort, totals and saved views; `as_of` leads to the list of a past day."""
    if request.GET.get("as_of"):
        return redirect(f"{reverse('metrics:portfolio_as_of')}?{request.GET.urlencode()}")
    context = _context(request)
    response = page_or_part(request, "customers/portfolio.html", parts=["portfolio_table"], context=context)
    address = f"{reverse('customers:portfolio')}?{context['query']}"
    if getattr(request, "htmx", False) and request.htmx.current_url_abs_path != address:
        response.headers["HX-Push-Url"] = address
    return response


@require_safe
@declare(access="login", scope="customer", grant="export")
def portfolio_export(request: HttpRequest) -> StreamingHttpResponse:
    """Exactly the customers the list shows, in its order, as CSV."""
    listed, _form = _portfolio(request)
    currency = request.organisation.currency  # type: ignore[attr-defined] - third-party-type
    rows = listed.all_rows().iterator(chunk_size=1000)
    return csv_response(f"portfolio-{listed.today}.csv", EXPORT_HEADER, export_rows(rows, currency))


@require_POST
@declare(access="login", scope="self")
def saved_view_add(request: HttpRequest) -> HttpResponse:
    """Keep the filters of the page under a name."""
    form = SavedViewForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Give the view a name of at most 60 characters.")
        return redirect("customers:portfolio")
    try:
        view = save_view(user=request.user, **form.cleaned_data)
    except DomainError as error:
        messages.error(request, str(error))
        return redirect("customers:portfolio")
    messages.success(request, f"“{view.name}” is saved as a view.")
    return redirect(saved_view_href(view.pk, view.query))


@require_POST
@declare(access="login", scope="self")
def saved_view_delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Forget one of the user's own views."""
    if not delete_view(user=request.user, pk=pk):
        raise Http404
    messages.success(request, "The view is deleted. No customer was changed.")
    return redirect("customers:portfolio")


def saved_view_href(pk: int, query: str) -> str:
    """Address of a saved view: its filters, and which tab is current."""
    return f"{reverse('customers:portfolio')}?{query}{'&' if query else ''}saved={pk}"


def _portfolio(request: HttpRequest) -> tuple[Portfolio, PortfolioFilterForm]:
    now = timezone.now()
    form = PortfolioFilterForm(request.GET)
    filters = form.filters(default_view(request.user))
    today = organisation.local_day(now, request.organisation)  # type: ignore[attr-defined] - third-party-type
    return portfolio_for(request.user, filters=filters, today=today, now=now), form


def _context(request: HttpRequest) -> dict[str, Any]:
    listed, form = _portfolio(request)
    groups = listed.groups()
    chosen = listed.chosen(groups)
    size = _size(request)
    freshness = listed.freshness()
    total = sum(group.customers for group in chosen)
    page = _page(request, listed, total=total, size=size, any_stale=freshness.customers > 0)
    query = query_of(listed.filters, size=size if size != PAGE_SIZES[0] else 0, page=page.number)
    context = {
        "filters": listed.filters,
        "refused": form.refused,
        "page": page,
        "query": query,
        "export_query": query_of(listed.filters),
        "chips": _chips(listed, groups),
        "flag_chips": _flag_chips(listed, groups),
        "totals": _totals(chosen, request.organisation.currency),  # type: ignore[attr-defined] - third-party-type
        "freshness": freshness,
        "late": freshness.is_late(listed.now),
        "now": listed.now,
        "today": listed.today,
        "sort": ",".join(listed.filters.sort),
        "sizes": PAGE_SIZES,
        "view_rule": VIEW_RULES[listed.filters.view],
        "may_export": request.user.may("export"),
        "may_assign": request.user.role in {"admin", "manager"},
        "may_write": request.user.role != "viewer",
        "clear_href": f"?view={listed.filters.view}",
    }
    if getattr(request, "htmx", False) and request.htmx.target == "portfolio-table":
        return context
    return context | _choices(request, listed)


def _choices(request: HttpRequest, listed: Portfolio) -> dict[str, Any]:
    """What only the whole page shows: tabs with counts and the lists to choose from."""
    counts = listed.counts()
    saved = request.GET.get("saved", "")
    views = [
        {
            "name": view.name,
            "href": saved_view_href(view.pk, view.query),
            "current": saved == str(view.pk),
            "pk": view.pk,
        }
        for view in saved_views_of(request.user)
    ]
    is_saved = any(view["current"] for view in views)
    return {
        "tabs": [
            {
                "name": VIEW_WORDS[view],
                "href": f"?view={view}",
                "n": counts[view],
                "rule": VIEW_RULES[view],
                "current": not is_saved and view == listed.filters.view,
            }
            for view in VIEWS
        ],
        "saved_views": views,
        "saved_current": next((view for view in views if view["current"]), None),
        "phases": Phase.choices,
        "tiers": sorted({*counts["tiers"], *listed.filters.tiers}),
        "owners": listed.owners(),
        "windows": RENEWAL_WINDOWS,
        "scope_size": counts["everyone"],
    }


def _page(request: HttpRequest, listed: Portfolio, *, total: int, size: int, any_stale: bool) -> Page:
    wanted = request.GET.get("page", "")
    number = int(wanted) if wanted.isascii() and wanted.isdigit() and len(wanted) <= PAGE_DIGITS else 1
    number = min(max(number, 1), max(1, -(-total // size)))
    scene = Scene(
        today=listed.today,
        now=listed.now,
        zone=organisation.zone(request.organisation),  # type: ignore[attr-defined] - third-party-type
        currency=request.organisation.currency,  # type: ignore[attr-defined] - third-party-type
        with_owner=listed.filters.view == "everyone" or request.user.role != "csm",
    )
    shown_size = size if size != PAGE_SIZES[0] else 0
    return Page(
        rows=rows_of(listed.rows((number - 1) * size, size, any_stale=any_stale), scene),
        number=number,
        size=size,
        total=total,
        query=query_of(listed.filters, size=shown_size),
        heads=heads(listed.filters, shown_size),
    )


def _size(request: HttpRequest) -> int:
    wanted = request.GET.get("size", "")
    return next((size for size in PAGE_SIZES if str(size) == wanted), PAGE_SIZES[0])


def _chips(listed: Portfolio, groups: Sequence[Group]) -> list[Chip]:
    """Good first, as people read a traffic light from calm to alarm; a colour of several bands has a chip for each."""
    chips, filters = [], listed.filters
    counted = [group for group in groups if listed.has_flags(group)]
    for tone in ("good", "watch", "risk", "none"):
        mine = [group for group in groups if group.tone == tone]
        words = sorted({band_word(group.band) for group in mine}) or [TONE_WORDS[tone]]
        many = sum(group.customers for group in counted if group.tone == tone)
        chips.append(Chip("band", tone, tone, many, ", ".join(words), tone in filters.tones))
        for word in words if len(words) > 1 else ():
            many = sum(group.customers for group in counted if (group.tone, group.band) == (tone, word))
            chips.append(Chip("word", word, tone, many, word, word in filters.words))
    return chips


def _flag_chips(listed: Portfolio, groups: Sequence[Group]) -> list[Chip]:
    """Chips of flags that somebody has, or that are chosen."""
    counted = [group for group in groups if listed.has_band(group)]
    chips = []
    for flag, word in FLAG_WORDS.items():
        many = sum(group.customers for group in counted if flag in group.flags)
        is_on = flag in listed.filters.flags
        if many or is_on:
            chips.append(Chip("flag", flag, "none", many, word, is_on, FLAG_RULES[flag]))
    return chips


def _totals(groups: Sequence[Group], currency: str) -> Totals:
    customers = sum(group.customers for group in groups)
    scored = [group for group in groups if group.tone != "none"]
    scored_n = sum(group.customers for group in scored)
    change = sum((group.mrr_change for group in groups), Decimal(0))
    shares = tuple(
        (tone, sum(group.customers for group in groups if group.tone == tone), TONE_WORDS[tone])
        for tone in TONES
    )
    return Totals(
        customers=customers,
        mrr=_sums(groups, "mrr", currency),
        change=_sums(groups, "mrr_change", currency, sign=True),
        change_tone="up" if change > 0 else "down" if change < 0 else "muted",
        coverage=sum((g.coverage * g.customers for g in scored), Decimal(0)) / scored_n if scored_n else None,
        renewing=sum(group.renewing for group in groups),
        follow_ups_due=sum(group.follow_ups_due for group in groups),
        shares=tuple(share for share in shares if share[1]),
    )


def _sums(groups: Sequence[Group], field: str, currency: str, *, sign: bool = False) -> str:
    """One sum per currency: amounts of different currencies are never added."""
    sums: dict[str, Decimal] = {}
    for group in groups:
        key = group.currency or currency
        sums[key] = sums.get(key, Decimal(0)) + getattr(group, field)
    parts = {key: amount for key, amount in sums.items() if amount} or {currency: Decimal(0)}
    return " + ".join(money(amount, key, sign=sign) for key, amount in sorted(parts.items()))
