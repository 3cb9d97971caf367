"""Scores of past days, for facts that came in as history: the chart is full from the first day on."""

from collections.abc import Iterable
from datetime import date, datetime

from django.db import transaction

from metrics.queries.scorecards import live_version
from metrics.rollups import readings
from metrics.services.scorecards import ensure_default_scorecard
from metrics.services.scores import BATCH, store_scores


@transaction.atomic
def score_past_days(*, days: Iterable[tuple[date, datetime]], now: datetime) -> int:
    """Score every customer at the end of past days, oldest first, with what is known today.

    `days` are pairs of (local day, the instant that day ended). Stored history is never rewritten: a day before a
    stored score is left out. Returns how many scores were added.
    """
    version = live_version() or ensure_default_scorecard(now=now)
    added = 0
    for day, ended_at in sorted(days):
        packed = list(readings.read(customer_ids=None, as_of=day, now=ended_at, known_at=None))
        for start in range(0, len(packed), BATCH):
            part = packed[start : start + BATCH]
            added += store_scores(part, version=version, as_of=day, now=ended_at)
    return added
