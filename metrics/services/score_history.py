"""Scores of past days, for facts that came in as history: the chart is full from the first day on."""

from collections.abc import Iterable
from datetime import date, datetime

from django.db import transaction

from metrics.queries.cards import cards_in_force, only
from metrics.rollups import readings
from metrics.services.scorecards import ensure_default_scorecard
from metrics.services.scores import store_past


@transaction.atomic
def score_past_days(*, days: Iterable[tuple[date, datetime]], now: datetime) -> int:
    """Score every customer at the end of past days, oldest first, with what is known today.

    `days` are pairs of (local day, the instant that day ended). Stored history is never rewritten: a day before a
    stored score is left out. Returns how many scores were added.
    """
    cards = cards_in_force() or only(ensure_default_scorecard(now=now))
    added = 0
    for day, ended_at in sorted(days):
        packed = readings.read(customer_ids=None, as_of=day, now=ended_at, known_at=None)
        added += store_past(packed, cards=cards, as_of=day, now=ended_at)
    return added
