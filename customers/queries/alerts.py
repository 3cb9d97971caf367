"""Alerts of a person: merged per customer, the weightiest first, the rest held back within the day's budget."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Q
from django.http import Http404

from accounts.models import User
from customers.choices import AlertState
from customers.models import Alert, Customer
from customers.queries.access import customers_for

BUDGET = 8  # customers with alerts shown at once
# Chance that a customer renews, by the colour of its band, until it is known better.
RENEWS = {
    "red": Decimal("0.5"),
    "amber": Decimal("0.8"),
    "green": Decimal("0.95"),
    "blue": Decimal("0.95"),
    "none": Decimal("0.7"),
}


@dataclass(frozen=True)
class AlertGroup:
    """All open alerts of one customer, or one that is about no customer. `rank` = MRR x (1 - chance to renew)."""

    customer: Customer | None
    alerts: Sequence[Alert]
    rank: Decimal


def alerts_of(user: User) -> Any:
    """Open alerts to this person about customers the person may still read, or about none."""
    mine = Alert.objects.filter(receiver=user, state=AlertState.OPEN)
    readable = Q(customer=None) | Q(customer__in=customers_for(user).active())
    return mine.filter(readable).select_related("customer__summary").order_by("-opened_at", "-pk")


def alert_groups_of(user: User) -> tuple[list[AlertGroup], list[AlertGroup]]:
    """(shown, held back): what is about no customer always, then customers by rank within the budget. One query."""
    by_customer: dict[int, list[Alert]] = {}
    general: list[AlertGroup] = []
    for alert in alerts_of(user):
        if alert.customer is None:
            general.append(AlertGroup(None, [alert], Decimal(0)))
        else:
            by_customer.setdefault(alert.customer_id, []).append(alert)
    groups = [AlertGroup(rows[0].customer, rows, _rank(rows[0].customer)) for rows in by_customer.values()]
    groups.sort(key=lambda group: -group.rank)
    return [*general, *groups[:BUDGET]], groups[BUDGET:]


def _rank(customer: Customer) -> Decimal:
    summary = getattr(customer, "summary", None)
    if summary is None:
        return Decimal(0)
    return Decimal(summary.mrr) * (1 - RENEWS.get(summary.tone, RENEWS["none"]))


def alert_of(user: User, pk: int) -> Alert:
    """One alert to this person; 404 for everybody else."""
    found: Alert | None = alerts_of(user).filter(pk=pk).first()
    if found is None:
        raise Http404
    return found
