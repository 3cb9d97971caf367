"""The lowest and the highest score a card can give: intervals through curves, decay, policies, groups and caps.

The interval is never too narrow: a band outside it is certainly out of reach. Within it a card of steps may still
jump over a band.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product

from metrics.formulas.health_cards import ActionsCard, Bands, Card, CardMeasure, Group, WeightedCard
from metrics.formulas.health_curves import Curve, Linear, Percentile, Step, Target
from metrics.formulas.health_numbers import FULL, MICRO, WEIGHT_UNIT, div

Values = tuple[int, int] | None  # plausible raw values of a measure; None is no limit
MOST_PATHS = 2_000  # combinations kept while groups are joined
MOST_IN_GROUP = 8  # measures whose presence is tried in all combinations
NO_LIMIT = 10**30


@dataclass(frozen=True, slots=True)
class Reach:
    """Lowest and highest score in micro-points; None when no score can come out at all."""

    low: int
    high: int

    def misses(self, bands: Bands) -> tuple[str, ...]:
        """Keys of the bands out of reach."""
        keys = [band.key for band in bands.bands]
        first, last = keys.index(bands.of(self.low)), keys.index(bands.of(self.high))
        return tuple(key for place, key in enumerate(keys) if not first <= place <= last)


def reach(card: Card, values: Mapping[str, Values] | None = None) -> Reach | None:
    """What scores of this card can lie between, given the plausible raw values of its measures."""
    if isinstance(card, ActionsCard):
        return _reach_of_actions(card)
    known = values or {}
    ranges = {one.key: points_range(one, known.get(one.key)) for one in card.measures}
    low = _extreme(card, ranges, up=False, without=())
    high = _highest(card, ranges)
    if low is None or high is None:
        return None
    can_fire = [cap.at_most for cap in card.caps if _may_fire(card, ranges, cap.key, cap.below)]
    return Reach(min([low, *can_fire]), max(high, min([low, *can_fire])))


def points_range(measure: CardMeasure, values: Values = None) -> tuple[int, int] | None:
    """Fewest and most points of a reading after decay; None when every reading counts as missing."""
    found = [_on_curve(curve, values) for curve in (measure.curve, *(one.curve for one in measure.curves))]
    points = [point for pair in found if pair is not None for point in pair]
    if not points:
        return None
    if measure.fresh_for is not None:
        points.append(measure.neutral)
    return min(points), max(points)


def _on_curve(curve: Curve, values: Values) -> tuple[int, int] | None:
    if isinstance(curve, Percentile):
        return 0, FULL
    corners = _corners(curve)
    low, high = values or (corners[0] - 1, corners[-1] + 1)
    if isinstance(curve, Linear) and curve.bounded:
        low, high = max(low, corners[0]), min(high, corners[-1])
    if low > high:
        return None
    tried = [low, high, *(corner for corner in corners if low <= corner <= high)]
    points = [found for value in tried if isinstance(found := curve.points(value), int)]
    return min(points), max(points)


def _corners(curve: Step | Linear | Target) -> list[int]:
    if isinstance(curve, Target):
        return [curve.a, curve.b, curve.c, curve.d]
    return [value for value, _ in (curve.edges if isinstance(curve, Step) else curve.knots)]


def _highest(card: WeightedCard, ranges: Mapping[str, tuple[int, int] | None]) -> int | None:
    """The highest score: a cap that fires whenever its measure is known binds, unless the measure is missing."""
    binding = sorted(
        ((cap.at_most, cap.key) for cap in card.caps if _must_fire(card, ranges, cap.key, cap.below)),
    )
    best: int | None = None
    without: list[str] = []
    for at_most, key in [*binding, (NO_LIMIT, "")]:
        found = _extreme(card, ranges, up=True, without=without)
        if found is not None:
            best = max(min(found, at_most), best if best is not None else -NO_LIMIT)
        without.append(key)
    return best


def _members(card: WeightedCard, key: str) -> list[CardMeasure]:
    """Measures behind the key of a measure or a group."""
    return [one for group in card.groups for one in group.measures if key in {one.key, group.key}]


def _may_fire(card: WeightedCard, ranges: Mapping[str, tuple[int, int] | None], key: str, below: int) -> bool:
    return any(points < below for points in _possible(card, ranges, key, place=0))


def _must_fire(
    card: WeightedCard, ranges: Mapping[str, tuple[int, int] | None], key: str, below: int
) -> bool:
    points = _possible(card, ranges, key, place=1)
    return bool(points) and max(points) < below


def _possible(
    card: WeightedCard, ranges: Mapping[str, tuple[int, int] | None], key: str, *, place: int
) -> list[int]:
    """Extreme points by which a cap is judged; a group also by what stands in for missing readings."""
    members = _members(card, key)
    points = [pair[place] for one in members if (pair := ranges[one.key]) is not None]
    if any(group.key == key for group in card.groups):
        points += [stand for one in members if (stand := _stand_in(one)) is not None]
    return points


def _stand_in(measure: CardMeasure) -> int | None:
    """Points of a missing reading; None when it is left out."""
    return {"neutral": measure.neutral, "worst": 0}.get(measure.missing)


def _extreme(
    card: WeightedCard,
    ranges: Mapping[str, tuple[int, int] | None],
    *,
    up: bool,
    without: Collection[str],
) -> int | None:
    """The highest or lowest overall mean over all sets of present readings that reach the least coverage.

    The best ratio of sums is found by asking again with the last ratio as the price until nothing is better
    (Dinkelbach); None when no set of readings gives a score.
    """
    shares = dict(zip((one.key for one in card.measures), card.base_shares, strict=True))
    groups = []
    for group in card.groups:
        if group.weight and any(one.weight for one in group.measures):
            missing = {one.key for one in group.measures if {one.key, group.key} & set(without)}
            groups.append((group.weight, _options(group, ranges, shares, missing, up=up)))
    need = Fraction(card.min_coverage * card.base_total, WEIGHT_UNIT)
    best: Fraction | None = None
    while True:
        price = best if best is not None else Fraction(FULL + 1)
        found = _cheapest(groups, price, need)
        if found is None or (best is not None and found >= best):
            break
        best = found
    if best is None:
        return None
    mean = div(best.numerator, best.denominator)
    return -mean if up else mean


_Option = tuple[
    int, int | None
]  # base share covered, points (negated when going up) or None for an empty group
_Path = tuple[int, int, int]  # base share covered, sum of G x g, sum of G


def _options(
    group: Group,
    ranges: Mapping[str, tuple[int, int] | None],
    shares: Mapping[str, int],
    missing: Collection[str],
    *,
    up: bool,
) -> list[_Option]:
    """What a group can add, for every set of its readings that may be there; none when it can give no score."""
    counted = [one for one in group.measures if one.weight]
    choices = [_choices(one, ranges[one.key], shares[one.key], one.key in missing, up=up) for one in counted]
    if len(counted) > MOST_IN_GROUP:
        points = [value for row in choices for _, value in row if value is not None]
        return [(sum(shares[one.key] for one in counted), min(points, default=None)), (0, None)]
    lowest_wins = (group.rule == "min") != up
    found: list[_Option] = []
    for picked in product(*choices):
        present = [
            (one.weight, value) for one, (_, value) in zip(counted, picked, strict=True) if value is not None
        ]
        covered = sum(share for share, _ in picked)
        if not present:
            found.append((covered, None))
        elif group.rule == "mean":
            found.append((covered, div(sum(w * v for w, v in present), sum(w for w, _ in present))))
        else:
            found.append((covered, (min if lowest_wins else max)(value for _, value in present)))
    return found


def _choices(
    measure: CardMeasure, pair: tuple[int, int] | None, share: int, is_missing: bool, *, up: bool
) -> list[_Option]:
    """A measure with its best reading, and without one."""
    found: list[_Option] = []
    if pair is not None and not is_missing:
        found.append((share, -pair[1] if up else pair[0]))
    if measure.missing != "block":
        stand = _stand_in(measure)
        found.append((0, None if stand is None else -stand if up else stand))
    return found


def _cheapest(
    groups: Sequence[tuple[int, Sequence[_Option]]], price: Fraction, need: Fraction
) -> Fraction | None:
    """The ratio of the set of options with the least sum of G x (g - price) that covers enough."""
    paths: list[_Path] = [(0, 0, 0)]
    for weight, options in groups:
        steps = [(share, 0 if v is None else weight * v, 0 if v is None else weight) for share, v in options]
        joined = [(a + d, b + e, c + f) for a, b, c in paths for d, e, f in steps]
        paths = _useful(joined, price)
        if len(paths) > MOST_PATHS:
            return _bound(groups)
    enough = [path for path in paths if path[2] and path[0] >= need]
    if not enough:
        return None
    best = min(enough, key=lambda path: path[1] - price * path[2])
    return Fraction(best[1], best[2])


def _useful(paths: Sequence[_Path], price: Fraction) -> list[_Path]:
    """Without paths that cover no more and cost no less than another; an empty path stays."""
    kept: list[_Path] = [path for path in paths if not path[2]][:1]
    cost: Fraction | None = None
    ordered = sorted((p for p in paths if p[2]), key=lambda p: (-p[0], p[1] - price * p[2]))
    for path in ordered:
        own = path[1] - price * path[2]
        if cost is None or own < cost:
            kept.append(path)
            cost = own
    return kept


def _bound(groups: Sequence[tuple[int, Sequence[_Option]]]) -> Fraction | None:
    """A bound without regard to coverage, for cards of too many combinations."""
    points = [value for _, options in groups for _, value in options if value is not None]
    return Fraction(min(points)) if points else None


def _reach_of_actions(card: ActionsCard) -> Reach:
    low = high = 0
    for action in card.actions:
        impacts = [action.impact, *(impact for _, impact in action.impacts)]
        most = NO_LIMIT if action.max_count is None else action.max_count
        scale = MICRO // WEIGHT_UNIT
        low += min(0, *impacts) * most * scale
        high += max(0, *impacts) * most * scale
    return Reach(low, high)
