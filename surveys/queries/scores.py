"""Scores of a slice: tallies per customer, five methods over the same answers, coverage, trend (section 3).

Everything is counted by the database in one pass over the answers; the arithmetic is that of `formulas`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Count, F, Q, QuerySet, Sum
from django.db.models.functions import Coalesce, TruncMonth

from customers.models import CustomerSummary
from customers.queries.access import customers_for
from surveys.formulas import comparing, weighting
from surveys.formulas.scales import Scale
from surveys.formulas.weighting import Tallies, Tally
from surveys.models import Invitation, Response, SurveyPolicy, WaveSkip
from surveys.queries.slices import ANSWERED, Slice, payers

NO_CUTS = Scale(0, 0, -1000, 1000, ())  # a scale without agreed buckets: nothing is happy or unhappy
MONTHS_SHOWN = 12
TARGET = Decimal(80)  # per cent of MRR that should be heard in a quarter
LEFT_OUT_SHOWN = 20


@dataclass(frozen=True)
class Method:
    """One way to count: key in the URL, its result, and what it is good for."""

    key: str
    name: str
    value: Decimal | None
    use: str


@dataclass(frozen=True)
class Weighed:
    """The five results with n of answers and customers, how much revenue was heard, and who has no MRR."""

    methods: Sequence[Method]
    answers: int
    customers: int
    coverage: Decimal | None
    left_out: int
    left_out_names: Sequence[str]

    def by_key(self, key: str) -> Method:
        """The method of a key; an unknown key is every answer."""
        return next((method for method in self.methods if method.key == key), self.methods[0])


def _sums(scale: Scale | None) -> dict[str, Any]:
    cuts = scale or NO_CUTS
    return {
        "n": Count("pk"),
        "happy": Count("pk", filter=Q(score__gte=cuts.positive_from)),
        "unhappy": Count("pk", filter=Q(score__lte=cuts.negative_to)),
        "total": Sum("score"),
    }


def tally_by(rows: QuerySet[Response], name: str, scale: Scale | None) -> dict[Any, Tally]:
    """Answers grouped by a field."""
    found = rows.order_by().values_list(name).annotate(**_sums(scale))
    return {key: Tally(*rest) for key, *rest in found}


def points(rows: QuerySet[Response]) -> dict[int, int]:
    """How often each score was given."""
    return dict(rows.order_by().values_list("score").annotate(n=Count("pk")))


def weigh(
    rows: QuerySet[Response],
    held: Tallies,
    scale: Scale,
    *,
    is_share: bool,
    policy: SurveyPolicy,
    could_answer: QuerySet[CustomerSummary],
    user: Any,
) -> Weighed:
    """All five methods over the answers tallied in `held`. MRR is today's, in the reporting currency."""
    known = [customer for customer in held if customer is not None]
    mrr = dict(CustomerSummary.objects.filter(customer__in=known, mrr__gt=0).values_list("customer", "mrr"))
    roles = {role or "": found for role, found in tally_by(rows, "contact__role", scale).items()}
    cuts = {"happy_from": scale.positive_from, "neutral_from": scale.negative_to + 1, "is_share": is_share}
    weights = ", ".join(f"{role} {weight}" for role, weight in policy.role_weights.items())
    without = weighting.without_mrr(held, mrr)
    methods = (
        Method(
            "answer", "Every answer", weighting.every_answer(held, is_share=is_share), "comparing with others"
        ),
        Method(
            "customer",
            "Every customer once",
            weighting.every_customer(held, is_share=is_share),
            "the company view",
        ),
        Method(
            "bucket",
            "Bucket of the customer’s mean",
            weighting.one_vote(held, **cuts),
            "one vote per customer",
        ),
        Method("mrr", "By MRR", weighting.by_mrr(held, mrr, is_share=is_share), "revenue at risk"),
        Method(
            "role",
            "By role of the contact",
            weighting.by_role(roles, policy.role_weights, is_share=is_share),
            f"who decides: {weights}",
        ),
    )
    eligible = could_answer.aggregate(total=Sum("mrr"))["total"] or Decimal(0)
    return Weighed(
        methods=methods,
        answers=weighting.merged(held.values()).n,
        customers=len(known),
        coverage=weighting.coverage(held, mrr, eligible=eligible),
        left_out=len(without),
        left_out_names=_names(without, user),
    )


def _names(ids: Sequence[int], user: Any) -> list[str]:
    """The first of these customers that the reader may see."""
    if not ids:
        return []
    mine = customers_for(user).filter(pk__in=ids).order_by("name")
    return list(mine.values_list("name", flat=True)[:LEFT_OUT_SHOWN])


def could_answer(wanted: Slice) -> QuerySet[CustomerSummary]:
    """Paying customers of the slice: those asked or left out by its campaign or wave, else all that the filters name."""
    rows = payers()
    if wanted.segment:
        rows = rows.filter(customer__segment=wanted.segment)
    if wanted.campaign or wanted.wave:
        of = {"wave": wanted.wave} if wanted.wave else {"wave__campaign": wanted.campaign}
        asked = Invitation.objects.filter(**of, is_test=False).values("customer")
        rows = rows.filter(
            Q(customer__in=asked) | Q(customer__in=WaveSkip.objects.filter(**of).values("customer"))
        )
    return rows


@dataclass(frozen=True)
class Month:
    """One month of the trend. `way` is an arrow only where the change to the month before is significant (S-26)."""

    month: date
    tally: Tally
    way: str
    is_final: bool


def trend(
    rows: QuerySet[Response],
    scale: Scale | None,
    *,
    basis: str,
    zone: ZoneInfo,
    policy: SurveyPolicy,
    today: date,
    is_share: bool,
) -> list[Month]:
    """The last twelve months with answers, oldest first: by the day the first mail was sent, or by answer date."""
    at = F("answered_at") if basis == ANSWERED else Coalesce("sent_at", "answered_at")
    grouped = (
        rows.order_by()
        .annotate(month=TruncMonth(at, tzinfo=zone))
        .values_list("month")
        .annotate(**_sums(scale))
        .order_by("-month")[:MONTHS_SHOWN]
    )
    found: list[Month] = []
    for moment, *rest in reversed(list(grouped)):
        month, held = moment.date(), Tally(*rest)
        before = found[-1].tally if found else Tally()
        seen = comparing.verdict(before, held, is_share=is_share, alpha=policy.alpha, least=policy.min_show_n)
        found.append(Month(month, held, seen.way, _is_final(month, basis, policy, today)))
    return found


def _is_final(month: date, basis: str, policy: SurveyPolicy, today: date) -> bool:
    """A month of sending is final when its last mail is older than `close_after_days`; of answers, when it is over."""
    over = (month + timedelta(days=32)).replace(day=1)
    return today >= over + timedelta(days=policy.close_after_days if basis != ANSWERED else 0)
