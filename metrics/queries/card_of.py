"""Which card scores a customer, by which rule, and since when (HG-2)."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, Min, Q, Subquery

from metrics.formulas.health_cards import CardError
from metrics.formulas.health_rules import parse_rules
from metrics.models import HealthScore


@dataclass(frozen=True, slots=True)
class CardOf:
    """The card of a customer. `rule` counts from 1, None for the default card; `segment` is what the rule asks for."""

    title: str
    rule: int | None
    segment: str
    by_rules: bool
    since: datetime

    @property
    def words(self) -> str:
        """Enterprise card, by rule 2 “tier=enterprise”."""
        if self.rule is not None:
            return f"{self.title} card, by rule {self.rule} “{self.segment}”"
        return f"{self.title} card, by no rule" if self.by_rules else f"{self.title} card"


def card_of(customer_id: int, current: HealthScore | None = None) -> CardOf | None:
    """The card in force for a customer and the first moment of its unbroken run; None before any score.

    `current` is the score in force where the caller has it.
    """
    rows = HealthScore.objects.filter(customer_id=customer_id)
    current = current or rows.filter(to_at=None).select_related("version__scorecard", "rules").first()
    if current is None:
        return None
    card = current.version.scorecard_id
    by_rule = Q(rule__isnull=True) if current.rule is None else Q(rule=current.rule)
    same = rows.filter(by_rule, version__scorecard_id=card)
    other = rows.exclude(pk__in=same.values("pk")).order_by("-from_at").values("from_at")[:1]
    unbroken = same.filter(Q(from_at__gt=Subquery(other)) | ~Exists(other))
    since = unbroken.aggregate(since=Min("from_at"))["since"]
    return CardOf(
        title=current.version.scorecard.title,
        rule=None if current.rule is None else current.rule + 1,
        segment=_segment(current),
        by_rules=current.rules_id is not None,
        since=since or current.from_at,
    )


def _segment(score: HealthScore) -> str:
    if score.rule is None or score.rules is None:
        return ""
    try:
        rules = parse_rules(score.rules.body).rules
    except CardError:
        return ""
    return rules[score.rule].text if score.rule < len(rules) else ""
