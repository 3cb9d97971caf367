"""Renewal probability per band, what a portfolio of renewals is worth, and how well such figures came true.

Probabilities are exact fractions. The range of a forecast is drawn at random with a fixed seed, so that the same
snapshot always shows the same range.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from metrics.formulas.evidence import quantile
from metrics.formulas.mrr import exact
from metrics.formulas.satisfaction import Interval, wilson

PRIOR = 10  # imagined renewals at the overall rate that every band starts with
LEAST_SEGMENT = 30  # renewals from which a segment has a probability of its own
DRAWS = 10_000
FIFTH, NINETY_FIFTH = 0.05, 0.95
BINS = 10


@dataclass(frozen=True, slots=True)
class BandCount:
    """Renewals that were due in a band and those that came."""

    band: str
    renewed: int
    due: int

    @property
    def lost(self) -> int:
        """Those that did not come."""
        return self.due - self.renewed


@dataclass(frozen=True, slots=True)
class Renewal:
    """A renewal ahead: the band it stands in, its probability and its amount."""

    band: str
    probability: Fraction
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Forecast:
    """Expected amount, and the 5th and 95th percentile of the draws."""

    expected: Decimal
    low: Decimal
    high: Decimal


@dataclass(frozen=True, slots=True)
class Reliability:
    """One point of the chart: mean prediction against the observed share with its interval."""

    predicted: Fraction
    observed: Fraction
    n: int
    interval: Interval


def probabilities(counts: Sequence[BandCount]) -> dict[str, Fraction]:
    """Probability of renewal per band, bands from worst to best: a better band never has a lower one.

    Each starts with ten imagined renewals at the overall rate; adjacent violators are pooled with weights n.
    Without a single renewal due there is nothing to say: an empty mapping.
    """
    due = sum(count.due for count in counts)
    if not due:
        return {}
    overall = Fraction(sum(count.renewed for count in counts), due)
    raw = [(count.renewed + PRIOR * overall) / (count.due + PRIOR) for count in counts]
    pooled = rising(raw, [count.due for count in counts])
    return {count.band: p for count, p in zip(counts, pooled, strict=True)}


def rising(values: Sequence[Fraction], weights: Sequence[int]) -> list[Fraction]:
    """The nearest sequence that never falls (weighted least squares), by pooling adjacent violators."""
    blocks: list[tuple[Fraction, int, int]] = []
    for value, weight in zip(values, weights, strict=True):
        mean, total, size = value, weight, 1
        while blocks and blocks[-1][0] > mean:
            earlier, mass, count = blocks.pop()
            whole = total + mass
            mean = (mean * total + earlier * mass) / whole if whole else earlier
            total, size = whole, size + count
        blocks.append((mean, total, size))
    return [mean for mean, _, size in blocks for _ in range(size)]


def by_segment(
    overall: Sequence[BandCount], segments: Mapping[str, Sequence[BandCount]]
) -> dict[str, dict[str, Fraction]]:
    """Probabilities of each segment that has 30 renewals or more, and of everybody under the empty name."""
    found = {"": probabilities(overall)}
    for name, counts in segments.items():
        if sum(count.due for count in counts) >= LEAST_SEGMENT:
            found[name] = probabilities(counts)
    return found


def expected(renewals: Sequence[Renewal]) -> Decimal:
    """Sum of probability x amount."""
    return exact(sum((r.probability * Fraction(r.amount) for r in renewals), Fraction(0)))


def forecast(
    renewals: Sequence[Renewal], counts: Sequence[BandCount], *, seed: int, draws: int = DRAWS
) -> Forecast:
    """Expected amount with its range: each draw takes every band's rate from Beta(1 + renewed, 1 + lost), then each renewal.

    A band that was never observed is drawn from Beta(1, 1), that is, anything may happen.
    """
    source = random.Random(seed)  # noqa: S311 - repeatable draws
    known = {count.band: count for count in counts}
    amounts: dict[str, list[float]] = {}
    for renewal in renewals:
        amounts.setdefault(renewal.band, []).append(float(renewal.amount))
    sums = []
    for _ in range(draws):
        total = 0.0
        for band, listed in amounts.items():
            count = known.get(band, BandCount(band, 0, 0))
            rate = source.betavariate(1 + count.renewed, 1 + count.lost)
            total += sum(amount for amount in listed if source.random() < rate)
        sums.append(total)
    sums.sort()
    low, high = (Decimal(str(round(quantile(sums, share), 2))) for share in (FIFTH, NINETY_FIFTH))
    return Forecast(expected(renewals), low, high)


def brier(pairs: Sequence[tuple[Fraction, bool]]) -> Fraction | None:
    """Mean squared distance of (probability, came true); None without a pair."""
    if not pairs:
        return None
    return sum(((p - int(came)) ** 2 for p, came in pairs), Fraction(0)) / len(pairs)


def reliability(pairs: Sequence[tuple[Fraction, bool]]) -> list[Reliability]:
    """Predicted against observed: a point per predicted value, or per tenth when there are more than ten values."""
    groups: dict[Fraction | int, list[tuple[Fraction, bool]]] = {}
    fine = len({p for p, _ in pairs}) > BINS
    for p, came in pairs:
        groups.setdefault(min(BINS - 1, int(p * BINS)) if fine else p, []).append((p, came))
    points = []
    for key in sorted(groups):
        members = groups[key]
        hits = sum(came for _, came in members)
        interval = wilson(hits=hits, n=len(members))
        if interval is not None:
            mean = sum((p for p, _ in members), Fraction(0)) / len(members)
            points.append(Reliability(mean, Fraction(hits, len(members)), len(members), interval))
    return points
