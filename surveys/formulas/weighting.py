"""Five ways to count the same answers (S-31, S-210). They answer different questions, so the method is always printed.

A `Tally` holds what is needed of a group of answers: how many, how many happy and unhappy, and their sum. NPS takes the
unhappy ones off; a share (CSAT, CES) does not.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from metrics.formulas.money import CONTEXT

HUNDRED = Decimal(100)
PROMOTER_MEAN, PASSIVE_MEAN = 9, 7  # a customer's unrounded mean from these on counts as promoter, passive
USUAL_WEIGHT = Decimal(1)  # of a contact whose role has no weight


@dataclass(frozen=True, slots=True)
class Tally:
    """Answers of one customer, role or group."""

    n: int = 0
    happy: int = 0
    unhappy: int = 0
    total: int = 0

    @property
    def neutral(self) -> int:
        """Neither happy nor unhappy; they stay in n."""
        return self.n - self.happy - self.unhappy

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.n + other.n, self.happy + other.happy, self.unhappy + other.unhappy, self.total + other.total
        )


Tallies = Mapping[int | None, Tally]  # answers per customer; None holds those of no known customer


def tally(scores: Iterable[int], *, happy_from: int = 9, unhappy_to: int = 6) -> Tally:
    """The tally of these scores; the cuts are those of NPS."""
    held = list(scores)
    return Tally(len(held), sum(s >= happy_from for s in held), sum(s <= unhappy_to for s in held), sum(held))


def merged(tallies: Iterable[Tally]) -> Tally:
    """All of them as one group."""
    n = happy = unhappy = total = 0
    for held in tallies:  # thousands of customers: no object per step
        n, happy, unhappy, total = (
            n + held.n, happy + held.happy, unhappy + held.unhappy, total + held.total
        )  # fmt: skip
    return Tally(n, happy, unhappy, total)


def own_score(held: Tally, *, is_share: bool = False) -> Decimal | None:
    """NPS of one group, or its share of happy answers in per cent; None without answers."""
    if not held.n:
        return None
    hits = held.happy if is_share else held.happy - held.unhappy
    return CONTEXT.divide(HUNDRED * hits, Decimal(held.n))


def _own_scores(*, is_share: bool) -> Callable[[Tally], Decimal | None]:
    """`own_score` that divides once per pair of counts: customers with few answers share them."""
    known: dict[tuple[int, int, int], Decimal | None] = {}

    def score_of(held: Tally) -> Decimal | None:
        key = held.n, held.happy, held.unhappy
        if key not in known:
            known[key] = own_score(held, is_share=is_share)
        return known[key]

    return score_of


def every_answer(tallies: Tallies, *, is_share: bool = False) -> Decimal | None:
    """The score over all answers, comparable with outside figures; None without answers."""
    return own_score(merged(tallies.values()), is_share=is_share)


def every_customer(tallies: Tallies, *, is_share: bool = False) -> Decimal | None:
    """Mean of the customers' own scores: each customer has the same weight; None without customers."""
    score_of = _own_scores(is_share=is_share)
    own = [
        value
        for customer, held in tallies.items()
        if customer is not None and (value := score_of(held)) is not None
    ]
    return CONTEXT.divide(sum(own, Decimal(0)), Decimal(len(own))) if own else None


def one_vote(
    tallies: Tallies,
    *,
    happy_from: int = PROMOTER_MEAN,
    neutral_from: int = PASSIVE_MEAN,
    is_share: bool = False,
) -> Decimal | None:
    """Each customer votes once by the bucket of its unrounded mean; None without customers."""
    known = [held for customer, held in tallies.items() if customer is not None and held.n]
    happy = sum(held.total >= happy_from * held.n for held in known)
    unhappy = sum(held.total < neutral_from * held.n for held in known)
    return own_score(Tally(len(known), happy, unhappy), is_share=is_share)


def by_mrr(tallies: Tallies, mrr: Mapping[int, Decimal], *, is_share: bool = False) -> Decimal | None:
    """The customers' own scores weighted by MRR: revenue at risk. Those without MRR are left out; None when all are."""
    weighed, total = Decimal(0), Decimal(0)
    score_of = _own_scores(is_share=is_share)
    for customer, held in tallies.items():
        weight = mrr.get(customer, Decimal(0)) if customer is not None else Decimal(0)
        own = score_of(held)
        if weight > 0 and own is not None:
            weighed += weight * own
            total += weight
    return CONTEXT.divide(weighed, total) if total else None


def by_role(
    tallies: Mapping[str, Tally], weights: Mapping[str, object], *, is_share: bool = False
) -> Decimal | None:
    """The score in which an answer weighs by its contact's role; a role without a weight weighs 1. Source: S-210."""
    known = {role_key(role): Decimal(str(weight)) for role, weight in weights.items()}
    hits, total = Decimal(0), Decimal(0)
    for role, held in tallies.items():
        weight = known.get(role_key(role), USUAL_WEIGHT)
        hits += weight * (held.happy if is_share else held.happy - held.unhappy)
        total += weight * held.n
    return CONTEXT.divide(HUNDRED * hits, total) if total else None


def role_key(role: str) -> str:
    """A role as weights are looked up: "Decision_Maker " and "decision maker" are one."""
    return " ".join(role.replace("_", " ").replace("-", " ").lower().split())


def without_mrr(tallies: Tallies, mrr: Mapping[int, Decimal]) -> list[int]:
    """Customers that answered and are left out of the MRR method."""
    return [customer for customer in tallies if customer is not None and mrr.get(customer, Decimal(0)) <= 0]


def coverage(tallies: Tallies, mrr: Mapping[int, Decimal], *, eligible: Decimal) -> Decimal | None:
    """MRR of customers with an answer as a share of the MRR of those who could have answered; None without MRR. Source: S-33."""
    if eligible <= 0:
        return None
    answered = sum(
        (mrr.get(customer, Decimal(0)) for customer in tallies if customer is not None), Decimal(0)
    )
    return CONTEXT.divide(HUNDRED * answered, eligible)
