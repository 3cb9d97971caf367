"""How well a score foretold who left: ranking, worst part, bands with intervals, warning time, and when to stay silent.

Input is one row per outcome. Shares are exact fractions; floats stand only where a rule is statistical (standard
errors, resampling). Scores are the computed ones in micro-points; an override never takes part.
"""

import math
import random
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from statistics import median

from metrics.formulas.money import ZERO
from metrics.formulas.satisfaction import Z95, Interval, wilson

LEAST_OUTCOMES = 30  # below any of these no rate and no verdict is printed
LEAST_CHURNS = 10
LEAST_MONTHS = 12
RANKS_FROM = Fraction(3, 5)  # an AUC below it does not rank churners
RESAMPLES = 500
HALF = Fraction(1, 2)
LOW_TAIL, HIGH_TAIL = 0.025, 0.975


@dataclass(frozen=True, slots=True)
class Outcome:
    """One row of a backtest: what the card said of a customer, and what became of it. `score` None: not scored."""

    customer: int
    score: int | None
    mrr: Decimal
    churned: bool
    band: str = ""
    expanded: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """What there is to judge by: outcomes, those that churned, and whole months of facts before the last of them."""

    outcomes: int
    churned: int
    months: int

    @property
    def is_enough(self) -> bool:
        """Whether rates, AUC, lift, suggestions and calibration may be printed."""
        return (
            self.outcomes >= LEAST_OUTCOMES and self.churned >= LEAST_CHURNS and self.months >= LEAST_MONTHS
        )

    def said(self, *, noun: str = "renewals") -> str:
        """The sentence that stands instead of figures; empty when there is enough.

        >>> Evidence(12, 3, 18).said()
        'not enough outcomes (12 of 30 renewals, 3 of 10 churns)'
        """
        if self.is_enough:
            return ""
        missing = [f"{self.outcomes} of {LEAST_OUTCOMES} {noun}", f"{self.churned} of {LEAST_CHURNS} churns"]
        if self.months < LEAST_MONTHS:
            missing.append(f"{self.months} of {LEAST_MONTHS} months of facts")
        return f"not enough outcomes ({', '.join(missing)})"


@dataclass(frozen=True, slots=True)
class Auc:
    """Share of (churned, kept) pairs ranked rightly, with its standard error and 95 % limits cut to [0, 1]."""

    value: Fraction
    se: float
    low: float
    high: float

    @property
    def ranks(self) -> bool:
        """False: the card "does not rank churners"."""
        return self.value >= RANKS_FROM


@dataclass(frozen=True, slots=True)
class Worst:
    """The lowest scores: how many, and what share of the churn lies there. None where nothing churned."""

    share: Fraction
    size: int
    churners: Fraction
    caught: Fraction | None
    caught_mrr: Fraction | None
    lift: Fraction | None


@dataclass(frozen=True, slots=True)
class BandRow:
    """One band of the table: outcomes, churned, churn rate with interval, MRR and rate of expansion."""

    band: str
    outcomes: int
    churned: int
    interval: Interval | None
    mrr: Decimal
    expanded: int

    @property
    def rate(self) -> Fraction | None:
        """Churned / outcomes."""
        return Fraction(self.churned, self.outcomes) if self.outcomes else None

    @property
    def expansion_rate(self) -> Fraction | None:
        """Share of the outcomes whose MRR was higher afterwards."""
        return Fraction(self.expanded, self.outcomes) if self.outcomes else None


@dataclass(frozen=True, slots=True)
class Difference:
    """AUC of b minus AUC of a on the same rows, with 95 % limits from paired resampling by customer."""

    value: Fraction
    low: float
    high: float


def auc(rows: Iterable[Outcome]) -> Auc | None:
    """AUC of the scored rows, ties half, with the interval of Hanley and McNeil (1982). None without both kinds."""
    kept, churned = _by_fate(rows)
    if not kept or not churned:
        return None
    above = [2 * (len(kept) - bisect_right(kept, s)) + _ties(kept, s) for s in churned]
    value = Fraction(sum(above), 2 * len(kept) * len(churned))
    se = _hanley_mcneil(float(value), len(churned), len(kept))
    reach = float(Z95) * se
    return Auc(value, se, max(0.0, float(value) - reach), min(1.0, float(value) + reach))


def _by_fate(rows: Iterable[Outcome]) -> tuple[list[int], list[int]]:
    kept: list[int] = []
    churned: list[int] = []
    for row in rows:
        if row.score is not None:
            (churned if row.churned else kept).append(row.score)
    return sorted(kept), sorted(churned)


def _ties(ordered: Sequence[int], score: int) -> int:
    return bisect_right(ordered, score) - bisect_left(ordered, score)


def _hanley_mcneil(value: float, churned: int, kept: int) -> float:
    q1 = value / (2 - value)
    q2 = 2 * value * value / (1 + value)
    square = value * value
    spread = value * (1 - value) + (churned - 1) * (q1 - square) + (kept - 1) * (q2 - square)
    return math.sqrt(max(0.0, spread) / (churned * kept))


def worst(rows: Iterable[Outcome], share: Fraction) -> Worst | None:
    """The lowest ceil(share x n) scores; rows that tie at the cut count pro rata. None without a scored row."""
    scored = sorted((row.score, row.churned, row.mrr) for row in rows if row.score is not None)
    if not scored:
        return None
    size = math.ceil(share * len(scored))
    cut = scored[size - 1][0]
    below = sum(1 for score, _, _ in scored if score < cut)
    tied = sum(1 for score, _, _ in scored if score == cut)
    partly = Fraction(size - below, tied)
    churners, lost = Fraction(0), Fraction(0)
    for score, has_churned, mrr in scored:
        if has_churned and score <= cut:
            weight = partly if score == cut else Fraction(1)
            churners += weight
            lost += weight * Fraction(mrr)
    all_churners = sum(1 for _, has_churned, _ in scored if has_churned)
    all_lost = sum((Fraction(mrr) for _, has_churned, mrr in scored if has_churned), Fraction(0))
    return Worst(
        share=share,
        size=size,
        churners=churners,
        caught=churners / all_churners if all_churners else None,
        caught_mrr=lost / all_lost if all_lost else None,
        lift=churners / size / Fraction(all_churners, len(scored)) if all_churners else None,
    )


def band_table(rows: Iterable[Outcome], bands: Sequence[str]) -> list[BandRow]:
    """A row per band, in the order given; rows of customers without a score carry their own band key."""
    found: dict[str, list[Outcome]] = defaultdict(list)
    for row in rows:
        found[row.band].append(row)
    return [_band_row(band, found.get(band, ())) for band in bands]


def _band_row(band: str, rows: Sequence[Outcome]) -> BandRow:
    churned = sum(row.churned for row in rows)
    return BandRow(
        band=band,
        outcomes=len(rows),
        churned=churned,
        interval=wilson(hits=churned, n=len(rows)),
        mrr=sum((row.mrr for row in rows), ZERO),
        expanded=sum(row.expanded for row in rows),
    )


def warning_days(month_ends: Sequence[tuple[date, str]], churned_on: date) -> int | None:
    """Days from the first month end of the unbroken red stretch that lasted to the end, to the churn.

    `month_ends` are (day, tone) in rising order up to the churn. None when the last one was not red.
    """
    since = None
    for day, tone in month_ends:
        if day >= churned_on:
            break
        since = (since or day) if tone == "red" else None
    return None if since is None else (churned_on - since).days


def warning_time(days: Iterable[int | None]) -> Fraction | None:
    """Median over the churners that were red at the end; None when there were none."""
    known = [Fraction(value) for value in days if value is not None]
    return median(known) if known else None


def difference_of_auc(
    a: Sequence[Outcome], b: Sequence[Outcome], *, seed: int, resamples: int = RESAMPLES
) -> Difference | None:
    """Two cards on the same outcomes, in the same order; rows that only one of them scores are left out.

    Customers are drawn with replacement together with all their rows. None where either AUC does not exist.
    """
    pairs = [(x, y) for x, y in zip(a, b, strict=True) if x.score is not None and y.score is not None]
    ranks_a, ranks_b = _Ranked([x for x, _ in pairs]), _Ranked([y for _, y in pairs])
    ones = [1] * len(pairs)
    first, second = ranks_a.auc(ones), ranks_b.auc(ones)
    if first is None or second is None:
        return None
    rows_of: dict[int, list[int]] = defaultdict(list)
    for index, (row, _) in enumerate(pairs):
        rows_of[row.customer].append(index)
    found = []
    for counts in _drawn(rows_of, len(pairs), random.Random(seed), resamples):  # noqa: S311 - repeatable resampling
        low, high = ranks_a.auc(counts), ranks_b.auc(counts)
        if low is not None and high is not None:
            found.append(float(high - low))
    found.sort()
    return Difference(second - first, quantile(found, LOW_TAIL), quantile(found, HIGH_TAIL))


def _drawn(
    rows_of: Mapping[int, Sequence[int]], size: int, source: random.Random, resamples: int
) -> Iterable[list[int]]:
    customers = sorted(rows_of)
    for _ in range(resamples):
        counts = [0] * size
        for customer in source.choices(customers, k=len(customers)):
            for index in rows_of[customer]:
                counts[index] += 1
        yield counts


class _Ranked:
    """Rows sorted once, so that every resample is one walk with counts."""

    def __init__(self, rows: Sequence[Outcome]) -> None:
        self.order = sorted(range(len(rows)), key=lambda index: rows[index].score or 0)
        self.scores = [rows[index].score for index in self.order]
        self.churned = [rows[index].churned for index in self.order]

    def auc(self, counts: Sequence[int]) -> Fraction | None:
        kept_below = kept_here = churned_here = total = double = 0
        last = None
        for index, score, churned in zip(self.order, self.scores, self.churned, strict=True):
            if score != last:
                double += churned_here * (2 * kept_below + kept_here)
                kept_below, kept_here, churned_here, last = kept_below + kept_here, 0, 0, score
            if churned:
                churned_here += counts[index]
                total += counts[index]
            else:
                kept_here += counts[index]
        double += churned_here * (2 * kept_below + kept_here)
        kept = kept_below + kept_here
        if not kept or not total:
            return None
        return 1 - Fraction(double, 2 * kept * total)


def quantile(ordered: Sequence[float], share: float) -> float:
    """Value at a share of sorted numbers, in a straight line between neighbours."""
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)
