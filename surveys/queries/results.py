"""What came of a campaign: score with its interval, distribution, funnel. A score never stands without its n (S-5)."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum, Value

from metrics.formulas import satisfaction
from surveys.choices import ACCEPTED, WAITING, DeliveryState, MessageKind, ResponseState, SurveyKind
from surveys.formulas.scales import NEGATIVE, NEUTRAL, POSITIVE, Scale, bucket, bucket_of
from surveys.formulas.weighting import Tally
from surveys.models import Campaign, Invitation, Message, Response, SurveyPolicy, Wave, WaveSkip

LIST_ONLY, GREY, NORMAL = "list", "grey", "normal"
FORMULAS = {
    "nps": "NPS = 100 × (promoters − detractors) ÷ n, adjusted Wald interval, 95 %",
    "csat": "CSAT = share of the top two boxes, Wilson interval, 95 %",
    "ces": "CES = share agreeing, Wilson interval, 95 %",
}
MEAN_ONLY = "mean of the answers; this imported scale has no agreed cuts"
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
    total = sum(point * times for point, times in scores.items())
    return score_of_tally(kind, Tally(counts.total(), counts[POSITIVE], counts[NEGATIVE], total), policy)


def score_of_tally(
    kind: str, held: Tally, policy: SurveyPolicy, *, has_cuts: bool = True, population: int | None = None
) -> Score:
    """The same from a tally. An imported scale without agreed cuts has a mean alone.

    `population` narrows the interval by the finite population factor; it does not cure non-response bias (S-27).
    """
    is_nps = kind == SurveyKind.NPS
    if not has_cuts:
        value, low, high = None, None, None
    else:
        value, low, high = _nps(held, population) if is_nps else _share(held.happy, held.n)
    shown = held.n >= policy.min_show_n
    mean = Decimal(held.total) / held.n if shown and (not is_nps or not has_cuts) else None
    return Score(
        kind=kind,
        n=held.n,
        weight=LIST_ONLY if not shown else GREY if held.n < policy.normal_n else NORMAL,
        value=value if shown else None,
        low=low if shown else None,
        high=high if shown else None,
        negative=held.unhappy,
        neutral=held.neutral,
        positive=held.happy,
        mean=mean,
        formula=FORMULAS[kind.rstrip("57")] if has_cuts else MEAN_ONLY,
    )


def _nps(held: Tally, population: int | None) -> tuple[Decimal | None, Decimal | None, Decimal | None]:
    known = satisfaction.NpsCounts(held.happy, held.neutral, held.unhappy)
    interval = satisfaction.nps_interval(known, population=population)
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


def distribution(
    scores: Mapping[int, int], *, low: int, high: int, scale: Scale | None
) -> list[tuple[int, int, str]]:
    """(point, answers, bucket) for every point from `low` to `high`; without cuts every point is neutral."""
    return [(point, scores.get(point, 0), bucket_of(scale, point)) for point in range(low, high + 1)]


def funnel(campaign: Campaign, wave: Wave | None = None) -> Funnel:
    """Counts of the whole campaign or of one wave; test mails are nowhere in them."""
    asked = Invitation.objects.filter(wave__campaign=campaign, is_test=False)
    answers = Response.objects.counted().filter(campaign=campaign)
    if wave is not None:
        asked, answers = asked.filter(wave=wave), Response.objects.counted().filter(invitation__wave=wave)
    looks = asked.aggregate(
        n=Count("*"), visited=Count(Value(1), filter=Q(response_state=ResponseState.VISITED))
    )
    mails = _mails_not_accepted(campaign, wave)
    states = Counter({state: sum(reasons.values()) for state, reasons in mails.items()})
    # Two counts, each from an index of its own, instead of one over the answers themselves.
    answered, commented = answers.count(), answers.exclude(comment="").count()
    return Funnel(
        eligible=eligible(campaign, wave),
        skipped=tuple(_skipped(campaign, wave, mails)),
        waiting=sum(states[state] for state in (*WAITING, DeliveryState.SENDING)),
        # Every invitation has one first mail, from the moment it is made.
        sent=looks["n"] - states.total(),
        bounced=states[DeliveryState.BOUNCED],
        failed=states[DeliveryState.FAILED],
        uncertain=states[DeliveryState.UNCERTAIN],
        # Whoever answered has looked; an answer set aside leaves the invitation in a state of its own.
        visited=looks["visited"] + answered,
        answered=answered,
        commented=commented,
    )


def asked_one_question(campaign: Campaign) -> bool:
    """Whether all versions of a campaign ask the same on one scale: its answers are then one series."""
    return campaign.versions.values("series_key").distinct().count() == 1


def eligible(campaign: Campaign, wave: Wave | None = None) -> int:
    """Contacts the audience rule named, in all waves or in one."""
    waves = campaign.waves.filter(is_test=False)
    if wave is not None:
        waves = waves.filter(pk=wave.pk)
    return waves.aggregate(total=Sum("eligible_count"))["total"] or 0


def mails_not_accepted() -> QuerySet[Message]:
    """First mails that no server took, or not yet: few once a wave has left, so they are what is looked at."""
    rows = Message.objects.filter(kind=MessageKind.FIRST).exclude(delivery_state__in=ACCEPTED)
    return rows.filter(invitation__is_test=False)


def _mails_not_accepted(campaign: Campaign, wave: Wave | None) -> dict[str, Counter[str]]:
    """The same of a campaign or wave, by state and reason of being skipped."""
    of = {"invitation__wave": wave} if wave else {"invitation__wave__campaign": campaign}
    found: dict[str, Counter[str]] = {}
    rows = mails_not_accepted().filter(**of).order_by().values_list("delivery_state", "skip_reason")
    for state, reason, count in rows.annotate(count=Count("*")):
        found.setdefault(state, Counter())[reason] += count
    return found


def _skipped(
    campaign: Campaign, wave: Wave | None, mails: Mapping[str, Counter[str]]
) -> list[tuple[str, int]]:
    skips = WaveSkip.objects.filter(wave__campaign=campaign)
    if wave is not None:
        skips = skips.filter(wave=wave)
    found = Counter(mails.get(DeliveryState.SKIPPED, Counter()))
    found.update(dict(skips.order_by().values_list("reason").annotate(count=Count("pk"))))
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
