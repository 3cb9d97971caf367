"""The body of any version as its pages show it: weights and curves, actions, or card rules; bands; differences."""

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from metrics.choices import CardKind
from metrics.formulas.health_cards import (
    ActionsCard,
    CardError,
    CardMeasure,
    Group,
    WeightedCard,
    parse_card,
)
from metrics.formulas.health_diff import declared_title, differences
from metrics.formulas.health_numbers import MICRO, WEIGHT_UNIT
from metrics.formulas.health_rules import parse_rules
from metrics.models import Scorecard, ScorecardVersion
from metrics.queries.measures import Catalog, catalog
from metrics.queries.reading_spread import covered_mrr
from metrics.views.health_words import POLICY_WORDS, curve_shape, curve_words
from metrics.views.scorecard_tables import BandRow, WeightRow, bands_table, least_share

GROUP_RULES = {"mean": "", "min": "weakest link", "max": "best of"}


def body_context(version: ScorecardVersion) -> dict[str, Any]:
    """What templates/metrics/parts/scorecard_body.html draws."""
    if version.kind == CardKind.RULES:
        return {"rules": rules_rows(version)}
    try:
        card = parse_card(version.body)
    except CardError as error:
        return {"unreadable": error.problems}
    bands = bands_table(card.bands, {})[:-1]
    if isinstance(card, ActionsCard):
        return {"actions": action_rows(card), "window_days": card.window_days, "bands": bands}
    measures = catalog()
    return {
        "weights": weight_rows(card, measures),
        "bands": bands,
        "least": least_share(card),
        "caps": cap_words(card, measures),
    }


def rules_rows(version: ScorecardVersion) -> dict[str, Any]:
    """Rules in order with the titles of their cards, and the card for everybody else."""
    titles = dict(Scorecard.objects.values_list("key", "title"))
    try:
        rules = parse_rules(version.body)
    except CardError as error:
        return {"unreadable": error.problems}
    listed = [
        {"place": place, "segment": rule.text, "card": titles.get(rule.card, rule.card)}
        for place, rule in enumerate(rules.rules, 1)
    ]
    return {"rows": listed, "default": titles.get(rules.default, rules.default)}


def action_rows(card: ActionsCard) -> list[dict[str, Any]]:
    """Actions with their impacts as people type them."""
    return [
        {
            "title": action.title,
            "impact": weight_of(action.impact),
            "impacts": [(segment, weight_of(impact)) for segment, impact in action.impacts],
            "max_count": action.max_count,
        }
        for action in card.actions
    ]


def weight_rows(card: WeightedCard, measures: Catalog) -> list[WeightRow]:
    """Groups, each followed by its measures, with their shares of the whole card."""
    covered = covered_mrr(
        [measures[one.key, one.version] for one in card.measures if (one.key, one.version) in measures]
    )
    shares, rows = iter(card.base_shares), []
    for group in card.groups:
        inside = [Fraction(next(shares), card.base_total or 1) for _ in group.measures]
        rows.append(_group_row(group, sum(inside, Fraction(0))))
        rows += [
            _measure_row(measure, share, measures, covered)
            for measure, share in zip(group.measures, inside, strict=True)
        ]
    return rows


def _group_row(group: Group, share: Fraction) -> WeightRow:
    return WeightRow(
        title=group.title,
        about=GROUP_RULES[group.rule],
        is_group=True,
        weight=weight_of(group.weight),
        share=_decimal(share),
        field=None,
        base_weight=None,
    )


def _measure_row(
    measure: CardMeasure, share: Fraction, measures: Catalog, covered: Mapping[tuple[str, int], Decimal]
) -> WeightRow:
    declared = measures.get((measure.key, measure.version))
    fresh = "" if measure.fresh_for is None else f"fresh for {measure.fresh_for} days, missing after {measure.expires_after}"  # fmt: skip
    return WeightRow(
        title=declared.title if declared else measure.key,
        about=declared.about if declared else "",
        is_group=False,
        weight=weight_of(measure.weight),
        share=_decimal(share),
        field=None,
        base_weight=None,
        measure=declared,
        curve=curve_words(measure.curve, declared) if declared else "",
        shape=tuple(curve_shape(measure.curve)),
        missing=POLICY_WORDS[measure.missing],
        freshness=fresh,
        coverage=covered.get((measure.key, measure.version)),
    )


def cap_words(card: WeightedCard, measures: Catalog) -> list[str]:
    """Caps in sentences."""
    names = {group.key: group.title for group in card.groups}
    names |= {
        one.key: measures[one.key, one.version].title
        for one in card.measures
        if (one.key, one.version) in measures
    }
    return [
        f"{names.get(cap.key, cap.key)} under {_points(cap.below)} points: the score is at most {_points(cap.at_most)}."
        for cap in card.caps
    ]


def differences_of(before: ScorecardVersion | None, after: ScorecardVersion) -> tuple[str, ...] | None:
    """What changed between two versions in words; None without an earlier one, or where a body cannot be read."""
    if before is None:
        return None
    measures = catalog()

    def title(key: str, version: int) -> str:
        found = measures.get((key, version))
        return found.title if found else declared_title(key, version)

    try:
        return differences(before.body, after.body, title)
    except CardError:
        return None


def bands_of(version: ScorecardVersion | None, counted: dict[str, tuple[int, Decimal]]) -> list[BandRow]:
    """Bands of a card with customers and MRR; scores of an older version in a band that is gone count as no score."""
    try:
        card = parse_card(version.body) if version else None
    except CardError:
        card = None
    if card is None:
        return []
    return bands_table(card.bands, counted)


def weight_of(value: int) -> Decimal:
    """A weight or impact as people type it: 35, 12.5, -5."""
    return (Decimal(value) / WEIGHT_UNIT).normalize() + 0


def _points(value: int) -> Decimal:
    return (Decimal(value) / MICRO).normalize() + 0


def _decimal(share: Fraction) -> Decimal:
    return Decimal(share.numerator) / share.denominator
