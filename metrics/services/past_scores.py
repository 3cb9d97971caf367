"""Scores of a past day: as they were known then (stored rows), or as known now (computed from today's facts)."""

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal

from django.db.models import Q

from metrics.choices import VersionState
from metrics.formulas.health_numbers import MICRO
from metrics.formulas.health_override import override_part
from metrics.models import HealthScore, ScorecardVersion
from metrics.queries.cards import CardSet, card_set, cards_in_force
from metrics.queries.overrides import arithmetic_override, overrides_at
from metrics.queries.scores import cards_of, scores_at
from metrics.services.scores import computed_scores


def scores_of_day(
    customer_ids: Iterable[int], *, day: date, end: datetime, now: datetime, then: bool
) -> dict[int, HealthScore]:
    """{customer id: score at the end of a past day}; as known now they are computed and not stored."""
    ids = list(customer_ids)
    if then:
        return scores_at(ids, end)
    cards = cards_at(end)
    if cards is None or not ids:
        return {}
    found = computed_scores(customer_ids=ids, as_of=day, now=now, known_at=None, cards=cards)
    bands = cards_of({row.version.pk: row.version for row in found.values()}.values())
    for pk, override in overrides_at(end, ids).items():
        row = found.get(pk)
        if row is not None and row.computed is not None:
            part = override_part(int(row.computed * MICRO), arithmetic_override(override))
            row.override, row.override_part = override, part
            row.score = row.computed + Decimal(part) / MICRO
            row.band = bands[row.version_id].bands.of(int(row.score * MICRO))
    return found


def cards_at(moment: datetime) -> CardSet | None:
    """The cards that were live at a moment; before the first of them those of today."""
    live = ScorecardVersion.objects.filter(
        Q(live_to=None) | Q(live_to__gt=moment),
        live_from__lte=moment,
        state__in=(VersionState.LIVE, VersionState.SUPERSEDED),
    )
    return card_set(live.select_related("scorecard")) or cards_in_force()
