"""Campaigns with their counts, in a constant number of queries."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, Q, QuerySet

from customers.choices import AssignmentRole
from customers.models import Assignment, Contact, CustomerSummary
from customers.queries.access import customers_for
from surveys.choices import ACCEPTED, DeliveryState, ResponseStatus
from surveys.models import Campaign, Message, Response

LISTED = 200  # newest campaigns on the list page


@dataclass(frozen=True)
class CampaignLine:
    """A campaign with how many mails the server took and the counted answers per score."""

    campaign: Campaign
    sent: int
    waiting: int
    uncertain: int
    scores: Counter[int] = field(default_factory=Counter)

    @property
    def answered(self) -> int:
        return self.scores.total()


def campaign_lines(rows: QuerySet[Campaign]) -> list[CampaignLine]:
    """The newest campaigns of `rows`, each with its counts."""
    campaigns = list(rows.select_related("current", "created_by").order_by("-created_at", "-pk")[:LISTED])
    ids = [campaign.pk for campaign in campaigns]
    mails = {
        row["invitation__wave__campaign"]: row
        for row in Message.objects.filter(invitation__wave__campaign__in=ids, invitation__is_test=False)
        .values("invitation__wave__campaign")
        .annotate(
            sent=Count("pk", filter=Q(delivery_state__in=ACCEPTED)),
            uncertain=Count("pk", filter=Q(delivery_state=DeliveryState.UNCERTAIN)),
            waiting=Count("pk", filter=Q(delivery_state__in=[DeliveryState.PLANNED, DeliveryState.QUEUED])),
        )
        .order_by()
    }
    scores = scores_of(Response.objects.filter(campaign__in=ids))
    return [
        CampaignLine(
            campaign=campaign,
            sent=mails.get(campaign.pk, {}).get("sent", 0),
            waiting=mails.get(campaign.pk, {}).get("waiting", 0),
            uncertain=mails.get(campaign.pk, {}).get("uncertain", 0),
            scores=scores.get(campaign.pk, Counter()),
        )
        for campaign in campaigns
    ]


def scores_of(answers: QuerySet[Response]) -> dict[int, Counter[int]]:
    """Per campaign how often each score was counted."""
    found: dict[int, Counter[int]] = {}
    rows = answers.filter(status=ResponseStatus.COUNTED).values_list("campaign", "score")
    for campaign, score, count in rows.annotate(count=Count("pk")).order_by():
        found.setdefault(campaign, Counter())[score] += count
    return found


def audience_options(user: Any) -> dict[str, list[tuple[str, str]]]:
    """What the filters of an audience can name, among the customers this user may read."""
    mine = customers_for(user).active()
    found = {name: _values(mine, name) for name in ("phase", "tier", "segment", "region")}
    plans = CustomerSummary.objects.filter(customer__in=mine).exclude(plan="")
    roles = Contact.objects.filter(customer__in=mine).exclude(role="")
    found["plan"] = [
        (plan, plan) for plan in plans.values_list("plan", flat=True).distinct().order_by("plan")
    ]
    found["role"] = [
        (role, role) for role in roles.values_list("role", flat=True).distinct().order_by("role")
    ]
    held = Assignment.objects.current().filter(customer__in=mine, role=AssignmentRole.PRIMARY, to_on=None)
    people = held.values_list("user", "user__name").distinct().order_by("user__name")
    found["csm"] = [(str(pk), name) for pk, name in people]
    return found


def _values(customers: QuerySet[Any], name: str) -> list[tuple[str, str]]:
    values = customers.exclude(**{name: ""}).values_list(name, flat=True).distinct().order_by(name)
    return [(value, value.capitalize() if name == "phase" else value) for value in values]
