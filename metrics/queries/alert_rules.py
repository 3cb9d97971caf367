"""Alert rules with what became of their alerts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from django.db.models import Count, Exists, OuterRef, Q
from django.http import Http404

from customers.choices import AlertState
from customers.models import Alert, FollowUp
from metrics.models import AlertRule

FOLLOWED_WITHIN = timedelta(days=7)


@dataclass(frozen=True)
class RuleRow:
    """A rule and its alerts: how many were sent, are open, were called useful or not, and led to a follow-up.

    `hit` counts those that were called useful and led to one.
    """

    rule: AlertRule
    sent: int = 0
    open: int = 0
    useful: int = 0
    useless: int = 0
    followed: int = 0
    hit: int = 0

    @property
    def precision(self) -> Decimal | None:
        """Share of the alerts that were useful and followed up; None before the first one."""
        return Decimal(self.hit) / self.sent if self.sent else None


def rules_with_precision() -> Sequence[RuleRow]:
    """All rules in the order they were made. Two queries."""
    follow_ups = FollowUp.objects.filter(
        customer=OuterRef("customer"),
        created_at__gte=OuterRef("opened_at"),
        created_at__lt=OuterRef("opened_at") + FOLLOWED_WITHIN,
    )
    rows = Alert.objects.exclude(customer=None).annotate(followed=Exists(follow_ups)).values("rule")
    counted = {
        row["rule"]: row
        for row in rows.annotate(
            sent=Count("pk"),
            still_open=Count("pk", filter=Q(state=AlertState.OPEN)),
            up=Count("pk", filter=Q(useful=True)),
            down=Count("pk", filter=Q(useful=False)),
            after=Count("pk", filter=Q(followed=True)),
            both=Count("pk", filter=Q(followed=True, useful=True)),
        )
    }
    names = ("sent", "still_open", "up", "down", "after", "both")
    return [
        RuleRow(rule, *(counted.get(str(rule.pk), {}).get(name, 0) for name in names))
        for rule in AlertRule.objects.order_by("pk")
    ]


def alert_rule_by_id(pk: int) -> AlertRule:
    """One rule, or 404."""
    found = AlertRule.objects.filter(pk=pk).first()
    if found is None:
        raise Http404
    return found
