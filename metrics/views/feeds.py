"""Feeds: what comes in, what is held, and the banner that says so everywhere."""

from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts.choices import Role
from accounts.queries.organisation import local_day
from config.web.access import declare
from config.web.errors import DomainError
from config.web.htmx import page_or_part, part_or_page
from config.web.money import number
from customers.queries.access import customer_for
from metrics.choices import FeedState
from metrics.forms.alert_rules import HoldForm
from metrics.queries.feeds import FeedRow, feed_rows, held_now, held_scores, past_holds
from metrics.queries.measures import catalog
from metrics.rollups.feed_counts import FEEDS
from metrics.services.feeds import end_hold, start_hold

ADMINS = (Role.ADMIN,)
TONES = {FeedState.OK: "good", FeedState.LEARNING: "none", FeedState.BROKEN: "risk"}
WORDS = {FeedState.OK: "OK", FeedState.LEARNING: "Learning", FeedState.BROKEN: "Broken"}
MOST_DIGITS = 18  # of an id


@require_safe
@declare(access="login", scope="organisation", roles=ADMINS)
def feeds(request: HttpRequest) -> HttpResponse:
    """Every feed as the last hourly look found it, and the holds there were."""
    rows = [_row(row) for row in feed_rows(FEEDS, catalog())]
    return page_or_part(request, "metrics/feeds.html", context={"rows": rows, "holds": past_holds()})


@require_POST
@declare(access="login", scope="organisation", roles=ADMINS)
def hold_feed(request: HttpRequest, feed: str) -> HttpResponse:
    """Start or end a hold with a reason."""
    form = HoldForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Give a reason, in at least 10 characters.")
        return redirect("metrics:feeds")
    change = start_hold if form.cleaned_data["act"] == "start" else end_hold
    try:
        change(feed=feed, reason=form.cleaned_data["reason"], by=request.user, now=timezone.now())
    except DomainError as error:
        messages.error(request, str(error))
    else:
        word = "held" if form.cleaned_data["act"] == "start" else "released"
        messages.success(request, f"The {feed} feed is {word}. Scores follow within a minute.")
    return redirect("metrics:feeds")


@require_safe
@declare(access="login", scope="customer")
def held_feeds(request: HttpRequest) -> HttpResponse:
    """The banner over the portfolio, health and customer pages; empty while nothing is held."""
    now = timezone.now()
    text = request.GET.get("customer", "")
    context: dict[str, Any] = {"held": held_now(now), "today": local_day(now)}
    if text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS:
        context["customer"] = customer_for(request.user, int(text))
    elif context["held"]:
        context["scores"] = held_scores(request.user)
    return part_or_page(request, "metrics/parts/held_feeds.html", title="Held feeds", context=context)


def _row(row: FeedRow) -> dict[str, Any]:
    watch = row.watch
    state = FeedState(watch.state) if watch else FeedState.LEARNING
    seen = watch.seen if watch else {}
    return {
        "feed": row.feed,
        "watch": watch,
        "hold": row.hold,
        "seen": seen,
        "usual": number(Decimal(seen["usual"]), 0 if seen["usual"].isdigit() else 1) if seen else "",
        "tone": TONES[state],
        "word": WORDS[state],
        "measures": row.measures,
    }
