"""Times until something happens, with those still waiting censored (R-5, section 17)."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from metrics.formulas.growth import mean
from metrics.formulas.mrr import exact
from metrics.formulas.result import Number, Result, known, ratio, unknown


@dataclass(frozen=True, slots=True)
class Watched:
    """One subject: days until the event, or days watched so far without it (censored)."""

    days: Number
    reached: bool


def kaplan_meier(watched: Sequence[Watched]) -> dict[Number, Decimal]:
    """S at each event time: falls by (1 - d/n), n counts everyone with time >= t. Source: R-5.

    Without censoring it equals 1 - the empirical distribution.
    """
    return {day: exact(share) for day, share in _survival(watched)}


def quantile_days(watched: Sequence[Watched], *, left: Decimal = Decimal("0.5")) -> Result:
    """Smallest time with S <= left; nobody watched: no_data; S never falls so far: not_reached. P75: left = 0.25."""
    if not watched:
        return unknown("no_data")
    reached = (day for day, share in _survival(watched) if share <= Fraction(left))
    day = next(reached, None)
    return unknown("not_reached") if day is None else known(day)


def _survival(watched: Sequence[Watched]) -> Iterator[tuple[Number, Fraction]]:
    """(event time, S) in order of time, as fractions: rounded shares could miss a quantile they reach exactly."""
    events = Counter(item.days for item in watched if item.reached)
    censored = Counter(item.days for item in watched if not item.reached)
    at_risk, now = len(watched), Fraction(1)
    for day in sorted(events.keys() | censored.keys()):
        if events[day]:
            now *= Fraction(at_risk - events[day], at_risk)
            yield day, now
        at_risk -= events[day] + censored[day]


def time_to_value_median_days(watched: Sequence[Watched]) -> Result:
    """Median local days from contract start to the first value event, the not-yet customers censored."""
    return quantile_days(watched)


def reached_share(watched: Sequence[Watched]) -> Result:
    """Reached so far / all; nobody: no_data."""
    return ratio(sum(1 for item in watched if item.reached), len(watched), if_zero="no_data")


def time_to_value_p75_days(watched: Sequence[Watched]) -> Result:
    """Days by which three quarters have reached value, the not-yet customers censored; else not_reached."""
    return quantile_days(watched, left=Decimal("0.25"))


def onboarding_time(watched: Sequence[Watched]) -> Result:
    """Median days from kick-off to onboarding closed, the same method. Source: section 17."""
    return quantile_days(watched)


def mean_of_reached(watched: Sequence[Watched]) -> Result:
    """Mean days of those who reached it: biased low, given for contrast and shown nowhere. Nobody: no_data."""
    return mean([item.days for item in watched if item.reached])


def reached_by(watched: Sequence[Watched], *, day: Number) -> Result:
    """Share that reached it by that day, among those who reached it or were watched so long. Nobody: no_data."""
    base = [item for item in watched if item.reached or item.days >= day]
    return ratio(sum(1 for item in base if item.reached and item.days <= day), len(base), if_zero="no_data")
