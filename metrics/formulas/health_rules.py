"""Card rules: which scorecard scores whom. An ordered list of segments, the first match wins, a default card last.

A segment here is a set of labels "field=value" that must all be held on the day; nothing else picks a card.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from metrics.formulas.health_cards import CardError

ALL_OF = " & "  # joins the labels of a segment where it is written as one text


@dataclass(frozen=True, slots=True)
class CardRule:
    """Who holds all these labels is scored by this card."""

    when: tuple[str, ...]
    card: str

    @property
    def text(self) -> str:
        """The segment as people read it."""
        return ALL_OF.join(self.when)


@dataclass(frozen=True, slots=True)
class CardRules:
    """Rules in order, and the key of the card for everybody else."""

    rules: tuple[CardRule, ...]
    default: str

    def choose(self, labels: Collection[str]) -> tuple[int | None, str]:
        """(place of the first rule that fits, key of its card); the default card has no place."""
        for place, rule in enumerate(self.rules):
            if all(label in labels for label in rule.when):
                return place, rule.card
        return None, self.default

    @property
    def labels(self) -> frozenset[str]:
        """Every label that a rule names."""
        return frozenset(label for rule in self.rules for label in rule.when)

    @property
    def cards(self) -> frozenset[str]:
        """Every card that may come out."""
        return frozenset({self.default, *(rule.card for rule in self.rules)})


def parse_rules(body: Mapping[str, Any]) -> CardRules:
    """The rules of a body, also of an unfinished draft. Raises CardError for what are no rules at all."""
    try:
        return CardRules(
            tuple(CardRule(tuple(rule["when"]), str(rule["card"])) for rule in body["rules"]),
            str(body["default"]),
        )
    except (KeyError, TypeError) as error:
        raise CardError([f"The card rules cannot be read: {error!r}."]) from error


def read_rules(body: Mapping[str, Any]) -> CardRules:
    """The rules of a stored body. Raises CardError with every problem that would stop scoring (L-07)."""
    rules = parse_rules(body)
    problems = rule_problems(rules)
    if problems:
        raise CardError(problems)
    return rules


def rule_problems(rules: CardRules) -> tuple[str, ...]:
    """What stops rules from being published: no default, an empty rule, one that an earlier rule covers."""
    problems = [] if rules.default else ["The card rules need a default card, last in the list."]
    for place, rule in enumerate(rules.rules):
        if not rule.when or any("=" not in label for label in rule.when):
            problems.append(f"Rule {place + 1} names no segment. Write one as field=value.")
        earlier = next((n for n in range(place) if set(rules.rules[n].when) <= set(rule.when)), None)
        if earlier is not None:
            problems.append(f"Rule {place + 1} can never match: rule {earlier + 1} covers its segment.")
    return tuple(problems)


def segment_of(text: str) -> tuple[str, ...]:
    """The labels of a segment written as one text; empty for everybody."""
    return tuple(part.strip() for part in text.split("&") if part.strip())
