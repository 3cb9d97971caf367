"""Scorecard bodies: the canonical JSON of a version and the frozen card the arithmetic works on.

A body holds integers only: points and raw values in 10^-6, weights, impacts and coverage in 10^-4, ages in days.
`read_card` refuses what could not be scored; `body_hash` names a body by its content.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, Literal

from metrics.formulas.health_curves import Curve, Linear, Percentile, Step, Target
from metrics.formulas.health_numbers import FULL, NEUTRAL

Rule = Literal["mean", "min", "max"]
Missing = Literal["redistribute", "neutral", "worst", "block"]
Side = Literal["upper", "lower"]

RULES = ("mean", "min", "max")
POLICIES = ("redistribute", "neutral", "worst", "block")
TONES = ("red", "amber", "green", "blue")
INSUFFICIENT = "insufficient"
MIN_COVERAGE = 5_000  # half of the weight, in 10^-4
MOST_KNOTS = 20  # more cannot be edited or explained in one sentence
FEWEST_BANDS, MOST_BANDS = 2, 7  # one band says nothing; more than seven cannot be told apart


class CardError(ValueError):
    """A body that cannot be a scorecard; `problems` names every reason in a sentence."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__(" ".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Band:
    """A named stretch of scores."""

    key: str
    label: str
    tone: str


@dataclass(frozen=True, slots=True)
class Edge:
    """The border between two bands; `upper`: a score on it belongs to the band above."""

    at: int
    side: Side = "upper"


@dataclass(frozen=True, slots=True)
class Bands:
    """Bands in rising order with one edge between two; open downwards and upwards, so no gap can exist."""

    bands: tuple[Band, ...]
    edges: tuple[Edge, ...]

    def of(self, score: int) -> str:
        """Key of the band a score lies in."""
        index = 0
        for edge in self.edges:
            if score > edge.at or (score == edge.at and edge.side == "upper"):
                index += 1
        return self.bands[index].key

    def named(self, key: str) -> Band | None:
        """The band with this key."""
        return next((band for band in self.bands if band.key == key), None)


WEIGHTED_BANDS = Bands(
    (Band("weak", "Weak", "red"), Band("moderate", "Moderate", "amber"), Band("healthy", "Healthy", "green")),
    (Edge(40_000_000), Edge(70_000_000)),
)
ACTION_BANDS = Bands(
    (
        Band("critical", "Critical", "red"),
        Band("weak", "Weak", "red"),
        Band("moderate", "Moderate", "amber"),
        Band("healthy", "Healthy", "green"),
        Band("thriving", "Thriving", "blue"),
    ),
    (Edge(0), Edge(40_000_000, "lower"), Edge(70_000_000, "lower"), Edge(100_000_000, "lower")),
)


@dataclass(frozen=True, slots=True)
class SpecialCurve:
    """A curve for one lifecycle phase, or for a stretch of tenure in months [from, to)."""

    curve: Curve
    phase: str | None = None
    from_months: int = 0
    to_months: int | None = None


@dataclass(frozen=True, slots=True)
class CardMeasure:
    """One measure on a card."""

    key: str
    version: int
    weight: int
    curve: Curve
    curves: tuple[SpecialCurve, ...] = ()
    missing: Missing = "redistribute"
    neutral: int = NEUTRAL
    fresh_for: int | None = None
    expires_after: int | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Measures that are joined by a rule before they are weighed."""

    key: str
    title: str
    weight: int
    measures: tuple[CardMeasure, ...]
    rule: Rule = "mean"


@dataclass(frozen=True, slots=True)
class Cap:
    """If the measure or group has a value and fewer than `below` points, the score is at most `at_most`."""

    key: str
    below: int
    at_most: int


@dataclass(frozen=True)
class WeightedCard:
    """A card that weighs measures of 0-100 points."""

    groups: tuple[Group, ...]
    caps: tuple[Cap, ...] = ()
    bands: Bands = WEIGHTED_BANDS
    min_coverage: int = MIN_COVERAGE

    @cached_property
    def measures(self) -> tuple[CardMeasure, ...]:
        """All measures in card order; readings are given in this order."""
        return tuple(measure for group in self.groups for measure in group.measures)

    @cached_property
    def base_shares(self) -> tuple[int, ...]:
        """Base share of each measure, over `base_total`: group weight x measure weight, groups on one scale."""
        sums = [sum(m.weight for m in group.measures) for group in self.groups]
        scale = 1
        for weight in sums:
            scale *= weight or 1
        return tuple(
            group.weight * measure.weight * (scale // (weight or 1))
            for group, weight in zip(self.groups, sums, strict=True)
            for measure in group.measures
        )

    @cached_property
    def base_total(self) -> int:
        """Denominator of the base shares."""
        return sum(self.base_shares)


@dataclass(frozen=True, slots=True)
class Action:
    """A measure that counts a fact, with its impact in points, possibly another one per segment (first match)."""

    key: str
    title: str
    impact: int
    impacts: tuple[tuple[str, int], ...] = ()
    max_count: int | None = None
    version: int = 1


@dataclass(frozen=True)
class ActionsCard:
    """A card that adds impact x count over a window of local days."""

    actions: tuple[Action, ...]
    window_days: int = 30
    bands: Bands = ACTION_BANDS

    @property
    def measures(self) -> tuple[Action, ...]:
        """What the card reads, in card order; readings are given in this order."""
        return self.actions


Card = WeightedCard | ActionsCard


def canonical(body: Any) -> str:
    """The one spelling of a JSON document: sorted keys, no spaces, no escapes for letters."""
    return _spelt(body)


_spelt = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


def body_hash(body: Any) -> str:
    """SHA-256 of the canonical spelling, hexadecimal."""
    return hash_of(canonical(body))


def hash_of(text: str) -> str:
    """SHA-256 of a document that is spelt canonically."""
    return hashlib.sha256(text.encode()).hexdigest()


def parse_card(body: Mapping[str, Any]) -> Card:
    """The card of a body, also of an unfinished draft. Raises CardError for what is no card at all."""
    try:
        return _read_actions(body) if body.get("kind") == "actions" else _read_weighted(body)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise CardError([f"The scorecard cannot be read: {error!r}."]) from error


def read_card(body: Mapping[str, Any]) -> Card:
    """The card of a stored body. Raises CardError with every problem that would stop scoring."""
    card = parse_card(body)
    problems = card_problems(card)
    if problems:
        raise CardError(problems)
    return card


def card_problems(card: Card) -> tuple[str, ...]:
    """What stops a card from being published, in sentences; empty when it can be scored."""
    problems = _band_problems(card.bands)
    if isinstance(card, ActionsCard):
        if not card.actions:
            problems.append("The card lists no action. Add one with its impact.")
        return tuple(problems)
    keys = [measure.key for measure in card.measures]
    problems += [
        f"{key} stands on the card twice. Keep one." for key in sorted({k for k in keys if keys.count(k) > 1})
    ]
    if card.base_total == 0:
        problems.append(
            "All weights are 0, so no score can come out. Give one group and one of its measures a weight."
        )
    for group in card.groups:
        problems += _group_problems(group)
    known = {*keys, *(group.key for group in card.groups)}
    problems += [
        f"A cap names {cap.key}, which is not on the card." for cap in card.caps if cap.key not in known
    ]
    return tuple(problems)


def _group_problems(group: Group) -> list[str]:
    problems = []
    if group.weight < 0 or any(measure.weight < 0 for measure in group.measures):
        problems.append(f"{group.title} has a weight below 0. Use 0 or more.")
    if group.weight > 0 and not any(measure.weight for measure in group.measures):
        problems.append(f"All measures of {group.title} weigh 0. Give one a weight, or the group 0.")
    for measure in group.measures:
        if (measure.fresh_for is None) != (measure.expires_after is None):
            problems.append(f"{measure.key} needs both freshness limits or none.")
        elif not 0 <= (measure.fresh_for or 0) < (measure.expires_after or 1):
            problems.append(f"{measure.key} must be fresh for fewer days than it counts at all.")
        curves = (measure.curve, *(special.curve for special in measure.curves))
        problems += [f"{measure.key}: {text}" for curve in curves for text in _curve_problems(curve)]
        if len({curve.peers for curve in curves if isinstance(curve, Percentile)}) > 1:
            problems.append(f"{measure.key} ranks among two groups of peers. Keep one for all its curves.")
    return problems


def _curve_problems(curve: Curve) -> list[str]:
    if isinstance(curve, Percentile):
        return []
    if isinstance(curve, Target):
        return [] if curve.a < curve.b <= curve.c < curve.d else ["the target needs a < b <= c < d."]
    pairs = curve.edges if isinstance(curve, Step) else curve.knots
    problems = []
    if len(pairs) < (1 if isinstance(curve, Step) else 2) or len(pairs) > MOST_KNOTS:
        problems.append("the curve needs 2 to 20 points.")
    if any(a[0] >= b[0] for a, b in pairwise(pairs)):
        problems.append("the readings of the curve must rise strictly.")
    if any(not 0 <= points <= FULL for _, points in pairs):
        problems.append("points must lie between 0 and 100.")
    return problems


def _band_problems(bands: Bands) -> list[str]:
    problems = []
    if not FEWEST_BANDS <= len(bands.bands) <= MOST_BANDS or len(bands.edges) != len(bands.bands) - 1:
        problems.append("A card has 2 to 7 bands with one edge between two.")
    if any(low.at >= high.at for low, high in pairwise(bands.edges)):
        problems.append("The band edges must rise strictly.")
    keys = [band.key for band in bands.bands]
    if len(set(keys)) != len(keys) or INSUFFICIENT in keys:
        problems.append("Every band needs its own key.")
    problems += [f"{band.key} has an unknown colour." for band in bands.bands if band.tone not in TONES]
    return problems


def _read_weighted(body: Mapping[str, Any]) -> WeightedCard:
    return WeightedCard(
        groups=tuple(_read_group(group) for group in body["groups"]),
        caps=tuple(Cap(cap["of"], int(cap["below"]), int(cap["at_most"])) for cap in body.get("caps", ())),
        bands=_read_bands(body, WEIGHTED_BANDS),
        min_coverage=int(body.get("min_coverage", MIN_COVERAGE)),
    )


def _read_group(body: Mapping[str, Any]) -> Group:
    rule = body.get("rule", "mean")
    if rule not in RULES:
        raise ValueError(f"unknown rule {rule}")
    measures = tuple(_read_measure(measure) for measure in body["measures"])
    return Group(body["key"], body["title"], int(body["weight"]), measures, rule)


def _read_measure(body: Mapping[str, Any]) -> CardMeasure:
    missing = body.get("missing", "redistribute")
    if missing not in POLICIES:
        raise ValueError(f"unknown missing policy {missing}")
    return CardMeasure(
        key=body["measure"],
        version=int(body.get("version", 1)),
        weight=int(body["weight"]),
        curve=read_curve(body["curve"]),
        curves=tuple(_read_special(special) for special in body.get("curves", ())),
        missing=missing,
        neutral=int(body.get("neutral", NEUTRAL)),
        fresh_for=body.get("fresh_for"),
        expires_after=body.get("expires_after"),
    )


def _read_special(body: Mapping[str, Any]) -> SpecialCurve:
    curve = read_curve(body["curve"])
    if body["by"] == "phase":
        return SpecialCurve(curve, phase=body["is"])
    return SpecialCurve(curve, from_months=int(body.get("from", 0)), to_months=body.get("to"))


def read_curve(body: Mapping[str, Any]) -> Curve:
    """The curve of a stored description, by its `type`."""
    kind = body["type"]
    if kind == "percentile":
        return Percentile(
            int(body.get("min_peers", 8)), bool(body.get("low_is_good", False)), str(body.get("peers", ""))
        )
    if kind == "target":
        return Target(*(int(body[name]) for name in "abcd"))
    pairs = tuple((int(value), int(points)) for value, points in body["points"])
    if kind == "step":
        return Step(pairs)
    if kind in {"linear", "linear_bounded"}:
        return Linear(pairs, bounded=kind == "linear_bounded")
    raise ValueError(f"unknown curve {kind}")


def _read_actions(body: Mapping[str, Any]) -> ActionsCard:
    return ActionsCard(
        actions=tuple(
            Action(
                key=action["measure"],
                title=action["title"],
                impact=int(action["impact"]),
                impacts=tuple((one["segment"], int(one["impact"])) for one in action.get("impacts", ())),
                max_count=action.get("max_count"),
                version=int(action.get("version", 1)),
            )
            for action in body["actions"]
        ),
        window_days=int(body.get("window_days", 30)),
        bands=_read_bands(body, ACTION_BANDS),
    )


def _read_bands(body: Mapping[str, Any], default: Bands) -> Bands:
    if "bands" not in body:
        return default
    return Bands(
        tuple(Band(band["key"], band["label"], band["tone"]) for band in body["bands"]),
        tuple(Edge(int(edge["at"]), edge.get("side", "upper")) for edge in body["edges"]),
    )
