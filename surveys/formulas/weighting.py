"""Four ways to count the same NPS answers (S-31). They answer different questions, so the method is always printed."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from metrics.formulas.money import CONTEXT
from metrics.formulas.satisfaction import NpsCounts, nps, nps_counts

PROMOTER_MEAN, PASSIVE_MEAN = 9, 7  # a customer's unrounded mean from these on counts as promoter, passive
HUNDRED = Decimal(100)

Answers = Mapping[int, Sequence[int]]  # scores per customer


def every_answer(answers: Answers) -> Decimal | None:
    """NPS over all answers, comparable with outside figures; None without answers."""
    return nps(nps_counts(score for scores in answers.values() for score in scores)).value


def every_customer(answers: Answers) -> Decimal | None:
    """Mean of the customers' own NPS: each customer has the same weight; None without answers."""
    own = [value for scores in answers.values() if (value := nps(nps_counts(scores)).value) is not None]
    return CONTEXT.divide(sum(own, Decimal(0)), Decimal(len(own))) if own else None


def one_vote(answers: Answers) -> Decimal | None:
    """Each customer votes once by the bucket of its mean answer; None without answers."""
    means = [
        CONTEXT.divide(Decimal(sum(scores)), Decimal(len(scores))) for scores in answers.values() if scores
    ]
    promoters = sum(mean >= PROMOTER_MEAN for mean in means)
    detractors = sum(mean < PASSIVE_MEAN for mean in means)
    return nps(NpsCounts(promoters, len(means) - promoters - detractors, detractors)).value


def by_mrr(answers: Answers, mrr: Mapping[int, Decimal]) -> Decimal | None:
    """The customers' own NPS weighted by MRR: revenue at risk. Customers without MRR are left out; None when all are."""
    weighed, total = Decimal(0), Decimal(0)
    for customer, scores in answers.items():
        weight, own = mrr.get(customer, Decimal(0)), nps(nps_counts(scores)).value
        if weight > 0 and own is not None:
            weighed += weight * own
            total += weight
    return CONTEXT.divide(weighed, total) if total else None
