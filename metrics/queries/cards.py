"""Which cards are in force, and which of them scores a customer."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from metrics.choices import CardKind, VersionState
from metrics.formulas.health_cards import ActionsCard, Card, read_card
from metrics.formulas.health_curves import Percentile
from metrics.formulas.health_rules import CardRules, read_rules
from metrics.models import ScorecardVersion


@dataclass(frozen=True)
class CardInForce:
    """A version with its card."""

    version: ScorecardVersion
    card: Card

    @cached_property
    def segments(self) -> frozenset[str]:
        """The segments that this card itself asks for."""
        return segments_of(self.card)


@dataclass(frozen=True)
class CardSet:
    """Cards by key, and the rules that choose among them; without rules everybody has the default card."""

    default: CardInForce
    by_key: Mapping[str, CardInForce] = field(default_factory=dict)
    rules: CardRules | None = None
    rules_version: ScorecardVersion | None = None

    def choose(self, labels: Collection[str]) -> tuple[int | None, CardInForce]:
        """(place of the rule that fitted or None, the card). A card that is not in force yields to the default."""
        if self.rules is None:
            return None, self.default
        place, key = self.rules.choose(labels)
        found = self.by_key.get(key)
        return (place, found) if found is not None else (None, self.default)

    @property
    def all(self) -> Sequence[CardInForce]:
        """Every card that may score somebody."""
        return list({one.version.pk: one for one in (self.default, *self.by_key.values())}.values())

    @cached_property
    def rule_segments(self) -> frozenset[str]:
        """Segments that choose a card."""
        return frozenset(rule.text for rule in self.rules.rules) if self.rules else frozenset()


def cards_in_force() -> CardSet | None:
    """Every live card and the live rules; None before the first card was installed. One query."""
    live = ScorecardVersion.objects.filter(state=VersionState.LIVE).select_related("scorecard")
    return card_set(live)


def card_set(versions: Iterable[ScorecardVersion]) -> CardSet | None:
    """A set of versions, one per card, as scoring takes them; a preview puts its draft in place of the live one."""
    found = list(versions)
    cards = {
        version.scorecard.key: CardInForce(version, read_card(version.body))
        for version in found
        if version.kind != CardKind.RULES
    }
    rules_version = next((version for version in found if version.kind == CardKind.RULES), None)
    rules = read_rules(rules_version.body) if rules_version else None
    first = next((one for one in cards.values() if one.version.scorecard.is_default), None)
    default = cards.get(rules.default, first) if rules else first
    if default is None:
        return None
    return CardSet(default, cards, rules, rules_version)


def only(version: ScorecardVersion) -> CardSet:
    """A set in which one version scores everybody."""
    return CardSet(CardInForce(version, read_card(version.body)))


def segments_of(card: Card) -> frozenset[str]:
    """Segments that pick an impact on an actions card."""
    if not isinstance(card, ActionsCard):
        return frozenset()
    return frozenset(segment for action in card.actions for segment, _ in action.impacts)


def peer_groups(card: Card) -> dict[int, str]:
    """{place of the measure: segment of its peers} for measures with a percentile curve."""
    if isinstance(card, ActionsCard):
        return {}
    return {
        place: curve.peers
        for place, measure in enumerate(card.measures)
        for curve in (measure.curve, *(special.curve for special in measure.curves))
        if isinstance(curve, Percentile)
    }
