"""When a person or customer was last asked, across all campaigns (S-50). Reminders and refused mails do not count."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Max, Q, QuerySet

from surveys.choices import ON_THE_CLOCK, MessageKind, Nature, SurveyKind
from surveys.models import CampaignVersion, Message, SurveyPolicy

FLOOR = timedelta(hours=24)  # fixed; binds everyone
CAP_WINDOW = timedelta(days=30)


@dataclass(frozen=True)
class LastAsked:
    """The newest invitation of any kind, and the newest relationship NPS; None for never."""

    any_at: datetime | None = None
    relationship_at: datetime | None = None

    def free_at(self, version: CampaignVersion, policy: SurveyPolicy) -> datetime | None:
        """First moment at which this campaign may ask; None when the person was never asked."""
        moments = []
        if self.any_at:
            moments.append(self.any_at + max(FLOOR, timedelta(days=policy.any_gap_days)))
        if self.relationship_at and is_relationship_nps(version):
            moments.append(self.relationship_at + timedelta(days=policy.relationship_gap_days))
        return max(moments, default=None)


NEVER = LastAsked()


def is_relationship_nps(version: CampaignVersion) -> bool:
    """The one kind of survey with its own, longer gap."""
    return version.kind == SurveyKind.NPS and version.nature == Nature.RELATIONSHIP


def _asked(since: datetime) -> QuerySet[Message]:
    return Message.objects.filter(
        kind=MessageKind.FIRST,
        delivery_state__in=ON_THE_CLOCK,
        claimed_at__gte=since,
        invitation__is_test=False,
    )


def longest_gap(policy: SurveyPolicy) -> timedelta:
    """Whoever was not asked within it may be asked by any campaign."""
    return max(FLOOR, timedelta(days=max(policy.any_gap_days, policy.relationship_gap_days)))


def _newest() -> dict[str, Max]:
    relationship = Q(
        invitation__wave__version__kind=SurveyKind.NPS, invitation__wave__version__nature=Nature.RELATIONSHIP
    )
    return {"any_at": Max("claimed_at"), "relationship_at": Max("claimed_at", filter=relationship)}


def last_asked(*, now: datetime, policy: SurveyPolicy) -> dict[str, LastAsked]:
    """Per address hash, for everybody asked within the longest gap."""
    rows = _asked(now - longest_gap(policy)).values("invitation__email_hash").annotate(**_newest())
    return {
        row["invitation__email_hash"]: LastAsked(row["any_at"], row["relationship_at"])
        for row in rows.order_by()
    }


def asked_before(
    *, now: datetime, policy: SurveyPolicy, email_hash: str, customer_id: int | None, but_not: int
) -> tuple[LastAsked, set[str]]:
    """When this person was last asked, and who was asked at this customer in 30 days, without the message `but_not`."""
    rows = _asked(now - max(longest_gap(policy), CAP_WINDOW)).exclude(pk=but_not)
    rows = rows.filter(Q(invitation__email_hash=email_hash) | Q(invitation__customer_id=customer_id))
    found = rows.values_list("invitation__email_hash", "invitation__customer_id").annotate(**_newest())
    last, persons = NEVER, set()
    for person, customer, any_at, relationship_at in found.order_by():
        if person == email_hash:
            last = LastAsked(_later(last.any_at, any_at), _later(last.relationship_at, relationship_at))
        if customer is not None and customer == customer_id and any_at >= now - CAP_WINDOW:
            persons.add(person)
    return last, persons


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return max((moment for moment in (one, other) if moment), default=None)


def persons_asked(*, now: datetime) -> dict[int, set[str]]:
    """Per customer the address hashes asked in the rolling 30 days (S-51)."""
    rows = _asked(now - CAP_WINDOW)
    found: dict[int, set[str]] = {}
    for customer, person in rows.values_list("invitation__customer_id", "invitation__email_hash").distinct():
        found.setdefault(customer, set()).add(person)
    return found


def claimed_since(since: datetime, *, domain: str = "") -> int:
    """Mails taken for sending since then, to everybody or to one receiving domain."""
    rows = Message.objects.filter(claimed_at__gte=since)
    return rows.filter(invitation__email_domain=domain).count() if domain else rows.count()
