"""What to look at before a scorecard is published: sentences that do not stop it."""

from __future__ import annotations

from fractions import Fraction

from metrics.formulas.health_cards import Card, WeightedCard
from metrics.formulas.health_measures import measure_of

HALF = Fraction(1, 2)  # one measure above it decides alone
BY_HAND = frozenset({"pulse"})
MOST_BY_HAND = Fraction(3, 10)
MOST_IN_GROUP, MOST_ON_CARD = 8, 20  # measures; more cannot be kept apart by a reader


def card_warnings(card: Card) -> tuple[str, ...]:
    """Findings on weights and size of a weighted card (L-12, L-17, L-18); empty for a card that is fine."""
    if not isinstance(card, WeightedCard) or card.base_total == 0:
        return ()
    found = []
    for measure, base in zip(card.measures, card.base_shares, strict=True):
        share, title = Fraction(base, card.base_total), measure_of(measure.key, measure.version).title
        if share > HALF:
            found.append(f"{title} has more than half of the weight: it decides alone.")
        if measure.key in BY_HAND and share > MOST_BY_HAND:
            found.append(f"{title} is set by hand and carries more than 30 % of the weight.")
    found += [f"{g.title} has more than 8 measures." for g in card.groups if len(g.measures) > MOST_IN_GROUP]
    if len(card.measures) > MOST_ON_CARD:
        found.append("The card has more than 20 measures.")
    return tuple(found)
