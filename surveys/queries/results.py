"""What came of a campaign: score with its interval, distribution, funnel. A score never stands without its n (S-5)."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, Sum

from customers.models import CustomerSummary
from metrics.formulas import satisfaction
from surveys.choices import ACCEPTED, DeliveryState, MessageKind, ResponseState, SurveyKind
from surveys.formulas import weighting
from surveys.formulas.scales import NEGATIVE, NEUTRAL, POSITIVE, SCALES, bucket
from surveys.models import Campaign, Invitation, Message, Response, SurveyPolicy, WaveSkip

LIST_ONLY, GREY, NORMAL = "list", "grey", "normal"
FORMULAS = {
    "nps": "NPS = 100 × (promoters − detractors) ÷ n, adjusted Wald interval, 95 %",
    "csat": "CSAT = share of the top two boxes, Wilson interval, 95 %",
    "ces": "CES = share agreeing, Wilson interval, 95 %",
}
HUNDRED = Decimal(100)


@dataclass(frozen=True)
class Score:
    """A survey score ready to be read. `value`, `low` and `high` are None below the least n; `weight` says how to show it."""

    kind: str
    n: int
    weight: str
    value: Decimal | None
    low: Decimal | None
    high: Decimal | None
    negative: int
    neutral: int
    positive: int
    mean: Decimal | None
    formula: str


@dataclass(frozen=True)
class Funnel:
    """Where everybody of the audience ended up; each step is part of the one before it."""

    eligible: int
    skipped: tuple[tuple[str, int], ...]
    waiting: int
    sent: int
    bounced: int
    failed: int
    uncertain: int
    visited: int
    answered: int
    commented: int

    @property
    def skipped_total(self) -> int:
        return sum(count for _, count in self.skipped)

    @property
    def delivered(self) -> int:
        """Accepted by the server and not sent back; without provider events this is all that is known."""
        return self.sent


def score_of(kind: str, scores: Mapping[int, int], policy: SurveyPolicy) -> Score:
    """The score of these counted answers: nothing below 5 of them, grey below 30 (S-27)."""
    counts = Counter(dict.fromkeys((NEGATIVE, NEUTRAL, POSITIVE), 0))
    for point, times in scores.items():
        counts[bucket(kind, point)] += times
    n = counts.total()
    value, low, high = _nps(counts) if kind == SurveyKind.NPS else _share(counts[POSITIVE], n)
    shown = n >= policy.min_show_n
    return Score(
        kind=kind,
        n=n,
        weight=LIST_ONLY if not shown else GREY if n < policy.normal_n else NORMAL,
        value=value if shown else None,
        low=low if shown else None,
        high=high if shown else None,
        negative=counts[NEGATIVE],
        neutral=counts[NEUTRAL],
        positive=counts[POSITIVE],
        mean=satisfaction.mean_score(scores).value if shown and kind != SurveyKind.NPS else None,
        formula=FORMULAS[kind.rstrip("57")],
    )


def _nps(counts: Counter[str]) -> tuple[Decimal | None, Decimal | None, Decimal | None]:
    known = satisfaction.NpsCounts(counts[POSITIVE], counts[NEUTRAL], counts[NEGATIVE])
    interval = satisfaction.nps_interval(known)
    return (
        satisfaction.nps(known).value,
        interval.low if interval else None,
        interval.high if interval else None,
    )


def _share(hits: int, n: int) -> tuple[Decimal | None, Decimal | None, Decimal | None]:
    interval = satisfaction.wilson(hits=hits, n=n)
    if interval is None:
        return None, None, None
    return satisfaction.share(hits=hits, n=n).value, interval.low * HUNDRED, interval.high * HUNDRED


@dataclass(frozen=True)
class Method:
    """One way to count, its result and what it is good for."""

    name: str
    value: Decimal | None
    use: str


def methods(campaign: Campaign) -> tuple[list[Method], int]:
    """The four ways to count an NPS over the same answers, and how many customers answered. MRR is today's."""
    answers: dict[int, list[int]] = {}
    rows = Response.objects.counted().filter(campaign=campaign).values_list("customer", "score")
    for customer, score in rows:
        answers.setdefault(customer, []).append(score)
    mrr = dict(CustomerSummary.objects.filter(customer__in=list(answers)).values_list("customer", "mrr"))
    return [
        Method("Every answer", weighting.every_answer(answers), "comparing with others"),
        Method("Every customer once", weighting.every_customer(answers), "the company view"),
        Method("Bucket of the customer’s mean", weighting.one_vote(answers), "one vote per customer"),
        Method("By MRR", weighting.by_mrr(answers, mrr), "revenue at risk"),
    ], len(answers)


def distribution(kind: str, scores: Mapping[int, int]) -> list[tuple[int, int, str]]:
    """(point, answers, bucket) for every point of the scale."""
    return [(point, scores.get(point, 0), bucket(kind, point)) for point in SCALES[kind].points]


def funnel(campaign: Campaign) -> Funnel:
    """Counts of the whole campaign; test mails are nowhere in them."""
    firsts = Message.objects.filter(
        invitation__wave__campaign=campaign, invitation__is_test=False, kind=MessageKind.FIRST
    )
    mails = firsts.aggregate(
        sent=Count("pk", filter=Q(delivery_state__in=ACCEPTED)),
        bounced=Count("pk", filter=Q(delivery_state=DeliveryState.BOUNCED)),
        failed=Count("pk", filter=Q(delivery_state=DeliveryState.FAILED)),
        uncertain=Count("pk", filter=Q(delivery_state=DeliveryState.UNCERTAIN)),
        waiting=Count(
            "pk",
            filter=Q(
                delivery_state__in=[
                    DeliveryState.PLANNED,
                    DeliveryState.QUEUED,
                    DeliveryState.SENDING,
                    DeliveryState.RETRY_WAIT,
                ]
            ),
        ),
    )
    skipped = skip_counts(campaign)
    answers = Response.objects.counted().filter(campaign=campaign)
    talked = answers.aggregate(answered=Count("pk"), commented=Count("pk", filter=~Q(comment="")))
    seen = Invitation.objects.filter(wave__campaign=campaign, is_test=False)
    seen = seen.filter(
        Q(response_state=ResponseState.VISITED) | Exists(answers.filter(invitation=OuterRef("pk")))
    )
    return Funnel(
        eligible=campaign.waves.filter(is_test=False).aggregate(total=Sum("eligible_count"))["total"] or 0,
        skipped=tuple(skipped),
        waiting=mails["waiting"],
        sent=mails["sent"],
        bounced=mails["bounced"],
        failed=mails["failed"],
        uncertain=mails["uncertain"],
        visited=seen.count(),
        answered=talked["answered"],
        commented=talked["commented"],
    )


def skip_counts(campaign: Campaign) -> list[tuple[str, int]]:
    """(reason, contacts) of everybody left out, at the snapshot and at the moment of sending."""
    found: Counter[str] = Counter()
    skips = WaveSkip.objects.filter(wave__campaign=campaign).values_list("reason")
    later = Message.objects.filter(
        invitation__wave__campaign=campaign, kind=MessageKind.FIRST, delivery_state=DeliveryState.SKIPPED
    ).values_list("skip_reason")
    for rows in (skips, later):
        found.update(dict(rows.annotate(count=Count("pk")).order_by()))
    return found.most_common()


def people_left_out(campaign: Campaign, *, user: Any, reason: str = "") -> list[dict[str, str]]:
    """Contacts of the reader's customers who were not asked, with the reason."""
    skips = (
        WaveSkip.objects.visible_to(user)
        .filter(wave__campaign=campaign)
        .select_related("contact", "customer")
    )
    later = Message.objects.filter(
        invitation__in=Invitation.objects.visible_to(user).filter(wave__campaign=campaign),
        kind=MessageKind.FIRST,
        delivery_state=DeliveryState.SKIPPED,
    ).select_related("invitation__contact", "invitation__customer")
    found = [(skip.contact, skip.customer, skip.reason) for skip in skips]
    found += [(mail.invitation.contact, mail.invitation.customer, mail.skip_reason) for mail in later]
    return [
        {"name": contact.name, "email": contact.email, "customer": customer.name, "reason": why}
        for contact, customer, why in found
        if contact and customer and reason in {"", why}
    ]
