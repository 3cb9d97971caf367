"""A weighted card prepared for columns: weights divided by what they share, curves ready, bounds checked once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd

from metrics.formulas.health_cards import (
    CardMeasure,
    Rule,
    SpecialCurve,
    WeightedCard,
    card_problems,
)
from metrics.formulas.health_numbers import FULL, WEIGHT_UNIT
from metrics.scoring.curves import Plan, prepared
from metrics.scoring.exact import LIMIT


@dataclass(frozen=True, slots=True)
class MeasurePlan:
    """One measure: where its readings stand, its curves, and what a missing one counts as (None: nothing)."""

    measure: CardMeasure
    place: int
    slot: int
    weight: int
    base: int
    curve: Plan
    special: tuple[tuple[SpecialCurve, Plan], ...]
    fill: int | None


@dataclass(frozen=True, slots=True)
class GroupPlan:
    """One group: its measures are those at places [start, stop) of the card."""

    key: str
    weight: int
    rule: Rule
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class WeightedPlan:
    """Coverage = covered base shares / `whole`; it suffices from `needed` of them on."""

    card: WeightedCard
    measures: tuple[MeasurePlan, ...]
    groups: tuple[GroupPlan, ...]
    whole: int
    needed: int


def weighted_plan(card: WeightedCard, slots: Sequence[int]) -> WeightedPlan | None:
    """The plan, or None for a card that only the reference can score."""
    if card_problems(card) or not _fits(card):
        return None
    shared = gcd(*card.base_shares)
    whole = card.base_total // shared
    measures: list[MeasurePlan] = []
    groups: list[GroupPlan] = []
    readings = iter(zip(slots, card.base_shares, strict=True))
    for group, weight in zip(card.groups, _reduced([g.weight for g in card.groups]), strict=True):
        start = len(measures)
        for measure, own in zip(group.measures, _reduced([m.weight for m in group.measures]), strict=True):
            slot, base = next(readings)
            measures.append(_measure(measure, (len(measures), slot), own, base // shared))
        groups.append(GroupPlan(group.key, weight, group.rule, start, len(measures)))
    needed = -(-card.min_coverage * whole // WEIGHT_UNIT)
    return WeightedPlan(card, tuple(measures), tuple(groups), whole, needed)


def _measure(measure: CardMeasure, at: tuple[int, int], weight: int, base: int) -> MeasurePlan:
    return MeasurePlan(
        measure=measure,
        place=at[0],
        slot=at[1],
        weight=weight,
        base=base,
        curve=prepared(measure.curve),
        special=tuple((special, prepared(special.curve)) for special in measure.curves),
        fill={"neutral": measure.neutral, "worst": 0}.get(measure.missing),
    )


def _reduced(weights: Sequence[int]) -> list[int]:
    shared = gcd(*weights) or 1
    return [weight // shared for weight in weights]


def _fits(card: WeightedCard) -> bool:
    """Whether every sum of weight x points stays far enough from 2^63."""
    groups = [_weights_fit([m.weight for m in group.measures]) for group in card.groups]
    rest = [abs(edge.at) for edge in card.bands.edges]
    rest += [abs(number) for cap in card.caps for number in (cap.below, cap.at_most)]
    rest += [abs(cap.at_most) + FULL for cap in card.caps]
    rest += [FULL * (measure.expires_after or 0) for measure in card.measures]
    return (
        all(groups)
        and _weights_fit([group.weight for group in card.groups])
        and all(0 <= measure.neutral <= FULL for measure in card.measures)
        and all(number < LIMIT for number in rest)
    )


def _weights_fit(weights: Sequence[int]) -> bool:
    return sum(_reduced(weights)) * FULL < LIMIT


def members(card: WeightedCard, key: str) -> tuple[list[int], list[int]]:
    """Places of the measures and of the groups that a cap of this key speaks of."""
    measures = [place for place, measure in enumerate(card.measures) if measure.key == key]
    return measures, [place for place, group in enumerate(card.groups) if group.key == key]
