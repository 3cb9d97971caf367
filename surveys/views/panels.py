"""Parts that other pages load by URL."""

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.permissions import may_see_identities
from config.web.access import declare
from config.web.htmx import part_or_page
from customers.queries.access import customer_for
from surveys.choices import SkipReason, SurveyKind
from surveys.queries import cases, responses
from surveys.queries.case_clock import clock_at
from surveys.queries.suppressions import blocked_contacts
from surveys.services.addresses import hasher
from surveys.views import case_cells
from surveys.views.results_cells import tone_of_answer

KINDS = (SurveyKind.NPS, SurveyKind.CSAT5, SurveyKind.CSAT7, SurveyKind.CES7, SurveyKind.CES5)
SHOWN = 6  # latest answers on the panel


@require_safe
@declare(access="login", scope="customer")
def customer_panel(request: HttpRequest, pk: int) -> HttpResponse:
    """Open cases, the latest answer of each contact with its age, who was asked, and who was not and why."""
    customer = customer_for(request.user, pk)
    now = timezone.now()
    latest = [
        row for kind in KINDS for row in responses.latest_per_contact([customer.pk], kind=kind, as_of=now)
    ]
    latest.sort(key=lambda row: row.answered_at, reverse=True)
    nps = [row for row in latest if row.kind == SurveyKind.NPS]
    skips = responses.skips_of(customer.pk)
    open_cases = cases.open_cases_of(request.user, customer)
    context = {
        "customer": customer,
        "cases": case_cells.lines(open_cases, clock_at(now), now=now) if open_cases else [],
        "sees_names": may_see_identities(request.user),
        "answers": [{"row": row, "tone": tone_of_answer(row.kind, row.score)} for row in latest[:SHOWN]],
        "nps_mix": [
            (sum(tone_of_answer("nps", row.score) == tone for row in nps), tone)
            for tone in ("risk", "none", "good")
        ],
        "nps_n": len(nps),
        "asked": responses.asked_of(customer.pk),
        "blocked": blocked_contacts(customer, hasher=hasher(), now=now),
        "skips": [{"row": skip, "label": SkipReason(skip.reason).label} for skip in skips],
    }
    return part_or_page(
        request, "surveys/parts/customer_panel.html", title=f"Surveys of {customer.name}", context=context
    )
