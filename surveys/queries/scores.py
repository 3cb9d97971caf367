"""Scores of a slice: tallies per customer, five methods over the same answers, coverage, trend (section 3).

Everything is counted by the database in one pass over the answers; the arithmetic is that of `formulas`.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Count, F, Q, QuerySet, Sum, Value
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
LEFT_OUT_SHOWN, LEFT_OUT_LOOKED_AT = 20, 200
MANY_CUSTOMERS = 1000


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
        # Rows, not ids: what is not asked for need not be read.
        "n": Count("*"),
        "happy": Count(Value(1), filter=Q(score__gte=cuts.positive_from)),
        "unhappy": Count(Value(1), filter=Q(score__lte=cuts.negative_to)),
        "total": Sum("score"),
    }


def tally_by(rows: QuerySet[Response], name: str, scale: Scale | None) -> dict[Any, Tally]:
    """Answers grouped by a field."""
    found = rows.order_by().values_list(name).annotate(**_sums(scale))
    return {key: Tally(*rest) for key, *rest in found}


def tally_all(rows: QuerySet[Response], scale: Scale | None) -> Tally:
    """All answers as one group."""
    found = rows.order_by().aggregate(**_sums(scale))
    return Tally(found["n"], found["happy"], found["unhappy"], found["total"] or 0)


def tally_customers(
    rows: QuerySet[Response], scale: Scale | None
) -> tuple[dict[int | None, Tally], dict[int, Decimal]]:
    """Answers per customer, and the MRR of those who have any today."""
    held = tally_by(rows, "customer", scale)
    worth = CustomerSummary.objects.filter(mrr__gt=0)
    if len(held) < MANY_CUSTOMERS:  # a long list of ids costs the database more than the rows themselves
        worth = worth.filter(customer__in=[customer for customer in held if customer is not None])
    return held, {pk: mrr for pk, mrr in worth.values_list("customer", "mrr") if pk in held}


def points_by_role(rows: QuerySet[Response]) -> dict[tuple[int, str], int]:
    """How often each score was given by contacts of each role: distribution and role tallies in one pass."""
    found = rows.order_by().values_list("score", "contact__role").annotate(n=Count("*"))
    counts: Counter[tuple[int, str]] = Counter()
    for score, role, number in found:
        counts[score, role or ""] += number
    return dict(counts)


def points(by_role: Mapping[tuple[int, str], int]) -> dict[int, int]:
    """How often each score was given."""
    counts: Counter[int] = Counter()
    for (score, _), number in by_role.items():
        counts[score] += number
    return dict(counts)


def roles(by_role: Mapping[tuple[int, str], int], scale: Scale) -> dict[str, Tally]:
    """Answers per role of the contact."""
    held: dict[str, Tally] = {}
    for (score, role), number in by_role.items():
        one = Tally(
            number,
            number * (score >= scale.positive_from),
            number * (score <= scale.negative_to),
            number * score,
        )
        held[role] = held.get(role, Tally()) + one
    return held


def weigh(
    held: Tallies,
    mrr: Mapping[int, Decimal],
    by_role: Mapping[str, Tally],
    scale: Scale,
    *,
    is_share: bool,
    policy: SurveyPolicy,
    could_answer: QuerySet[CustomerSummary],
    user: Any,
) -> Weighed:
    """All five methods over the same answers. MRR is today's, in the reporting currency."""
    known = [customer for customer in held if customer is not None]
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
            weighting.by_role(by_role, policy.role_weights, is_share=is_share),
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
    """Some of these customers that the reader may see; a long list is looked through at its beginning only."""
    if not ids:
        return []
    mine = customers_for(user).filter(pk__in=sorted(ids)[:LEFT_OUT_LOOKED_AT]).order_by("name")
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
