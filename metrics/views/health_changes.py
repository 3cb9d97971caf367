"""The part of the health panel that says why the score changed between two days."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.queries.organisation import local_day
from config.web import charts
from config.web.access import declare
from config.web.errors import DomainError
from config.web.htmx import part_or_page
from config.web.money import signed
from customers.queries.access import customer_for
from metrics.formulas.health_change import DATA, ENGINE
from metrics.formulas.health_change_shown import OTHER, Shown
from metrics.formulas.health_numbers import MICRO, shown
from metrics.queries.score_changes import End, ScoreChange, change_between, first_scored_day
from metrics.queries.scores import label_of, tone_of
from metrics.views.health_change_words import (
    CAUSE_WORDS,
    PRESENCE_WORDS,
    cause_note,
    facts_href,
    line_note,
    line_title,
)

SPANS = (7, 30, 90)
DEFAULT_DAYS = 30
TONES = {ENGINE: "k-dark", OTHER: "none"}  # the five causes have colours of their own


@require_safe
@declare(access="login", scope="customer")
def health_change(request: HttpRequest, pk: int) -> HttpResponse:
    """Bars that add up to the change between two days, each with what it is made of."""
    customer = customer_for(request.user, pk)
    now = timezone.now()
    today = local_day(now)
    context: dict[str, Any] = {"customer": customer, "now": now, "today": today}
    try:
        first, last = _days(request, customer.pk, today)
        context |= {"first": first, "last": last}
        if first < last or request.GET.get("from"):
            context |= _shown(change_between(customer.pk, first=first, last=last, now=now))
    except DomainError as error:
        context["error"] = error
    context["spans"] = [
        {
            "days": days,
            "first": today - timedelta(days=days),
            "current": context.get("last") == today and context.get("first") == today - timedelta(days=days),
        }
        for days in SPANS
    ]
    title = f"Why the health of {customer.name} changed"
    return part_or_page(request, "metrics/parts/health_change.html", title=title, context=context)


def _days(request: HttpRequest, customer_id: int, today: date) -> tuple[date, date]:
    """The days asked for; without any the last thirty days, or as far back as there are scores."""
    last = _day(request.GET.get("to", ""), "to") or today
    first = _day(request.GET.get("from", ""), "from")
    if first is None:
        since = first_scored_day(customer_id) or last
        first = max(last - timedelta(days=DEFAULT_DAYS), min(since, last))
    return first, last


def _day(text: str, field: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise DomainError("That is no day.", hint="Choose two days.", field=field) from error


def _shown(found: ScoreChange) -> dict[str, Any]:
    rows = [_row(found, bar) for bar in found.bars if bar.points or bar.cause != OTHER]
    return {
        "found": found,
        "ends": [_end(found.before), _end(found.after)],
        "rows": rows,
        "bar": _stack(rows),
        "total": sum((row["points"] for row in rows), Decimal(0)),
        "twin": [
            [f"{row['title']}, {part['title']}" if row["parts"] else row["title"], signed(part["points"])]
            for row in rows
            for part in (row["parts"] or [row])
        ],
        "twin_heads": ["Part", "Points"],
        "differences": [
            {
                "title": line_title(found, one.key),
                "before": PRESENCE_WORDS.get(one.before, one.before),
                "after": PRESENCE_WORDS.get(one.after, one.after),
                "href": facts_href(found, one.key),
            }
            for one in found.change.differences
        ],
    }


def _end(end: End) -> dict[str, Any]:
    bands = end.card.bands
    return {
        "day": end.day,
        "text": shown(end.state.score, bands.of) if end.state.score is not None else "",
        "label": label_of(end.card, end.score.band),
        "tone": tone_of(end.card, end.score.band),
        "version": end.score.version,
        "receipt": f"{reverse('metrics:health_receipt', args=[end.score.pk])}?day={end.day.isoformat()}",
    }


def _row(found: ScoreChange, bar: Shown) -> dict[str, Any]:
    is_data = bar.cause == DATA
    return {
        "cause": bar.cause,
        "tone": TONES.get(bar.cause, f"c-{bar.cause}"),
        "title": line_title(found, bar.key) if is_data else CAUSE_WORDS[bar.cause],
        "note": line_note(found, DATA, bar.key) if is_data else cause_note(found, bar.cause),
        "points": Decimal(bar.points) / MICRO,
        "href": facts_href(found, bar.key) if is_data else "",
        "parts": [] if is_data else [_part(found, part, bar.cause == OTHER) for part in bar.parts],
    }


def _part(found: ScoreChange, part: Shown, name_cause: bool) -> dict[str, Any]:
    title = line_title(found, part.key)
    return {
        "title": f"{title} ({CAUSE_WORDS[part.cause].lower()})" if name_cause else title,
        "note": line_note(found, part.cause, part.key),
        "points": Decimal(part.points) / MICRO,
        "href": facts_href(found, part.key),
    }


def _stack(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Losses to the left, gains to the right, each part as wide as it is large; in the order of the rows inside."""
    ordered = [row for row in rows if row["points"] < 0][::-1] + [row for row in rows if row["points"] > 0]
    rects = charts.shares([(abs(row["points"]), row["tone"]) for row in ordered])
    return [
        {"rect": rect, "cause": row["cause"], "starts_gains": row["points"] > 0 and index > 0 and before < 0}
        for index, (rect, row, before) in enumerate(
            zip(rects, ordered, [Decimal(0), *(row["points"] for row in ordered)], strict=False)
        )
    ]
