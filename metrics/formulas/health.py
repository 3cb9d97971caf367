"""Health scores: the reference arithmetic from readings to score, band, coverage and exact lines.

Order of work for a weighted card: pick curve, points, decay, missing policy, group, overall mean, cap, band.
Everything is an integer (see `health_numbers`); no clock, no database. The lines of a result always add up to
its score, or, when there is too little data for a score, to the arithmetic that is kept for the explanation.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from metrics.formulas.health_cards import (
    INSUFFICIENT,
    ActionsCard,
    Card,
    CardMeasure,
    Group,
    SpecialCurve,
    WeightedCard,
)
from metrics.formulas.health_curves import Curve, Peers, decayed, points_on
from metrics.formulas.health_numbers import MICRO, WEIGHT_UNIT, apportion, div

ENGINE_VERSION = 1  # rises with any change that alters a golden number

COVERAGE = "coverage"
BLOCKED = "blocked"
NO_DATA = "no_data"
NO_FACTS = "no_facts"
CAP_LINE = "cap"


@dataclass(frozen=True, slots=True)
class Reading:
    """What is known of one measure: a value in 10^-6 and its age in local days, or the reason for none."""

    value: int | None = None
    age: int | None = None
    reason: str = ""
    peers: Peers | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """What else of a customer picks curves and impacts at the moment of scoring."""

    phase: str = ""
    tenure_months: int | None = None
    segments: frozenset[str] = frozenset()


ANYONE = Subject()


@dataclass(frozen=True, slots=True)
class Line:
    """One part of a score; the parts add up to it."""

    key: str
    points: int


@dataclass(frozen=True, slots=True)
class Part:
    """One measure in the explanation: points before and after decay, shares, or why it is missing."""

    key: str
    group: str
    reading: Reading
    raw_points: int | None
    points: int | None
    reason: str
    imputed: bool
    base_share: Fraction
    effective_share: Fraction
    contribution: int


@dataclass(frozen=True, slots=True)
class GroupPart:
    """One group in the explanation; points are None when nothing of it is known."""

    key: str
    points: int | None
    contribution: int


@dataclass(frozen=True, slots=True)
class Level:
    """The result for one customer. `score` is None when there is too little data; `arithmetic` is kept."""

    score: int | None
    arithmetic: int | None
    band: str
    reason: str
    coverage: Fraction
    lines: tuple[Line, ...]
    parts: tuple[Part, ...] = field(default=(), repr=False)
    groups: tuple[GroupPart, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class _Measured:
    """A measure after curve, decay and missing policy."""

    measure: CardMeasure
    reading: Reading
    raw_points: int | None
    points: int | None
    reason: str
    imputed: bool

    @property
    def counts(self) -> bool:
        return self.points is not None and self.measure.weight > 0


def level(card: Card, readings: Sequence[Reading], subject: Subject = ANYONE) -> Level:
    """The score of one customer from readings in card order. Pure: the same inputs give the same digits."""
    if isinstance(card, ActionsCard):
        return _actions_level(card, readings, subject)
    return _weighted_level(card, readings, subject, with_parts=False)


def explain(card: Card, readings: Sequence[Reading], subject: Subject = ANYONE) -> Level:
    """The same result with every part of it: points, shares and reasons by measure and group."""
    if isinstance(card, ActionsCard):
        return _actions_level(card, readings, subject)
    return _weighted_level(card, readings, subject, with_parts=True)


def score_many(card: Card, rows: Iterable[tuple[Sequence[Reading], Subject]]) -> list[Level]:
    """`level` for many customers under one card."""
    return [level(card, readings, subject) for readings, subject in rows]


def curve_for(measure: CardMeasure, subject: Subject) -> Curve:
    """The first special curve that fits the phase or tenure, else the measure's own curve."""
    for special in measure.curves:
        if _fits(special, subject):
            return special.curve
    return measure.curve


def _fits(special: SpecialCurve, subject: Subject) -> bool:
    if special.phase is not None:
        return special.phase == subject.phase
    if subject.tenure_months is None or subject.tenure_months < special.from_months:
        return False
    return special.to_months is None or subject.tenure_months < special.to_months


def _measured(measure: CardMeasure, reading: Reading, subject: Subject) -> _Measured:
    if reading.value is None:
        return _imputed(measure, reading, None, reading.reason or NO_FACTS)
    raw = points_on(curve_for(measure, subject), reading.value, reading.peers)
    if isinstance(raw, str):
        return _imputed(measure, reading, None, raw)
    points = decayed(raw, reading.age, measure.fresh_for, measure.expires_after, measure.neutral)
    if isinstance(points, str):
        return _imputed(measure, reading, raw, points)
    return _Measured(measure, reading, raw, points, "", imputed=False)


def _imputed(measure: CardMeasure, reading: Reading, raw: int | None, reason: str) -> _Measured:
    if measure.missing == "neutral":
        return _Measured(measure, reading, raw, measure.neutral, reason, imputed=True)
    if measure.missing == "worst":
        return _Measured(measure, reading, raw, 0, reason, imputed=True)
    return _Measured(measure, reading, raw, None, reason, imputed=False)


def _group_points(group: Group, members: Sequence[_Measured]) -> int | None:
    """Points of a group by its rule over what counts; None when nothing does."""
    present = [(one.measure.weight, one.points) for one in members if one.points is not None and one.counts]
    if not present:
        return None
    if group.rule == "min":
        return min(points for _, points in present)
    if group.rule == "max":
        return max(points for _, points in present)
    return div(sum(weight * points for weight, points in present), sum(weight for weight, _ in present))


def _weighted_level(
    card: WeightedCard, readings: Sequence[Reading], subject: Subject, *, with_parts: bool
) -> Level:
    measured = [_measured(m, reading, subject) for m, reading in zip(card.measures, readings, strict=True)]
    members = _by_group(card, measured)
    points = [_group_points(group, ones) for group, ones in zip(card.groups, members, strict=True)]
    weights = [g.weight if p is not None else 0 for g, p in zip(card.groups, points, strict=True)]
    covered = sum(
        share
        for one, share in zip(measured, card.base_shares, strict=True)
        if one.points is not None and not one.imputed
    )
    coverage = Fraction(covered, card.base_total)
    if sum(weights) == 0:
        return _nothing_known(card, measured, coverage, with_parts=with_parts)
    mean = div(sum(w * p for w, p in zip(weights, points, strict=True) if p is not None), sum(weights))
    shares = apportion(mean, [w * (p or 0) for w, p in zip(weights, points, strict=True)])
    contributions = [
        part
        for group, ones, share in zip(card.groups, members, shares, strict=True)
        for part in _split(group, ones, share)
    ]
    lines = [Line(one.measure.key, part) for one, part in zip(measured, contributions, strict=True)]
    cap = _cap(card, measured, points, mean)
    if cap is not None:
        lines.append(Line(CAP_LINE, cap))
    total = mean + (cap or 0)
    reason = _guard(card, measured, coverage)
    return Level(
        score=None if reason else total,
        arithmetic=total,
        band=INSUFFICIENT if reason else card.bands.of(total),
        reason=reason,
        coverage=coverage,
        lines=tuple(lines),
        parts=_parts(card, measured, _effective_shares(members, weights), contributions)
        if with_parts
        else (),
        groups=tuple(
            GroupPart(group.key, p, share)
            for group, p, share in zip(card.groups, points, shares, strict=True)
        ),
    )


def _by_group(card: WeightedCard, measured: Sequence[_Measured]) -> list[Sequence[_Measured]]:
    members, start = [], 0
    for group in card.groups:
        members.append(measured[start : start + len(group.measures)])
        start += len(group.measures)
    return members


def _split(group: Group, members: Sequence[_Measured], share: int) -> tuple[int, ...]:
    """A group's part over its measures: by weight x points, or whole to the measure that binds."""
    values = [one.points if one.points is not None and one.counts else None for one in members]
    if group.rule == "mean":
        return apportion(
            share, [one.measure.weight * (p or 0) for one, p in zip(members, values, strict=True)]
        )
    known = [p for p in values if p is not None]
    if not known:
        return tuple(0 for _ in members)
    binding = values.index(min(known) if group.rule == "min" else max(known))
    return tuple(share if index == binding else 0 for index in range(len(members)))


def _cap(
    card: WeightedCard, measured: Sequence[_Measured], groups: Sequence[int | None], mean: int
) -> int | None:
    """The change by the lowest cap that fires (0 when the mean is already below it), None when none fires."""
    known = {one.measure.key: one.points for one in measured if one.points is not None and not one.imputed}
    known |= {group.key: p for group, p in zip(card.groups, groups, strict=True) if p is not None}
    fired = [cap.at_most for cap in card.caps if cap.key in known and known[cap.key] < cap.below]
    return min(0, min(fired) - mean) if fired else None


def _guard(card: WeightedCard, measured: Sequence[_Measured], coverage: Fraction) -> str:
    if any(one.measure.missing == "block" and one.points is None for one in measured):
        return BLOCKED
    if coverage < Fraction(card.min_coverage, WEIGHT_UNIT):
        return COVERAGE
    return ""


def _nothing_known(
    card: WeightedCard, measured: Sequence[_Measured], coverage: Fraction, *, with_parts: bool
) -> Level:
    zero = [0] * len(measured)
    blocked = any(one.measure.missing == "block" and one.points is None for one in measured)
    return Level(
        score=None,
        arithmetic=None,
        band=INSUFFICIENT,
        reason=BLOCKED if blocked else NO_DATA,
        coverage=coverage,
        lines=(),
        parts=_parts(card, measured, [Fraction(0) for _ in measured], zero) if with_parts else (),
        groups=tuple(GroupPart(group.key, None, 0) for group in card.groups),
    )


def _effective_shares(members: Sequence[Sequence[_Measured]], weights: Sequence[int]) -> list[Fraction]:
    """Share of each measure over what is present: group weight by present groups, measure by present measures."""
    shares = []
    for ones, weight in zip(members, weights, strict=True):
        inside = sum(one.measure.weight for one in ones if one.counts)
        for one in ones:
            present = one.counts and inside and weight
            shares.append(
                Fraction(weight * one.measure.weight, sum(weights) * inside) if present else Fraction(0)
            )
    return shares


def _parts(
    card: WeightedCard,
    measured: Sequence[_Measured],
    effective: Sequence[Fraction],
    contributions: Sequence[int],
) -> tuple[Part, ...]:
    groups = [group.key for group in card.groups for _ in group.measures]
    return tuple(
        Part(
            key=one.measure.key,
            group=group,
            reading=one.reading,
            raw_points=one.raw_points,
            points=one.points,
            reason=one.reason,
            imputed=one.imputed,
            base_share=Fraction(base, card.base_total),
            effective_share=share,
            contribution=contribution,
        )
        for one, group, base, share, contribution in zip(
            measured, groups, card.base_shares, effective, contributions, strict=True
        )
    )


def _actions_level(card: ActionsCard, readings: Sequence[Reading], subject: Subject) -> Level:
    """Sum of impact x count; a reading is the count in the window, or none when the fact was never seen."""
    if all(reading.value is None for reading in readings):
        return Level(None, None, INSUFFICIENT, NO_DATA, Fraction(0), ())
    lines = []
    for action, reading in zip(card.actions, readings, strict=True):
        impact = next(
            (points for segment, points in action.impacts if segment in subject.segments), action.impact
        )
        count = (reading.value or 0) // MICRO
        if action.max_count is not None:
            count = min(count, action.max_count)
        lines.append(Line(action.key, impact * count * (MICRO // WEIGHT_UNIT)))
    total = sum(line.points for line in lines)
    return Level(total, total, card.bands.of(total), "", Fraction(1), tuple(lines))


@dataclass(frozen=True, slots=True)
class RollUp:
    """How a customer and its children stand together; None where nothing counts."""

    worst_child: int | None
    weighted_mean: int | None
    good_share: Fraction | None
    scored: int
    members: int


def roll_up(own: tuple[int | None, int, str], children: Sequence[tuple[int | None, int, str]]) -> RollUp:
    """Worst child, mean weighted by MRR and share of MRR in good bands, of (score, MRR, tone) rows.

    Members without a score or without MRR are counted and left out.
    """
    members = [own, *children]
    scored = [(score, mrr, tone) for score, mrr, tone in members if score is not None and mrr > 0]
    mrr = sum(weight for _, weight, _ in scored)
    worst = min((score for score, weight, _ in children if score is not None and weight > 0), default=None)
    if mrr == 0:
        return RollUp(worst, None, None, 0, len(members))
    good = sum(weight for _, weight, tone in scored if tone in {"green", "blue"})
    mean = div(sum(score * weight for score, weight, _ in scored), mrr)
    return RollUp(worst, mean, Fraction(good, mrr), len(scored), len(members))
