"""Global search: a page of its own and the part of the palette."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from config.web.access import declare
from config.web.htmx import page_or_part
from customers.queries.search import search as find
from customers.views.portfolio_cells import band_word


@require_safe
@declare(access="login", scope="customer")
def search(request: HttpRequest) -> HttpResponse:
    """Customers and contacts that match, within the reader's scope; matching pages come from the side bar."""
    text = request.GET.get("q", "").strip()[:100]
    hits = find(request.user, text)
    customers = [row | {"word": band_word(row["summary__band_label"])} for row in hits.customers]
    context = {"text": text, "hits": hits, "customers": customers}
    return page_or_part(request, "customers/search.html", parts=["search_hits"], context=context)
