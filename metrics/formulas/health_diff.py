"""The difference of two bodies in words: "Usage 40 → 50 (32 % → 40 % of the weight)"."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from metrics.formulas.card_text import number_of
from metrics.formulas.health_cards import (
    Action,
    ActionsCard,
    Bands,
    Cap,
    Card,
    CardMeasure,
    Group,
    SpecialCurve,
    WeightedCard,
    parse_card,
)
from metrics.formulas.health_curves import Curve, Percentile, Step, Target
from metrics.formulas.health_facts import declared
from metrics.formulas.health_numbers import MICRO, WEIGHT_UNIT, percent
from metrics.formulas.health_rules import CardRules, parse_rules

Titles = Callable[[str, int], str]

POLICIES = {
    "redistribute": "left out",
    "neutral": "neutral points",
    "worst": "0 points",
    "block": "no score",
}
RULES = {"mean": "mean", "min": "weakest link", "max": "best of"}
SIDES = {"upper": "counts upwards", "lower": "counts downwards"}


def declared_title(key: str, version: int) -> str:
    """Title of a built-in measure; of any other one its key."""
    return declared(key, version).title


def differences(
    before: Mapping[str, Any], after: Mapping[str, Any], titles: Titles = declared_title
) -> tuple[str, ...]:
    """What changed from one stored body to another, a sentence each; empty only for equal bodies."""
    if before == after:
        return ()
    if before["kind"] != after["kind"]:
        return (f"Another kind: {before['kind']} → {after['kind']}.",)
    if before["kind"] == "rules":
        found = list(_rules(parse_rules(before), parse_rules(after)))
    else:
        found = list(_cards(parse_card(before), parse_card(after), titles))
    return tuple(found) or ("Only the order or the spelling changed.",)


def _cards(before: Card, after: Card, titles: Titles) -> Iterator[str]:
    if isinstance(before, WeightedCard) and isinstance(after, WeightedCard):
        yield from _groups(before, after)
        yield from _measures(before, after, titles)
        yield from _caps(before, after, titles)
        yield from _least(before, after)
    elif isinstance(before, ActionsCard) and isinstance(after, ActionsCard):
        yield from _actions(before, after)
    yield from _bands(before.bands, after.bands)


def _groups(before: WeightedCard, after: WeightedCard) -> Iterator[str]:
    old, new = {one.key: one for one in before.groups}, {one.key: one for one in after.groups}
    for key, group in old.items():
        if key not in new:
            yield f"Group {group.title} removed."
    for key, group in new.items():
        was = old.get(key)
        if was is None:
            yield f"Group {group.title} added, weight {_weight(group.weight)} ({_share(after, key)} of the weight)."
            continue
        if was.title != group.title:
            yield f"Group {was.title} is called {group.title}."
        if was.weight != group.weight:
            shares = f"({_share(before, key)} → {_share(after, key)} of the weight)"
            yield f"{group.title} {_weight(was.weight)} → {_weight(group.weight)} {shares}."
        if was.rule != group.rule:
            yield f"{group.title} takes the {RULES[group.rule]} instead of the {RULES[was.rule]}."
    if _order(old, new) != _order(new, old):
        yield f"Order of the groups: {', '.join(one.title for one in after.groups)}."


def _measures(before: WeightedCard, after: WeightedCard, titles: Titles) -> Iterator[str]:
    old, new = _placed(before), _placed(after)
    for key, (_, measure) in old.items():
        if key not in new:
            yield f"{titles(measure.key, measure.version)} removed ({_measure_share(before, key)} of the weight)."
    for key, (group, measure) in new.items():
        title = titles(measure.key, measure.version)
        if key not in old:
            share = _measure_share(after, key)
            yield f"{title} added to {group.title}, weight {_weight(measure.weight)} ({share} of the weight)."
            continue
        came_from, was = old[key]
        if came_from.key != group.key:
            yield f"{title} moved from {came_from.title} to {group.title}."
        if was.weight != measure.weight:
            shares = f"({_measure_share(before, key)} → {_measure_share(after, key)} of the weight)"
            yield f"{title} {_weight(was.weight)} → {_weight(measure.weight)} {shares}."
        yield from _one_measure(was, measure, title)
    if _order(old, new) != _order(new, old):
        yield "The order of the measures changed."


def _one_measure(before: CardMeasure, after: CardMeasure, title: str) -> Iterator[str]:
    if before.version != after.version:
        yield f"{title}: version {before.version} → {after.version} of the measure."
    if before.curve != after.curve:
        yield f"{title}: curve {curve_text(before.curve)} → {curve_text(after.curve)}."
    yield from _special_curves(before, after, title)
    if before.missing != after.missing:
        yield f"{title}, when missing: {POLICIES[before.missing]} → {POLICIES[after.missing]}."
    if before.neutral != after.neutral:
        yield f"{title}: neutral points {_points(before.neutral)} → {_points(after.neutral)}."
    if (before.fresh_for, before.expires_after) != (after.fresh_for, after.expires_after):
        yield f"{title}: {_freshness(before)} → {_freshness(after)}."


def _special_curves(before: CardMeasure, after: CardMeasure, title: str) -> Iterator[str]:
    old, new = _by_case(before.curves), _by_case(after.curves)
    for case, one in old.items():
        if case not in new:
            yield f"{title}: no curve of its own {case} any more."
        elif new[case].curve != one.curve:
            yield f"{title}, {case}: curve {curve_text(one.curve)} → {curve_text(new[case].curve)}."
    for case, one in new.items():
        if case not in old:
            yield f"{title}: own curve {case}, {curve_text(one.curve)}."
    if _order(old, new) != _order(new, old):
        yield f"{title}: the order of its own curves changed."


def _caps(before: WeightedCard, after: WeightedCard, titles: Titles) -> Iterator[str]:
    old, new = list(before.caps), list(after.caps)
    for cap in old:
        if cap not in new:
            yield f"Cap removed: {_cap_text(cap, before, titles)}."
    for cap in new:
        if cap not in old:
            yield f"Cap added: {_cap_text(cap, after, titles)}."


def _cap_text(cap: Cap, card: WeightedCard, titles: Titles) -> str:
    names = {group.key: group.title for group in card.groups}
    names |= {one.key: titles(one.key, one.version) for one in card.measures}
    return f"{names.get(cap.key, cap.key)} below {_points(cap.below)}, at most {_points(cap.at_most)}"


def _least(before: WeightedCard, after: WeightedCard) -> Iterator[str]:
    if before.min_coverage != after.min_coverage:
        low, high = (_percents(one.min_coverage) for one in (before, after))
        yield f"Least weight with a reading {low} → {high}."


def _actions(before: ActionsCard, after: ActionsCard) -> Iterator[str]:
    if before.window_days != after.window_days:
        yield f"Window {before.window_days} → {after.window_days} days."
    old, new = {one.key: one for one in before.actions}, {one.key: one for one in after.actions}
    for key, action in old.items():
        if key not in new:
            yield f"{action.title} removed (impact {_weight(action.impact)})."
    for key, action in new.items():
        if key not in old:
            yield f"{action.title} added, impact {_weight(action.impact)}."
        else:
            yield from _one_action(old[key], action)
    if _order(old, new) != _order(new, old):
        yield "The order of the actions changed."


def _one_action(before: Action, after: Action) -> Iterator[str]:
    if before.title != after.title:
        yield f"{before.title} is called {after.title}."
    if before.version != after.version:
        yield f"{after.title}: version {before.version} → {after.version} of the measure."
    if before.impact != after.impact:
        yield f"{after.title}: impact {_weight(before.impact)} → {_weight(after.impact)}."
    if before.impacts != after.impacts:
        yield f"{after.title}, impacts per segment: {_impacts(before)} → {_impacts(after)}."
    if before.max_count != after.max_count:
        counts = [
            "no limit" if one.max_count is None else f"at most {one.max_count}" for one in (before, after)
        ]
        yield f"{after.title}: {counts[0]} → {counts[1]}."


def _impacts(action: Action) -> str:
    return ", ".join(f"{segment} {_weight(impact)}" for segment, impact in action.impacts) or "none"


def _bands(before: Bands, after: Bands) -> Iterator[str]:
    old, new = {one.key: one for one in before.bands}, {one.key: one for one in after.bands}
    if list(old) != list(new):
        names = [", ".join(one.label for one in bands.bands) for bands in (before, after)]
        yield f"Bands {names[0]} → {names[1]}."
    for key, band in new.items():
        was = old.get(key)
        if was is not None and was.label != band.label:
            yield f"Band {was.label} is called {band.label}."
        if was is not None and was.tone != band.tone:
            yield f"Band {band.label}: {was.tone} → {band.tone}."
    if list(old) == list(new) or before.edges != after.edges:
        yield from _edges(before, after)


def _edges(before: Bands, after: Bands) -> Iterator[str]:
    if len(before.edges) != len(after.edges):
        texts = [", ".join(_points(edge.at) for edge in bands.edges) for bands in (before, after)]
        yield f"Edges {texts[0]} → {texts[1]}."
        return
    for place, (was, edge) in enumerate(zip(before.edges, after.edges, strict=True)):
        above = after.bands[place + 1].label if place + 1 < len(after.bands) else ""
        if was.at != edge.at:
            yield f"{above} begins at {_points(edge.at)} instead of {_points(was.at)}."
        if was.side != edge.side:
            yield f"A score of exactly {_points(edge.at)} {SIDES[edge.side]}."


def _rules(before: CardRules, after: CardRules) -> Iterator[str]:
    if before.default != after.default:
        yield f"Everybody else: {before.default} → {after.default}."
    old, new = {one.text: one for one in before.rules}, {one.text: one for one in after.rules}
    for text, rule in old.items():
        if text not in new:
            yield f"Rule removed: {text} → {rule.card}."
    for place, (text, rule) in enumerate(new.items(), 1):
        if text not in old:
            yield f"Rule {place} added: {text} → {rule.card}."
        elif old[text].card != rule.card:
            yield f"{text}: {old[text].card} → {rule.card}."
    if _order(old, new) != _order(new, old):
        yield f"Order of the rules: {', '.join(one.text for one in after.rules)}."


def curve_text(curve: Curve) -> str:
    """A curve as plain numbers, reading first."""
    if isinstance(curve, Percentile):
        turned = ", low is good" if curve.low_is_good else ""
        return f"rank among {curve.peers or 'all'} (at least {curve.min_peers} peers{turned})"
    if isinstance(curve, Target):
        corners = ", ".join(_points(at) for at in (curve.a, curve.b, curve.c, curve.d))
        return f"target {corners}"
    pairs = curve.edges if isinstance(curve, Step) else curve.knots
    texts = ", ".join(f"{_points(value)} gives {_points(points)}" for value, points in pairs)
    if isinstance(curve, Step):
        return f"steps ({texts})"
    return f"{'bounded line' if curve.bounded else 'line'} ({texts})"


def _by_case(curves: Sequence[SpecialCurve]) -> dict[str, SpecialCurve]:
    return {_case(one): one for one in curves}


def _case(one: SpecialCurve) -> str:
    if one.phase is not None:
        return f"in the phase {one.phase}"
    until = f" to below {one.to_months}" if one.to_months is not None else ""
    return f"from {one.from_months}{until} months"


def _placed(card: WeightedCard) -> dict[str, tuple[Group, CardMeasure]]:
    return {measure.key: (group, measure) for group in card.groups for measure in group.measures}


def _order(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """The keys of one that are in the other too."""
    return [key for key in one if key in other]


def _share(card: WeightedCard, key: str) -> str:
    """Share of a group of the whole weight; its measures may all weigh 0."""
    whole = sum(group.weight for group in card.groups)
    part = next(group.weight for group in card.groups if group.key == key)
    return f"{percent(max(0, part), max(0, whole))} %"


def _measure_share(card: WeightedCard, key: str) -> str:
    for measure, base in zip(card.measures, card.base_shares, strict=True):
        if measure.key == key and card.base_total > 0:
            share = Fraction(max(0, base), card.base_total)
            return f"{percent(share.numerator, share.denominator)} %"
    return "0 %"


def _freshness(measure: CardMeasure) -> str:
    if measure.fresh_for is None and measure.expires_after is None:
        return "never ages"
    return f"fresh for {measure.fresh_for} days, gone after {measure.expires_after}"


def _weight(value: int) -> str:
    return str(number_of(value, WEIGHT_UNIT))


def _points(value: int) -> str:
    return str(number_of(value, MICRO))


def _percents(value: int) -> str:
    return f"{number_of(100 * value, WEIGHT_UNIT)} %"
