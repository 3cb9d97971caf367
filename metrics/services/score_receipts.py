"""Receipts checked: the same inputs through the arithmetic again, and the readings taken again from the facts."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from metrics.formulas.health import ENGINE_VERSION, Level, level
from metrics.formulas.health_cards import Card, read_card
from metrics.formulas.health_measures import DAY_ZERO, MeasureVersion
from metrics.formulas.health_numbers import MICRO
from metrics.formulas.health_override import effective
from metrics.formulas.health_rules import read_rules
from metrics.models import HealthScore
from metrics.queries.cards import CardInForce
from metrics.queries.health_inputs import Around, arithmetic_of, inputs_hash, inputs_of
from metrics.queries.measures import Catalog, catalog
from metrics.queries.overrides import arithmetic_override
from metrics.queries.peers import among, counts_on, groups_of, snapshot_of
from metrics.queries.score_receipts import stored_readings, wrong_lines
from metrics.rollups import readings


@dataclass(frozen=True, slots=True)
class ReadAgain:
    """Readings of a customer at a day, and the score they give under the card of a receipt."""

    as_of: date
    known_at: datetime | None
    inputs: Mapping[str, Any]
    result: Level
    score: int | None


@dataclass(frozen=True, slots=True)
class ReadingDifference:
    """One reading (or what picked curves) that is not the same any more: the stored one and the one found."""

    measure: MeasureVersion | None
    what: str
    stored: Any
    found: Any


@dataclass(frozen=True, slots=True)
class Recheck:
    """What "Recompute" found. `again` and `now` are None for a customer that has no readings any more."""

    engine: int
    computed: int | None
    difference: int
    altered: bool
    wrong_lines: tuple[str, ...]
    again: ReadAgain | None
    differences: tuple[ReadingDifference, ...]
    now: ReadAgain | None
    restated: tuple[ReadingDifference, ...]
    measures: Catalog

    @property
    def is_identical(self) -> bool:
        """Whether the stored inputs are untouched and give the stored score, line by line."""
        return not (self.altered or self.difference or self.wrong_lines)


def recheck(score: HealthScore, *, day: date, now: datetime) -> Recheck:
    """Check (a): stored inputs again. Check (b): readings of that instant again, as known then; and of `day`, as known now.

    `score` comes with its version, rules and override. Nothing is written.
    """
    card, measures = read_card(score.version.body), catalog()
    result = level(card, *arithmetic_of(score.inputs, score.as_of))
    again = read_again(score, card, measures, as_of=score.as_of, until=score.from_at, known_at=score.from_at)
    restated = read_again(score, card, measures, as_of=day, until=now, known_at=None)
    return Recheck(
        engine=ENGINE_VERSION,
        computed=result.score,
        difference=(result.arithmetic or 0) - _micro(score.arithmetic),
        altered=inputs_hash(score.inputs) != score.inputs_hash,
        wrong_lines=wrong_lines(score, card, result),
        again=again,
        differences=differences(score.inputs, again, card, measures),
        now=restated,
        restated=differences(score.inputs, restated, card, measures),
        measures=measures,
    )


def read_again(
    score: HealthScore,
    card: Card,
    measures: Catalog,
    *,
    as_of: date,
    until: datetime,
    known_at: datetime | None,
) -> ReadAgain | None:
    """Readings of the customer at a day under the card of a stored score; holds stay where the score had them."""
    chosen = CardInForce(score.version, card)
    groups = groups_of([chosen], measures)
    peers = snapshot_of(as_of, groups)
    whom = [score.customer_id] if set(peers) == groups else None
    everybody = readings.read(customer_ids=whom, as_of=as_of, now=until, known_at=known_at)
    packed = next((one for one in everybody if one.customer_id == score.customer_id), None)
    if packed is None:
        return None
    values = peers if whom else among(everybody, groups)
    around = Around(measures, counts_on(chosen, [packed], values, measures), _holds(score, card, measures))
    inputs = inputs_of(packed, card, around, _segments(score, chosen))
    result = level(card, *arithmetic_of(inputs, as_of))
    override = arithmetic_override(score.override)
    return ReadAgain(as_of, known_at, inputs, result, effective(result.score, override))


def differences(
    stored: Mapping[str, Any], again: ReadAgain | None, card: Card, measures: Catalog
) -> tuple[ReadingDifference, ...]:
    """What of the stored inputs is read otherwise, in card order."""
    if again is None:
        return ()
    then, now = stored_readings(stored), stored_readings(again.inputs)
    found = [
        ReadingDifference(measures[one.key, one.version], "reading", old, new)
        for one, old, new in zip(card.measures, then, now, strict=True)
        if old != new
    ]
    found += [
        ReadingDifference(None, what, stored[what], again.inputs[what])
        for what in ("phase", "tenure_months", "labels")
        if stored[what] != again.inputs[what]
    ]
    return tuple(found)


def _holds(score: HealthScore, card: Card, measures: Catalog) -> dict[str, date]:
    held = score.inputs.get("held", {})
    feeds = [measures[one.key, one.version].feed for one in card.measures]
    return {feeds[int(place)]: DAY_ZERO + timedelta(days=day) for place, day in held.items()}


def _segments(score: HealthScore, chosen: CardInForce) -> Collection[str]:
    """Segments that the card and the card rules of the score ask for."""
    if score.rules is None:
        return chosen.segments
    return chosen.segments | {rule.text for rule in read_rules(score.rules.body).rules}


def _micro(points: Any) -> int:
    return 0 if points is None else int(points * MICRO)
