"""Why a score changed: the exact split of a change over data, configuration, decay, coverage and override.

The four causes of a computed score are joined by the Shapley value over the sixteen states in which each cause stands
as before or as after, so the parts add up to the change and do not depend on an order. The unit is 1/24 micro-point
(`UNIT`), in which every part is an integer. No clock, no database.

Two cards need not be the same card, nor of one kind: lines are joined by the key of the measure. A measure is shared
when both cards name the same version of it (and, between two cards of actions, count over the same window). A measure
that is not shared has no reading under the other card, so its value, age and presence come from the end whose card
carries it in every mixed state: adding, removing or redefining a measure is wholly `config`. Counts of percentile
peers follow the peers that the card in force asks for, so choosing other peers is `config` and moving ones are `data`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from metrics.formulas.health import ANYONE, NO_FACTS, Reading, Subject, curve_for, explain, level
from metrics.formulas.health_cards import Action, ActionsCard, Card, CardMeasure, WeightedCard
from metrics.formulas.health_curves import Peers, Percentile
from metrics.formulas.health_numbers import NEUTRAL
from metrics.formulas.health_override import OVERRIDE_LINE, Override, effective

DATA, CONFIG, DECAY, COVERAGE = SPLIT = ("data", "config", "decay", "coverage")
OVERRIDE, ENGINE = "override", "engine"
CAUSES = (*SPLIT, OVERRIDE, ENGINE)
UNIT = 24  # parts are integers of 1/24 micro-point: 4! orders in which the causes could have changed
NOTHING_KNOWN = "nothing known"
ENGINE_LINE = "engine"
COUNTS, NOT_ON_CARD = "counts", "not_on_card"

_TIMES = (6, 2, 2, 6)  # orders in which a cause comes after exactly 0, 1, 2, 3 others, in 24
_BITS = {cause: 1 << place for place, cause in enumerate(SPLIT)}

Kind = Literal["change", "became_scorable", "became_unscorable", "unscorable"]


@dataclass(frozen=True, slots=True)
class State:
    """One end: card, readings with ages in card order, what picked curves, and the stored scores.

    `computed` is None without enough data; `score` is in force after the override.
    """

    card: Card
    readings: Sequence[Reading]
    subject: Subject = ANYONE
    override: Override | None = None
    computed: int | None = None
    score: int | None = None


@dataclass(frozen=True, slots=True)
class LineChange:
    """One line at both ends in micro-points, and its change by cause in 1/24 micro-point, in order of `CAUSES`."""

    key: str
    before: int
    after: int
    parts: tuple[int, ...]

    def of(self, cause: str) -> int:
        """The part of one cause."""
        return self.parts[CAUSES.index(cause)]


@dataclass(frozen=True, slots=True)
class Difference:
    """A measure that counts at one end only: `counts`, `not_on_card` or the reason for no reading."""

    key: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Change:
    """The result. Without a score at an end there are no lines, but the readings that made the difference."""

    kind: Kind
    before: int | None
    after: int | None
    lines: tuple[LineChange, ...] = ()
    differences: tuple[Difference, ...] = ()

    def of(self, cause: str) -> int:
        """Everything one cause did, in 1/24 micro-point."""
        return sum(line.of(cause) for line in self.lines)

    @property
    def total(self) -> int:
        """All parts, in 1/24 micro-point; 24 x the change of the score."""
        return sum(sum(line.parts) for line in self.lines)


def state_of(
    card: Card, readings: Sequence[Reading], subject: Subject = ANYONE, override: Override | None = None
) -> State:
    """A state that was never stored, scored now."""
    computed = level(card, readings, subject).score
    return State(card, readings, subject, override, computed, effective(computed, override))


def attribute(before: State, after: State) -> Change:
    """Split the change between two states over its causes; see the module for what each cause is.

    Where a stored computed score is not what the arithmetic gives today, that difference is the part `engine`.
    """
    if before.score is None or after.score is None or before.computed is None or after.computed is None:
        return _without_numbers(before, after)
    pair = _Pair(before, after)
    vectors = _vectors(pair)
    ends = vectors[0], vectors[-1]
    parts = {cause: _shapley(vectors, bit) for cause, bit in _BITS.items()}
    lines = [
        LineChange(
            key,
            ends[0].get(key, 0),
            ends[1].get(key, 0),
            (*(parts[cause].get(key, 0) for cause in SPLIT), 0, 0),
        )
        for key in pair.line_order(vectors)
    ]
    overridden = before.score - before.computed, after.score - after.computed
    stored = before.computed - sum(ends[0].values()), after.computed - sum(ends[1].values())
    lines += [
        LineChange(key, at[0], at[1], tuple((at[1] - at[0]) * UNIT if one == cause else 0 for one in CAUSES))
        for key, cause, at in ((OVERRIDE_LINE, OVERRIDE, overridden), (ENGINE_LINE, ENGINE, stored))
        if any(at)
    ]
    return Change("change", before.score, after.score, tuple(lines))


class _End:
    """One end with its readings by measure and its card without guards."""

    def __init__(self, state: State) -> None:
        self.state = state
        measures: Sequence[CardMeasure | Action] = state.card.measures
        self.measures = {one.key: one for one in measures}
        self.readings = {one.key: reading for one, reading in zip(measures, state.readings, strict=True)}
        self.card = _unguarded(state.card)

    def lines(self, readings: Mapping[str, Reading]) -> dict[str, int]:
        """Lines of this end's card over other readings."""
        row = [readings[measure.key] for measure in self.card.measures]
        result = level(self.card, row, self.state.subject)
        if result.arithmetic is None:
            return {NOTHING_KNOWN: NEUTRAL}
        found: dict[str, int] = defaultdict(int)
        for line in result.lines:
            found[line.key] += line.points
        return found

    @cached_property
    def peers(self) -> dict[str, str | None]:
        """The peers each percentile of the card asks for; None for every other curve."""
        asked: dict[str, str | None] = {}
        for key, measure in self.measures.items():
            curve = curve_for(measure, self.state.subject) if isinstance(measure, CardMeasure) else None
            asked[key] = curve.peers if isinstance(curve, Percentile) else None
        return asked


class _Pair:
    """Both ends, and what may be mixed between them."""

    def __init__(self, before: State, after: State) -> None:
        self.ends = _End(before), _End(after)
        self.shared = {key for key in self.ends[0].measures if self._is_shared(key)}

    def _is_shared(self, key: str) -> bool:
        cards = [end.state.card for end in self.ends]
        if key not in self.ends[1].measures:
            return False
        windows = {card.window_days for card in cards if isinstance(card, ActionsCard)}
        both = all(isinstance(card, ActionsCard) for card in cards)
        if both and len(windows) > 1:
            return False
        return self.ends[0].measures[key].version == self.ends[1].measures[key].version

    def moved(self) -> int:
        """The causes whose state differs at all, as a mask; the others can give nothing."""
        first, last = (end.state for end in self.ends)
        mask = 0 if (first.card, first.subject) == (last.card, last.subject) else _BITS[CONFIG]
        for key in self.shared:
            old, new = (end.readings[key] for end in self.ends)
            mask |= _BITS[DATA] if (old.value, old.peers) != (new.value, new.peers) else 0
            mask |= _BITS[DECAY] if old.age != new.age else 0
            mask |= _BITS[COVERAGE] if (old.value is None) != (new.value is None) else 0
        return mask

    def lines(self, mask: int) -> dict[str, int]:
        """Lines of the state in which the causes of the mask stand as after, the others as before."""
        frame = self._side(mask, CONFIG)
        end = self.ends[frame]
        return end.lines({key: self._reading(key, mask, frame) for key in end.measures})

    @staticmethod
    def _side(mask: int, cause: str) -> int:
        return 1 if mask & _BITS[cause] else 0

    def _reading(self, key: str, mask: int, frame: int) -> Reading:
        if key not in self.shared:
            return self.ends[frame].readings[key]
        present = self.ends[self._side(mask, COVERAGE)].readings[key]
        if present.value is None:
            return present
        valued = self._known(key, self._side(mask, DATA))
        aged = self._known(key, self._side(mask, DECAY))
        return Reading(
            value=self.ends[valued].readings[key].value,
            age=self.ends[aged].readings[key].age,
            peers=self._peers(key, valued, frame),
        )

    def _known(self, key: str, side: int) -> int:
        """The wanted side, or the other one when it has no reading there."""
        return side if self.ends[side].readings[key].value is not None else 1 - side

    def _peers(self, key: str, side: int, frame: int) -> Peers | None:
        asked = self.ends[frame].peers[key]
        for one in (side, 1 - side):
            if self.ends[one].peers[key] == asked and self.ends[one].readings[key].value is not None:
                return self.ends[one].readings[key].peers
        return self.ends[side].readings[key].peers

    def line_order(self, vectors: Sequence[Mapping[str, int]]) -> list[str]:
        """Measures as they stand on the later card, then those of the earlier one only, then the other lines."""
        measures = [*self.ends[1].measures, *self.ends[0].measures]
        return list(dict.fromkeys([*measures, *(key for vector in vectors for key in vector)]))


def _vectors(pair: _Pair) -> list[dict[str, int]]:
    """The lines of all sixteen states; states that differ in nothing are worked out once."""
    moved = pair.moved()
    known: dict[int, dict[str, int]] = {}
    for mask in range(1 << len(SPLIT)):
        if mask & moved not in known:
            known[mask & moved] = pair.lines(mask & moved)
    return [known[mask & moved] for mask in range(1 << len(SPLIT))]


def _shapley(vectors: Sequence[Mapping[str, int]], bit: int) -> dict[str, int]:
    """The part of one cause on every line, in 1/24 micro-point."""
    found: dict[str, int] = defaultdict(int)
    for mask, without in enumerate(vectors):
        if mask & bit or without is vectors[mask | bit]:
            continue
        times, added = _TIMES[mask.bit_count()], vectors[mask | bit]
        for key in without.keys() | added.keys():
            found[key] += times * (added.get(key, 0) - without.get(key, 0))
    return found


def _unguarded(card: Card) -> Card:
    """The card as mixed states use it: no least coverage, and a measure that blocks is left out instead."""
    if not isinstance(card, WeightedCard):
        return card
    groups = tuple(
        replace(
            group,
            measures=tuple(
                replace(one, missing="redistribute") if one.missing == "block" else one
                for one in group.measures
            ),
        )
        for group in card.groups
    )
    return replace(card, groups=groups, min_coverage=0)


def _without_numbers(before: State, after: State) -> Change:
    """The readings that made a customer scorable, or made it stop being so."""
    scored = before.score is not None, after.score is not None
    if not any(scored):
        return Change("unscorable", None, None)
    old, new = _presence(before), _presence(after)
    rich, poor = (old, new) if scored[0] else (new, old)
    differences = tuple(
        Difference(key, old.get(key, NOT_ON_CARD), new.get(key, NOT_ON_CARD))
        for key in dict.fromkeys([*new, *old])
        if rich.get(key, NOT_ON_CARD) in {COUNTS, NOT_ON_CARD}
        and poor.get(key, NOT_ON_CARD) not in {COUNTS, rich.get(key, NOT_ON_CARD)}
    )
    kind: Kind = "became_unscorable" if scored[0] else "became_scorable"
    return Change(kind, before.score, after.score, differences=differences)


def _presence(state: State) -> dict[str, str]:
    """Per measure of the card: that it counts, or why it does not."""
    if isinstance(state.card, ActionsCard):
        return {
            action.key: COUNTS if reading.value is not None else reading.reason or NO_FACTS
            for action, reading in zip(state.card.actions, state.readings, strict=True)
        }
    parts = explain(state.card, state.readings, state.subject).parts
    return {part.key: part.reason or COUNTS for part in parts}
