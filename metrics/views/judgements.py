"""People against the score: overrides with outcomes, and how CSMs rate with the pulse."""

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.queries.organisation import local_day
from config.web.access import declare
from config.web.htmx import page_or_part
from customers.choices import PULSE_WORDS
from metrics.queries.override_outcomes import HORIZON, override_months_for
from metrics.queries.raters import raters_for

READERS = ("admin", "manager")


@require_safe
@declare(access="login", scope="customer", roles=READERS)
def override_outcomes(request: HttpRequest) -> HttpResponse:
    """Overrides per author and month, with what became of the customers."""
    today = local_day(timezone.now(), request.organisation)  # type: ignore[attr-defined] - third-party-type
    months = override_months_for(request.user, today=today)
    context = {"months": months, "horizon": HORIZON.days, "today": today}
    return page_or_part(request, "metrics/override_outcomes.html", context=context)


@require_safe
@declare(access="login", scope="customer", roles=READERS)
def raters(request: HttpRequest) -> HttpResponse:
    """How each CSM uses the five levels, and what came of them."""
    now = timezone.now()
    today = local_day(now, request.organisation)  # type: ignore[attr-defined] - third-party-type
    context = {
        "raters": raters_for(request.user, today=today, now=now),
        "words": sorted(PULSE_WORDS.items(), reverse=True),
    }
    return page_or_part(request, "metrics/raters.html", context=context)
