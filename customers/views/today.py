"""Today: a CSM's work in order of priority, next to what moved and who renews."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.queries import organisation
from config.web.access import declare
from config.web.htmx import page_or_part
from config.web.money import money, number, signed
from customers.queries.portfolio import RENEWING_DAYS, Filters, Group, default_view, portfolio_for
from customers.queries.today import RENEWALS_DAYS, Work, day_of
from customers.views.alerts import alerts_context
from customers.views.portfolio_cells import band_word, days_word, due_word

TONES = ("good", "watch", "risk", "none")
TONE_WORDS = {"good": "healthy", "watch": "watch", "risk": "at risk", "none": "without a score"}


@require_safe
@declare(access="login", scope="customer")
def today(request: HttpRequest) -> HttpResponse:
    """The signed-in user's day."""
    now = timezone.now()
    org = request.organisation  # type: ignore[attr-defined] - third-party-type
    day, zone = organisation.local_day(now, org), organisation.zone(org)
    found = day_of(request.user, today=day, now=now, zone=zone)
    book = portfolio_for(request.user, filters=Filters(view=default_view(request.user)), today=day, now=now)
    context = {
        "now": now,
        "today": day,
        "found": found,
        **alerts_context(request.user),
        "book": _book(book.groups(), org.currency),
        "work": [_line(item) for item in found.work],
        "moved": [_moved(row, org.currency) for row in found.moved],
        "renewals": [_renewal(row, org.currency, day) for row in found.renewals],
        "renewals_days": RENEWALS_DAYS,
        "renewing_days": RENEWING_DAYS,
        "is_book": default_view(request.user) == "book",
    }
    return page_or_part(request, "customers/today.html", parts=["today_work"], context=context)


def _book(groups: Sequence[Group], currency: str) -> dict[str, Any]:
    """The book in figures; bands as (share, tone) for the bar and (count, tone, word) for its legend."""
    by_tone = {tone: [group for group in groups if group.tone == tone] for tone in TONES}
    counts = {tone: sum(group.customers for group in found) for tone, found in by_tone.items()}
    customers = sum(counts.values())
    total = sum((group.mrr for group in groups), Decimal(0))
    change = sum((group.mrr_change for group in groups), Decimal(0))
    healthy = sum((group.mrr for group in by_tone["good"]), Decimal(0))
    currencies = {group.currency or currency for group in groups}
    return {
        "customers": customers,
        "mrr": money(total, currency) if len(currencies) < 2 else "several currencies",  # noqa: PLR2004 - one
        "change": change,
        "change_text": money(change, currency, sign=True),
        "healthy": counts["good"],
        "healthy_share": healthy / total if total else None,
        "mix": [(counts[tone], tone) for tone in TONES],
        "mix_label": ", ".join(f"{counts[tone]} {TONE_WORDS[tone]}" for tone in TONES),
        "legend": [(counts[tone], tone, TONE_WORDS[tone].capitalize()) for tone in TONES],
        "renewing": sum(group.renewing for group in groups),
        "renewing_mix": [(sum(group.renewing for group in by_tone[tone]), tone) for tone in TONES],
    }


def _line(item: Work) -> dict[str, Any]:
    order = item.priority
    why = (
        f"Priority {number(order.points, 1)}: due {number(order.due, 1)}, renewal {number(order.renewal, 1)}, "
        f"health {number(order.health, 1)}, MRR {number(order.money, 1)}"
    )
    return {
        "row": item.follow_up,
        "customer": item.customer,
        "word": band_word(item.customer.summary__band_label),
        "due": due_word(item.due_days),
        "why": why,
        "points": number(order.points),
    }


def _moved(row: Any, currency: str) -> dict[str, Any]:
    change, score = row.summary__trend_30d, row.summary__score
    before = score - change if score is not None else None
    return {
        "row": row,
        "word": band_word(row.summary__band_label),
        "title": f"From {number(before, 1)} 30 days ago to {number(score, 1)} today",
        "money": money(row.mrr, row.summary__currency or currency),
        "change": signed(change),
        "points": [None if value is None else float(value) for value in row.summary__trend_points or ()],
    }


def _renewal(row: Any, currency: str, today_: Any) -> dict[str, Any]:
    left = (row.summary__renewal_on - today_).days
    return {
        "row": row,
        "word": band_word(row.summary__band_label),
        "money": money(row.mrr, row.summary__currency or currency),
        "left": days_word(left),
        "tone": "down" if left <= RENEWALS_DAYS // 2 else "amber",
    }
