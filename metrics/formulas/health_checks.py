"""The linter of scorecards: errors that stop publishing and warnings that need a note.

`lint` runs every rule; what rests on readings (see `health_checks_data`) is left out when no facts are given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import pairwise

from metrics.formulas.health_cards import (
    FEWEST_BANDS,
    INSUFFICIENT,
    MOST_BANDS,
    MOST_KNOTS,
    ActionsCard,
    Card,
    CardMeasure,
    WeightedCard,
)
from metrics.formulas.health_checks_data import DATA_RULES, curves_of
from metrics.formulas.health_curves import Curve, Linear, Percentile, Step, Target
from metrics.formulas.health_facts import CardFacts, Finding
from metrics.formulas.health_numbers import FULL, MICRO
from metrics.formulas.health_reach import Values, reach
from metrics.formulas.health_rules import CardRules, rule_problems

HALF = Fraction(1, 2)  # one measure above it decides alone
MOST_BY_HAND = Fraction(3, 10)
MOST_IN_GROUP, MOST_ON_CARD = 8, 20  # measures; more cannot be kept apart by a reader
LOOKS_LIKE_A_RATIO = frozenset({"percent", "points"})

Rule = Callable[[Card, CardFacts], Iterator[Finding]]


def lint(card: Card, facts: CardFacts | None = None) -> tuple[Finding, ...]:
    """Every finding on a card, errors first, in the order of their codes.

    Without facts only what the body itself shows is judged.
    """
    known = facts or CardFacts()
    found = [finding for rule in BODY_RULES for finding in rule(card, known)]
    if not any(one.code in {"L-01", "L-02", "L-06"} for one in found):
        found += unreachable_bands(card, known)
    if facts is not None:
        found += [finding for rule in DATA_RULES for finding in rule(card, facts)]
    return tuple(sorted(found, key=lambda one: (one.level, one.code)))


def lint_rules(rules: CardRules) -> tuple[Finding, ...]:
    """L-07: card rules without a default, and rules that can never match."""
    return tuple(
        Finding("L-07", "E", "", text, "Change the order of the rules or their segments.")
        for text in rule_problems(rules)
    )


def card_warnings(card: Card) -> tuple[str, ...]:
    """Warnings on weights and size of a card as plain sentences."""
    return tuple(one.text for one in lint(card) if one.code in {"L-12", "L-17", "L-18"})


def band_edges(card: Card, _facts: CardFacts) -> Iterator[Finding]:
    """L-01: edges not strictly rising, fewer than 2 bands, a band key used twice."""
    bands, edges = card.bands.bands, card.bands.edges
    if not FEWEST_BANDS <= len(bands) <= MOST_BANDS or len(edges) != len(bands) - 1:
        yield _error("L-01", "", "The card needs 2 to 7 bands.", "Keep one edge between two bands.")
    for place, (low, high) in enumerate(pairwise(edges)):
        if low.at >= high.at:
            key = bands[place + 1].key if place + 1 < len(bands) else ""
            yield _error("L-01", key, "The band edges do not rise.", "Put each edge above the one before.")
    keys = [band.key for band in bands]
    for key in dict.fromkeys(keys):
        if keys.count(key) > 1 or key == INSUFFICIENT:
            yield _error("L-01", key, f"The band {key} has no key of its own.", "Give it another key.")


def curve_shape(card: Card, facts: CardFacts) -> Iterator[Finding]:
    """L-02: knots or steps not strictly rising, or points outside 0-100."""
    for measure in _weighed(card):
        title = facts.of(measure.key, measure.version).title
        for curve in curves_of(measure):
            for text, hint in _shape_problems(curve):
                yield _error("L-02", measure.key, f"{title}: {text}", hint)


def _shape_problems(curve: Curve) -> Iterator[tuple[str, str]]:
    if isinstance(curve, Percentile):
        return
    if isinstance(curve, Target):
        if not curve.a < curve.b <= curve.c < curve.d:
            yield "the corners of the target do not rise.", "Use a < b <= c < d."
        return
    pairs = _pairs(curve)
    if not (1 if isinstance(curve, Step) else 2) <= len(pairs) <= MOST_KNOTS:
        yield "the curve needs 2 to 20 points.", "Add or drop some."
    if any(low[0] >= high[0] for low, high in pairwise(pairs)):
        yield "the readings of the curve do not rise.", "Sort them and drop the ones used twice."
    if any(not 0 <= points <= FULL for _, points in pairs):
        yield "the curve leaves the scale.", "Keep points between 0 and 100."


def unreachable_bands(card: Card, facts: CardFacts) -> Iterator[Finding]:
    """L-03: a band that no possible score reaches, also through caps, policies and bounds."""
    values: dict[str, Values] = {one.key: facts.of(one.key, one.version).plausible for one in _weighed(card)}
    found = reach(card, values)
    if found is None:
        yield _error("L-03", "", "No score can come out of this card.", "Lower the coverage it needs.")
        return
    for key in found.misses(card.bands):
        band = card.bands.named(key)
        label = band.label if band else key
        yield _error("L-03", key, f"No score can reach {label}.", "Move its edge, or change curves and caps.")


def plausible_edges(card: Card, facts: CardFacts) -> Iterator[Finding]:
    """L-05: edges outside the values a measure can take, or a ratio of 0-1 on a measure of 0-100."""
    for measure in _weighed(card):
        known = facts.of(measure.key, measure.version)
        for curve in curves_of(measure):
            values = _values(curve)
            limits = known.plausible
            small = known.unit in LOOKS_LIKE_A_RATIO and any(values) and max(map(abs, values)) <= MICRO
            if small or (values and limits and (values[0] < limits[0] or values[-1] > limits[1])):
                text = f"{known.title}: the curve does not fit a measure in {known.unit.replace('_', '/')}."
                yield _error(
                    "L-05", measure.key, text, "Give the readings of the curve in the measure's unit."
                )
                break


def weights_and_limits(card: Card, facts: CardFacts) -> Iterator[Finding]:
    """L-06: all weights of the card or of a group are 0; fresh_for >= expires_after, or one of them empty."""
    if not isinstance(card, WeightedCard):
        return
    if card.base_total == 0:
        yield _error("L-06", "", "All weights are 0, so no score can come out.", "Give one group a weight.")
    for group in card.groups:
        if group.weight and not any(measure.weight for measure in group.measures):
            text = f"All measures of {group.title} weigh 0."
            yield _error("L-06", group.key, text, "Give one a weight, or the group 0.")
    for measure in card.measures:
        fresh, expires = measure.fresh_for, measure.expires_after
        if fresh is None and expires is None:
            continue
        if fresh is None or expires is None or not 0 <= fresh < expires:
            title = facts.of(measure.key, measure.version).title
            text = f"{title} is not fresh for fewer days than it counts at all."
            yield _error("L-06", measure.key, text, "Give both limits, the first one lower.")


def body_problems(card: Card, facts: CardFacts) -> Iterator[Finding]:
    """What else stops scoring, by the rule it breaks (HW-2, HW-3, HA-1)."""
    if isinstance(card, ActionsCard):
        if not card.actions:
            yield _error("HA-1", "", "The card lists no action.", "Add one with its impact.")
        return
    keys = [measure.key for measure in card.measures]
    for measure in {measure.key: measure for measure in card.measures}.values():
        if keys.count(measure.key) > 1:
            title = facts.of(measure.key, measure.version).title
            yield _error("HW-2", measure.key, f"{title} stands on the card twice.", "Keep one.")
    for group in card.groups:
        if group.weight < 0 or any(measure.weight < 0 for measure in group.measures):
            yield _error("HW-2", group.key, f"{group.title} has a weight below 0.", "Use 0 or more.")
    known = {*keys, *(group.key for group in card.groups)}
    for cap in card.caps:
        if cap.key not in known:
            text = f"A cap names {cap.key}, which is not on the card."
            yield _error("HW-3", cap.key, text, "Choose a measure or group of the card.")


def curve_direction(card: Card, facts: CardFacts) -> Iterator[Finding]:
    """L-08: more points where the measure is worse, or an impact against the direction of its measure."""
    for measure in _weighed(card):
        known = facts.of(measure.key, measure.version)
        if known.better and any(_direction(one) not in {"", known.better} for one in curves_of(measure)):
            yield _direction_finding(measure.key, known.title)
    for action in card.actions if isinstance(card, ActionsCard) else ():
        known = facts.of(action.key, action.version)
        impacts = [action.impact, *(impact for _, impact in action.impacts)]
        if known.better and any(impact < 0 if known.better == "up" else impact > 0 for impact in impacts):
            yield _direction_finding(action.key, known.title)


def _direction_finding(key: str, title: str) -> Finding:
    text = f"{title} gives more points where it is worse."
    return _warning("L-08", key, text, "Turn the curve round, or say why it is meant.")


def _direction(curve: Curve) -> str:
    """Where a curve gives more points: up, down, or empty for neither."""
    if isinstance(curve, Target):
        return ""
    if isinstance(curve, Percentile):
        return "down" if curve.low_is_good else "up"
    pairs = _pairs(curve)
    rise = pairs[-1][1] - pairs[0][1] if pairs else 0
    return "up" if rise > 0 else "down" if rise < 0 else ""


def one_decides(card: Card, facts: CardFacts) -> Iterator[Finding]:
    """L-12: one measure has more than half of the weight."""
    for measure, share in _shares(card):
        if share > HALF:
            title = facts.of(measure.key, measure.version).title
            text = f"{title} has more than half of the weight: it decides alone."
            yield _warning("L-12", measure.key, text, "Give other measures more weight.")


def much_by_hand(card: Card, facts: CardFacts) -> Iterator[Finding]:
    """L-17: pulse and other input by hand carries more than 30 % of the weight."""
    by_hand = [
        (facts.of(measure.key, measure.version).title, measure.key, share)
        for measure, share in _shares(card)
        if facts.of(measure.key, measure.version).by_hand
    ]
    if sum(share for *_, share in by_hand) > MOST_BY_HAND:
        titles = " and ".join(title for title, *_ in by_hand)
        text = f"{titles} is set by hand and carries more than 30 % of the weight."
        yield _warning("L-17", by_hand[0][1], text, "Give measures that come from facts more weight.")


def too_many(card: Card, _facts: CardFacts) -> Iterator[Finding]:
    """L-18: more than 8 measures in a group or 20 on the card."""
    hint = "Drop the ones that say the same."
    for group in card.groups if isinstance(card, WeightedCard) else ():
        if len(group.measures) > MOST_IN_GROUP:
            yield _warning("L-18", group.key, f"{group.title} has more than 8 measures.", hint)
    if len(card.measures) > MOST_ON_CARD:
        yield _warning("L-18", "", "The card has more than 20 measures.", hint)


BODY_RULES: tuple[Rule, ...] = (
    band_edges,
    curve_shape,
    plausible_edges,
    weights_and_limits,
    body_problems,
    curve_direction,
    one_decides,
    much_by_hand,
    too_many,
)


def _error(code: str, key: str, text: str, hint: str) -> Finding:
    return Finding(code, "E", key, text, hint)


def _warning(code: str, key: str, text: str, hint: str) -> Finding:
    return Finding(code, "W", key, text, hint)


def _weighed(card: Card) -> Sequence[CardMeasure]:
    return card.measures if isinstance(card, WeightedCard) else ()


def _shares(card: Card) -> Iterator[tuple[CardMeasure, Fraction]]:
    if isinstance(card, WeightedCard) and card.base_total:
        for measure, base in zip(card.measures, card.base_shares, strict=True):
            yield measure, Fraction(base, card.base_total)


def _pairs(curve: Step | Linear) -> Sequence[tuple[int, int]]:
    return curve.edges if isinstance(curve, Step) else curve.knots


def _values(curve: Curve) -> list[int]:
    """Raw values a curve names, rising."""
    if isinstance(curve, Percentile):
        return []
    if isinstance(curve, Target):
        return sorted((curve.a, curve.b, curve.c, curve.d))
    return sorted(value for value, _ in _pairs(curve))
