"""Survey scores, their intervals and tests of change (section 15; surveys S-20 to S-26)."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import NormalDist

from metrics.formulas.money import CONTEXT, ZERO
from metrics.formulas.result import Number, Result, known, ratio, times, unknown

Z95 = Decimal("1.959964")  # two-sided 95 % normal quantile
HUNDRED = Decimal(100)
PROMOTER = 9  # lowest promoter of 0-10
PASSIVE = 7  # lowest passive of 0-10
PAIRS_FOR_Z = 30  # pairs from which the normal approximation is used
TOP_HALF_OF_TEN = 6  # lowest answer of the upper half of 1-10
CSAT_CUT = {5: 4, 7: 6, 10: 9}  # lowest satisfied answer per scale
CES_CUT = {5: 4, 7: 5}  # lowest agreeing answer per scale


@dataclass(frozen=True, slots=True)
class NpsCounts:
    """Answers by bucket; passives stay in n."""

    promoters: int
    passives: int
    detractors: int

    @property
    def n(self) -> int:
        """All counted answers."""
        return self.promoters + self.passives + self.detractors


@dataclass(frozen=True, slots=True)
class Interval:
    """Centre, half width and cut limits of a confidence interval."""

    centre: Decimal
    half: Decimal
    low: Decimal
    high: Decimal


@dataclass(frozen=True, slots=True)
class Change:
    """A tested difference: size, standard error, z and two-sided p (None where the test has none)."""

    difference: Decimal
    se: Decimal | None
    z: Decimal | None
    p: Decimal


def nps_bucket(score: int) -> str:
    """9-10 promoter, 7-8 passive, 0-6 detractor. Anything else is a ValueError. Source: S-20."""
    if not 0 <= score <= 10:  # noqa: PLR2004
        raise ValueError("a score is 0 to 10")
    if score >= PROMOTER:
        return "promoter"
    return "passive" if score >= PASSIVE else "detractor"


def nps_counts(scores: Iterable[int]) -> NpsCounts:
    """Answers 0-10 sorted into buckets."""
    buckets = [nps_bucket(score) for score in scores]
    return NpsCounts(buckets.count("promoter"), buckets.count("passive"), buckets.count("detractor"))


def nps(counts: NpsCounts) -> Result:
    """100 x (P - D)/n, unrounded. n = 0: no_data. Source: S-20, S-21."""
    return times(ratio(counts.promoters - counts.detractors, counts.n, if_zero="no_data"), HUNDRED)


def nps_shown(value: Decimal) -> str:
    """Signed integer, half away from zero, 0 without sign. Source: S-21."""
    whole = int(value.quantize(Decimal(1), context=CONTEXT))
    return f"{whole:+d}".replace("-", "−") if whole else "0"


def nps_fraction(*, promoters: Decimal, detractors: Decimal) -> Decimal:
    """NPS of two shares on -1..1: p - d."""
    return promoters - detractors


def nps_variance(*, promoters: Decimal, detractors: Decimal) -> Decimal:
    """Variance of one answer on -1..1: p + d - (p - d)^2."""
    return promoters + detractors - (promoters - detractors) ** 2


def nps_standard_error(*, promoters: Decimal, detractors: Decimal, n: int) -> Result:
    """sqrt(variance of one answer / n) on the scale -1..1. No answers: no_data."""
    if n == 0:
        return unknown("no_data")
    variance = nps_variance(promoters=promoters, detractors=detractors)
    return known(_sqrt(CONTEXT.divide(variance, Decimal(n))))


def nps_adjusted(counts: NpsCounts) -> Result:
    """The score with 3/4, 3/2, 3/4 added answers: the centre of its interval. No answers: no_data. Source: S-22."""
    return known(_adjusted(counts)[0] * HUNDRED) if counts.n else unknown("no_data")


def _adjusted(counts: NpsCounts) -> tuple[Decimal, Decimal, int]:
    """Centre and variance with 3/4, 3/2, 3/4 added answers, and n + 3. Source: S-22."""
    n = counts.n + 3
    p = CONTEXT.divide(counts.promoters + Decimal("0.75"), Decimal(n))
    d = CONTEXT.divide(counts.detractors + Decimal("0.75"), Decimal(n))
    return p - d, nps_variance(promoters=p, detractors=d), n


def nps_interval(counts: NpsCounts, *, z: Decimal = Z95, population: int | None = None) -> Interval | None:
    """Adjusted Wald: centre +- z x sqrt(variance/(n + 3)), cut at +-100; no answers: None. Source: S-22.

    `population` applies the finite factor sqrt((N - n)/(N - 1)) (fpc).
    """
    if counts.n == 0:
        return None
    centre, variance, n = _adjusted(counts)
    half = z * _sqrt(CONTEXT.divide(variance, Decimal(n))) * HUNDRED
    if population is not None:
        half *= population_factor(answers=counts.n, population=population)
    middle = centre * HUNDRED
    return Interval(middle, half, max(middle - half, -HUNDRED), min(middle + half, HUNDRED))


def nps_margin_wald(counts: NpsCounts, *, z: Decimal = Z95, population: int | None = None) -> Decimal | None:
    """Plain Wald margin z x sqrt(variance/n) x 100: a named variant, zero when all agree; no answers: None.

    `population` applies the finite factor (fpc).
    """
    if counts.n == 0:
        return None
    n = Decimal(counts.n)
    p, d = CONTEXT.divide(Decimal(counts.promoters), n), CONTEXT.divide(Decimal(counts.detractors), n)
    margin = z * _sqrt(CONTEXT.divide(nps_variance(promoters=p, detractors=d), n)) * HUNDRED
    if population is not None:
        margin *= population_factor(answers=counts.n, population=population)
    return margin


def nps_change(a: NpsCounts, b: NpsCounts) -> Change | None:
    """A - b of the adjusted scores, se = sqrt(v1/n1' + v2/n2'), two-sided z; an empty group: None. Source: S-24."""
    if not a.n or not b.n:
        return None
    centre_a, var_a, n_a = _adjusted(a)
    centre_b, var_b, n_b = _adjusted(b)
    se = _sqrt(CONTEXT.divide(var_a, Decimal(n_a)) + CONTEXT.divide(var_b, Decimal(n_b)))
    return _z_test((centre_a - centre_b) * HUNDRED, se * HUNDRED)


def share(*, hits: int, n: int) -> Result:
    """100 x hits / n. n = 0: no_data. Source: S-20."""
    return times(ratio(hits, n, if_zero="no_data"), HUNDRED)


def proportion(*, hits: int, n: int) -> Result:
    """Hits / n on 0..1. n = 0: no_data."""
    return ratio(hits, n, if_zero="no_data")


def wilson(*, hits: int, n: int, z: Decimal = Z95) -> Interval | None:
    """Wilson score interval without continuity correction, on 0..1; n = 0: None. Source: S-23."""
    if n == 0:
        return None
    total, z2 = Decimal(n), z * z
    p = CONTEXT.divide(Decimal(hits), total)
    base = 1 + CONTEXT.divide(z2, total)
    centre = CONTEXT.divide(p + CONTEXT.divide(z2, 2 * total), base)
    spread = CONTEXT.divide(p * (1 - p), total) + CONTEXT.divide(z2, 4 * total * total)
    half = CONTEXT.divide(z * _sqrt(spread), base)
    return Interval(centre, half, max(centre - half, ZERO), min(centre + half, Decimal(1)))


def share_change(a: tuple[int, int], b: tuple[int, int]) -> Change:
    """Difference of two shares (hits, n) with one success and one failure added to each, two-sided z. Source: S-24."""
    n_a, n_b = Decimal(a[1] + 2), Decimal(b[1] + 2)
    p_a, p_b = CONTEXT.divide(Decimal(a[0] + 1), n_a), CONTEXT.divide(Decimal(b[0] + 1), n_b)
    se = _sqrt(CONTEXT.divide(p_a * (1 - p_a), n_a) + CONTEXT.divide(p_b * (1 - p_b), n_b))
    return _z_test((p_a - p_b) * HUNDRED, se * HUNDRED)


def sign_test(*, up: int, down: int) -> Decimal:
    """Exact two-sided sign test without ties; no pairs that differ: 1. Source: S-25."""
    n, fewer = up + down, min(up, down)
    tail = sum(math.comb(n, k) for k in range(fewer + 1))
    return min(Decimal(1), CONTEXT.divide(Decimal(2 * tail), Decimal(2**n)))


def paired_change(changes: Sequence[int]) -> Change | None:
    """Bucket changes per contact (-2..+2): below 30 pairs sign test, else z = mean/(sd/sqrt(n)). No pairs: None. Source: S-25."""
    n = len(changes)
    if n == 0:
        return None
    mean = CONTEXT.divide(Decimal(sum(changes)), Decimal(n))
    if n < PAIRS_FOR_Z:
        up, down = sum(1 for c in changes if c > 0), sum(1 for c in changes if c < 0)
        return Change(mean, None, None, sign_test(up=up, down=down))
    variance = CONTEXT.divide(sum(((c - mean) ** 2 for c in changes), ZERO), Decimal(n - 1))
    return _z_test(mean, _sqrt(CONTEXT.divide(variance, Decimal(n))))


def mean_score(counts: Mapping[int, int]) -> Result:
    """Mean answer of {answer: number}; none: no_data."""
    return ratio(
        sum(value * number for value, number in counts.items()), sum(counts.values()), if_zero="no_data"
    )


def _from(counts: Mapping[int, int], low: int, high: int | None = None) -> int:
    return sum(number for value, number in counts.items() if value >= low and (high is None or value <= high))


def csat(counts: Mapping[int, int], *, scale: int = 5, cut: int | None = None) -> Result:
    """Top two boxes / n x 100 (5 points: 4-5, 7 points: 6-7, 10 points: 9-10); neutral stays in n. n = 0: no_data."""
    lowest = CSAT_CUT[scale] if cut is None else cut
    return share(hits=_from(counts, lowest), n=sum(counts.values()))


def ces(counts: Mapping[int, int], *, scale: int = 7, method: str = "agree") -> Result:
    """Share agreeing that it was easy (7 points: 5-7, 5 points: 4-5), the mean, or % 6-7 minus % 1-3. n = 0: no_data."""
    if method == "mean":
        return mean_score(counts)
    n = sum(counts.values())
    if method == "index":
        return ces_index(easy=_from(counts, 6), neutral=_from(counts, 4, 5), difficult=_from(counts, 1, 3))
    if method != "agree":
        raise ValueError(f"unknown method: {method}")
    return share(hits=_from(counts, CES_CUT[scale]), n=n)


def ces_index(*, easy: int, neutral: int, difficult: int) -> Result:
    """% of answers 6-7 minus % of answers 1-3; neutral ones stay in n. n = 0: no_data. Source: ces_method=index."""
    return times(ratio(easy - difficult, easy + neutral + difficult, if_zero="no_data"), HUNDRED)


def whole(result: Result) -> Result:
    """A share or score as a whole number for the eye, half away from zero; its reason passes on."""
    if result.value is None:
        return result
    return known(result.value.quantize(Decimal(1), context=CONTEXT))


def score_index(counts: Mapping[int, int], *, scale: int) -> Result:
    """(mean - 1)/(k - 1) x 100; n = 0: no_data. A scale below 2 is a ValueError."""
    if scale < 2:  # noqa: PLR2004
        raise ValueError("a scale has at least two points")
    n = sum(counts.values())
    total = sum(value * number for value, number in counts.items())
    return times(ratio(total - n, n * (scale - 1), if_zero="no_data"), HUNDRED)


def survey_response_rate(*, completed: int, delivered: int) -> Result:
    """Completed / delivered (sent - bounced), waves pooled, never averaged. Nothing delivered: no_data."""
    return ratio(completed, delivered, if_zero="no_data")


def pooled_response_rate(mailings: Iterable[tuple[int, int]]) -> Result:
    """Sum of completed / sum of delivered over (delivered, completed) of each wave, never the mean of rates."""
    waves = list(mailings)
    return survey_response_rate(
        completed=sum(completed for _, completed in waves), delivered=sum(delivered for delivered, _ in waves)
    )


def health_of_nps(score: Decimal) -> Decimal:
    """(NPS + 100)/2 as a sentiment of 0 to 100. Source: HS-5."""
    return (score + 100) / 2


def population_factor(*, answers: int, population: int) -> Decimal:
    """sqrt((N - n)/(N - 1)); 60 of 100 = 0.6356; a population of one or fully asked answers 0. Source: S-27."""
    if population <= 1 or answers >= population:
        return ZERO
    return _sqrt(CONTEXT.divide(Decimal(population - answers), Decimal(population - 1)))


def answers_needed(*, promoters: Decimal, detractors: Decimal, margin: Number, z: Decimal = Z95) -> int:
    """Answers for a plain Wald margin of +-margin points at the given shares, rounded up."""
    variance = nps_variance(promoters=promoters, detractors=detractors)
    wanted = CONTEXT.divide(z * HUNDRED, Decimal(margin)) ** 2 * variance
    return math.ceil(wanted)


def z_of(confidence: Decimal) -> Decimal:
    """Two-sided normal quantile of a confidence between 0 and 1: 0.95 gives 1.95996. Anything else is a ValueError."""
    if not 0 < confidence < 1:
        raise ValueError("a confidence lies between 0 and 1")
    return Decimal(repr(NormalDist().inv_cdf(float((1 + confidence) / 2))))


def normal_p(z: Decimal) -> Decimal:
    """Two-sided p of a normal z."""
    return Decimal(repr(math.erfc(abs(float(z)) / math.sqrt(2))))


def _z_test(difference: Decimal, se: Decimal) -> Change:
    if se == 0:
        return Change(difference, se, None, Decimal(0 if difference else 1))
    z = CONTEXT.divide(difference, se)
    return Change(difference, se, z, normal_p(z))


def _sqrt(value: Decimal) -> Decimal:
    return CONTEXT.sqrt(max(value, ZERO))


def no_answers() -> Result:
    """The one answer for a question nobody answered. Source: Q-6."""
    return unknown("no_data")
