"""One wave, and what came of each object of a trigger: why somebody was asked or not."""

from datetime import timedelta
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from config.web.access import declare
from config.web.htmx import page_or_part
from config.web.tables import Column, Table
from customers.queries.access import customers_for
from surveys.choices import DeliveryState, FiringOutcome, SkipReason
from surveys.models import Campaign
from surveys.queries import policy as policies
from surveys.queries import waves as found_waves
from surveys.services import triggers
from surveys.views.campaigns import SHOWN_SKIPS, WRITERS, campaign_or_404

FIRINGS = Table(
    columns=[Column("recorded", "Looked at", "recorded_at", down_first=True)], default="-recorded"
)
AHEAD = timedelta(days=7)  # how far the page looks for objects whose delay is not over
SHOWN_WAITING = 20


@require_safe
@declare(access="login", scope="customer")
def wave(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """Counts of a wave, its first mails, and everybody left out with the reason."""
    campaign = campaign_or_404(pk)
    line = next((one for one in found_waves.wave_lines(campaign) if one.wave.number == number), None)
    if line is None:
        raise Http404
    skips = found_waves.skips_of(line.wave)
    wanted = request.GET.get("reason", "")
    reason = wanted if wanted in SkipReason.values else ""
    shows_names = request.user.role in WRITERS
    policy = policies.current(timezone.now())
    context = {
        "campaign": campaign,
        "line": line,
        "wave": line.wave,
        "states": [
            (DeliveryState(state).label, count)
            for state, count in sorted(line.mails.items(), key=lambda item: -item[1])
        ],
        "skips": [(key, SkipReason(key).label, count) for key, count in skips.most_common()],
        "skipped": skips.total(),
        "reason": reason,
        "people": found_waves.people_skipped(line.wave, user=request.user, reason=reason, most=SHOWN_SKIPS)
        if shows_names
        else [],
        "shows_names": shows_names,
        "policy": policy,
    }
    return page_or_part(request, "surveys/wave.html", context=context)


@require_safe
@declare(access="login", scope="customer", roles=WRITERS)
def firings(request: HttpRequest, pk: int) -> HttpResponse:
    """Why not this one? Every object the trigger looked at, and those whose delay is not over."""
    campaign = campaign_or_404(pk)
    if not campaign.current.trigger_event:
        raise Http404
    outcome, text = request.GET.get("outcome", ""), request.GET.get("q", "").replace("\0", "")[:100]
    rows = found_waves.firings_of(campaign, user=request.user, outcome=outcome, text=text)
    page = FIRINGS.page(rows, request.GET)
    counts = found_waves.firing_counts(campaign, user=request.user)
    context = {
        "campaign": campaign,
        "page": page,
        "rows": [
            (row, found_waves.why(row.outcome, row.reason, row.mail_state, row.mail_skip))
            for row in page.rows
        ],
        "q": text,
        "outcome": outcome,
        "tabs": [("", "All", sum(counts.values()))]
        + [(key, label, counts.get(key, 0)) for key, label in FiringOutcome.choices],
        "waiting": _waiting(campaign, request),
    }
    return page_or_part(request, "surveys/firings.html", context=context)


def _waiting(campaign: Campaign, request: HttpRequest) -> list[dict[str, Any]]:
    """Objects of the reader's customers that happened, and are asked about when the delay is over."""
    if campaign.launched_at is None:
        return []
    now = timezone.now()
    due = [one for one in triggers.due_objects(campaign, now=now, ahead=AHEAD) if one.due_at > now]
    names = dict(
        customers_for(request.user)
        .filter(pk__in={one.happening.customer_id for one in due})
        .values_list("pk", "name")
    )
    return [
        {
            "customer_id": one.happening.customer_id,
            "customer": names[one.happening.customer_id],
            "label": one.happening.label,
            "due_at": one.due_at,
        }
        for one in due
        if one.happening.customer_id in names
    ][:SHOWN_WAITING]
