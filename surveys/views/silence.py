"""Who does not answer."""

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.permissions import may_see_identities
from config.web.access import declare
from config.web.htmx import page_or_part
from surveys.queries import unheard as queries


@require_safe
@declare(access="login", scope="customer")
def silence(request: HttpRequest) -> HttpResponse:
    """Contacts and customers asked in two waves without an answer, decision makers first."""
    now, sees_names = timezone.now(), may_see_identities(request.user)
    context = {
        "contacts": queries.silent_contacts(request.user, as_of=now) if sees_names else [],
        "customers": queries.silent_customers(request.user, as_of=now),
        "sees_names": sees_names,
        "listed": queries.LISTED,
    }
    return page_or_part(request, "surveys/silence.html", context=context)
