"""Why a score is what it is: the stored inputs go through the same arithmetic again and give every part."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from metrics.formulas.health import CAP_LINE, Level, Part, explain
from metrics.formulas.health_cards import ActionsCard, Card, CardMeasure, WeightedCard
from metrics.formulas.health_curves import Curve
from metrics.formulas.health_measures import MeasureVersion
from metrics.formulas.health_numbers import MICRO, WEIGHT_UNIT, shown
from metrics.models import HealthScore
from metrics.queries.health_inputs import arithmetic_of, days_of
from metrics.queries.measures import catalog
from metrics.queries.scores import cards_of, label_of, tone_of

RED_BELOW, AMBER_BELOW = 40 * MICRO, 70 * MICRO  # tones of a single measure


@dataclass(frozen=True, slots=True)
class Driver:
    """One measure of a score. Points, shares and the contribution are points of the 0-100 scale and fractions."""

    measure: MeasureVersion
    group: str
    value: Decimal | None
    as_of: date | None
    age: int | None
    curve: Curve
    raw_points: Decimal | None
    points: Decimal | None
    base_share: Decimal
    effective_share: Decimal
    contribution: Decimal
    lost: Decimal
    reason: str
    imputed: bool
    tone: str

    @property
    def is_ageing(self) -> bool:
        """Whether decay has taken or added points."""
        return self.points is not None and self.raw_points is not None and self.points != self.raw_points


@dataclass(frozen=True, slots=True)
class GroupShare:
    """One group of a score: its points, None when nothing of it is known, and its share of the weight."""

    title: str
    share: Decimal
    points: Decimal | None
    tone: str

    @property
    def fill(self) -> Decimal:
        """Points as a part of 1."""
        return (self.points or Decimal(0)) / 100


@dataclass(frozen=True, slots=True)
class ActionRow:
    """One action of an actions card: value = impact x counted. `segment` gave the impact, empty for the default one.

    `count` is None while the fact was never seen; `counted` is the count, at most `max_count`.
    """

    title: str
    impact: Decimal
    segment: str
    count: int | None
    counted: int
    max_count: int | None
    value: Decimal


@dataclass(frozen=True, slots=True)
class Explanation:
    """A stored score with its parts, the costliest first.

    The contributions (or the values of actions) and the cap add up to the arithmetic, and with `override` to the score.
    `text` is the score in force, `computed_text` what the card says.
    """

    score: HealthScore
    card: Card
    text: str
    computed_text: str
    label: str
    tone: str
    drivers: tuple[Driver, ...]
    actions: tuple[ActionRow, ...]
    groups: tuple[GroupShare, ...]
    cap: Decimal | None
    override: Decimal | None
    missing: tuple[Driver, ...]


def explanation_of(score: HealthScore) -> Explanation:
    """Every part of a stored score, recomputed from its stored inputs."""
    card = cards_of([score.version])[score.version_id]
    result = explain(card, *arithmetic_of(score.inputs, score.as_of))
    drivers: list[Driver] = []
    actions: tuple[ActionRow, ...] = ()
    groups: tuple[GroupShare, ...] = ()
    if isinstance(card, ActionsCard):
        actions = _actions(card, score, result)
    else:
        titles = {group.key: group.title for group in card.groups}
        drivers, groups = _drivers(card, score, result, titles), _groups(result, titles)
    return Explanation(
        score=score,
        card=card,
        text=_shown(score.score, card),
        computed_text=_shown(score.computed, card),
        label=label_of(card, score.band),
        tone=tone_of(card, score.band),
        drivers=tuple(drivers),
        actions=actions,
        groups=groups,
        cap=_cap(result),
        override=points_of(score.override_part) if score.override_id else None,
        missing=tuple(driver for driver in drivers if driver.points is None),
    )


def _shown(points: Decimal | None, card: Card) -> str:
    return "" if points is None else shown(int(points * MICRO), card.bands.of)


def _drivers(card: WeightedCard, score: HealthScore, result: Level, titles: dict[str, str]) -> list[Driver]:
    measures = catalog()
    found = [
        _driver(part, measure, measures[measure.key, measure.version], day, titles[part.group])
        for part, measure, day in zip(result.parts, card.measures, days_of(score.inputs), strict=True)
    ]
    return sorted(found, key=lambda driver: (-driver.lost, driver.points is None))


def _actions(card: ActionsCard, score: HealthScore, result: Level) -> tuple[ActionRow, ...]:
    """In card order; which segment gave the impact comes from the labels the score was made with."""
    labels = set(score.inputs["labels"])
    values = {line.key: line.points for line in result.lines}
    rows = []
    for action, value in zip(card.actions, score.inputs["values"], strict=True):
        segment, impact = next(
            ((text, points) for text, points in action.impacts if text in labels), ("", action.impact)
        )
        count = None if value is None else value // MICRO
        counted = min(count or 0, action.max_count) if action.max_count is not None else count or 0
        rows.append(
            ActionRow(
                title=action.title,
                impact=Decimal(impact) / WEIGHT_UNIT,
                segment=segment,
                count=count,
                counted=counted,
                max_count=action.max_count,
                value=points_of(values.get(action.key, 0)) or Decimal(0),
            )
        )
    return tuple(rows)


def points_of(value: int | Fraction | None) -> Decimal | None:
    """Micro-points as exact points."""
    return None if value is None else Decimal(int(value)) / MICRO


def share_of(value: Fraction) -> Decimal:
    """A share for showing, 6 decimals, cut so that it is 1 only when it is exactly 1."""
    return Decimal(value.numerator * MICRO // value.denominator) / MICRO


def _driver(part: Part, measure: CardMeasure, named: MeasureVersion, day: date | None, group: str) -> Driver:
    lost = 100 * MICRO * part.effective_share - part.contribution
    return Driver(
        measure=named,
        group=group,
        value=points_of(part.reading.value),
        as_of=day,
        age=part.reading.age,
        curve=measure.curve,
        raw_points=points_of(part.raw_points),
        points=points_of(part.points),
        base_share=share_of(part.base_share),
        effective_share=share_of(part.effective_share),
        contribution=points_of(part.contribution) or Decimal(0),
        lost=points_of(lost) or Decimal(0),
        reason=part.reason,
        imputed=part.imputed,
        tone=_tone(part.points),
    )


def _groups(result: Level, titles: dict[str, str]) -> tuple[GroupShare, ...]:
    shares: dict[str, Fraction] = defaultdict(Fraction)
    for part in result.parts:
        shares[part.group] += part.base_share
    return tuple(
        GroupShare(titles[one.key], share_of(shares[one.key]), points_of(one.points), _tone(one.points))
        for one in result.groups
    )


def _tone(points: int | None) -> str:
    if points is None:
        return "none"
    if points < RED_BELOW:
        return "red"
    return "amber" if points < AMBER_BELOW else "green"


def _cap(result: Level) -> Decimal | None:
    return next((points_of(line.points) for line in result.lines if line.key == CAP_LINE), None)
