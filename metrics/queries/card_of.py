"""Which card scores a customer, by which rule, and since when (HG-2)."""

from dataclasses import dataclass
from datetime import datetime

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


def card_of(customer_id: int) -> CardOf | None:
    """The card in force for a customer and the first moment of its unbroken run; None before any score."""
    rows = HealthScore.objects.filter(customer_id=customer_id)
    current = rows.filter(to_at=None).select_related("version__scorecard", "rules").first()
    if current is None:
        return None
    card = current.version.scorecard_id
    other = rows.exclude(version__scorecard_id=card, rule=current.rule).order_by("-from_at")
    if current.rule is None:
        other = rows.exclude(version__scorecard_id=card, rule__isnull=True).order_by("-from_at")
    last_other = other.values_list("from_at", flat=True).first()
    same = rows.filter(version__scorecard_id=card)
    if last_other is not None:
        same = same.filter(from_at__gt=last_other)
    since = same.order_by("from_at").values_list("from_at", flat=True).first()
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
