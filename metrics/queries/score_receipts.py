"""Stored scores by their receipt: what they were made of, and whether that still gives them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.http import Http404

from metrics.formulas.health import CAP_LINE, Level, level
from metrics.formulas.health_cards import Card
from metrics.formulas.health_curves import Peers
from metrics.formulas.health_measures import DAY_ZERO, REASONS
from metrics.formulas.health_numbers import MICRO
from metrics.formulas.health_override import effective
from metrics.models import HealthScore, ScorecardVersion
from metrics.queries.health_inputs import arithmetic_of, inputs_hash
from metrics.queries.overrides import arithmetic_override
from metrics.queries.scores import cards_of


def receipt_for(user: Any, pk: int) -> HealthScore:
    """One stored score of a readable customer, or 404: outside the scope and missing look the same."""
    rows = HealthScore.objects.visible_to(user).filter(pk=pk)
    found = rows.select_related("customer", "version__scorecard", "rules", "override").first()
    if found is None:
        raise Http404
    return found


@dataclass(frozen=True, slots=True)
class StoredReading:
    """One reading of a receipt: value in millionths and its day, or why there is none."""

    value: int | None
    day: date | None
    reason: str
    peers: Peers | None


def stored_readings(inputs: Mapping[str, Any]) -> list[StoredReading]:
    """The readings of a receipt in card order."""
    peers = inputs.get("peers", {})
    rows = zip(inputs["values"], inputs["days"], inputs["reasons"], strict=True)
    return [
        StoredReading(
            value=value,
            day=None if day is None else DAY_ZERO + timedelta(days=day),
            reason=REASONS[reason],
            peers=Peers(*peers[str(place)]) if str(place) in peers else None,
        )
        for place, (value, day, reason) in enumerate(rows)
    ]


def wrong_lines(score: HealthScore, card: Card, result: Level) -> tuple[str, ...]:
    """Keys of the measures (and the cap) whose stored line is not what the stored inputs give."""
    found = {line.key: line.points for line in result.lines}
    stored = dict(zip((measure.key for measure in card.measures), score.lines, strict=False))
    if score.cap is not None:
        stored[CAP_LINE] = score.cap
    return tuple(key for key in {**stored, **found} if stored.get(key) != found.get(key))


def receipt_problems(scores: Iterable[HealthScore]) -> dict[int, str]:
    """{score id: what its own inputs do not give} of stored scores; those that come out identical are left out.

    `scores` come with their overrides. One query for all their cards.
    """
    rows = list(scores)
    versions = ScorecardVersion.objects.in_bulk({row.version_id for row in rows})
    cards = cards_of(versions.values())
    found = {row.pk: _problem(row, cards[row.version_id]) for row in rows}
    return {pk: text for pk, text in found.items() if text}


def _problem(score: HealthScore, card: Card) -> str:
    """Empty when the stored inputs are untouched and give the stored score digit by digit."""
    result = level(card, *arithmetic_of(score.inputs, score.as_of))
    said = []
    if inputs_hash(score.inputs) != score.inputs_hash:
        said.append("the inputs no longer match their hash")
    lines = wrong_lines(score, card, result)
    if lines:
        said.append(f"other parts: {', '.join(lines)}")
    wanted = effective(result.score, arithmetic_override(score.override))
    for name, stored, again in (("computed", score.computed, result.score), ("score", score.score, wanted)):
        if stored != _points(again):
            said.append(f"{name} stored {stored}, worked out again {_points(again)}")
    return "; ".join(said)


def _points(micro: int | None) -> Decimal | None:
    return None if micro is None else Decimal(micro) / MICRO
