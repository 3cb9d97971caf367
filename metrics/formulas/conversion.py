"""Trials that become paying customers (section 17)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from metrics.formulas.periods import Period
from metrics.formulas.result import Result, ratio


def trial_to_paid_rate(*, trials_started: int, converted_of_those: int) -> Result:
    """Converted so far / trials started in the month; sales without a trial never count. No trials: no_data."""
    return ratio(converted_of_those, trials_started, if_zero="no_data")


def trial_to_paid_rate_ended(*, converted: int, cancelled: int) -> Result:
    """Converted in the period / (converted + cancelled trials in the period). Source: trial_definition=ended_in_period."""
    return ratio(converted, converted + cancelled, if_zero="no_data")


def activation_rate(*, reached: int, window_ended: int) -> Result:
    """Customers that reached the activation event in their window / new customers whose window has ended.

    Nobody's window has ended: no_data. Source: section 17.
    """
    return ratio(reached, window_ended, if_zero="no_data")


@dataclass(frozen=True, slots=True)
class Trial:
    """One trial: its first day, and the day it converted or was cancelled, if it did either."""

    started: date
    converted: date | None = None
    cancelled: date | None = None
    until: date | None = None


def trial_to_paid_by_start(trials: Iterable[Trial], *, period: Period) -> Result:
    """Trials started in the period that have converted at any time / trials started in it. Source: trial_definition=cohort."""
    cohort = [trial for trial in trials if _in(trial.started, period)]
    return trial_to_paid_rate(
        trials_started=len(cohort), converted_of_those=sum(1 for trial in cohort if trial.converted)
    )


def trial_to_paid_by_end(trials: Iterable[Trial], *, period: Period) -> Result:
    """Converted in the period / (converted + cancelled in it), whenever they started. Source: ended_in_period."""
    listed = list(trials)
    return trial_to_paid_rate_ended(
        converted=sum(1 for trial in listed if _in(trial.converted, period)),
        cancelled=sum(1 for trial in listed if _in(trial.cancelled, period)),
    )


def trial_to_paid_within(trials: Iterable[Trial], *, period: Period, days: int) -> Result:
    """Trials started in the period that converted within so many days / trials started in it. Source: within_days."""
    cohort = [trial for trial in trials if _in(trial.started, period)]
    soon = [trial for trial in cohort if trial.converted and (trial.converted - trial.started).days <= days]
    return trial_to_paid_rate(trials_started=len(cohort), converted_of_those=len(soon))


def trial_states(trials: Iterable[Trial], *, as_of: date, tail_days: int = 30) -> dict[str, int]:
    """How many have `converted`, are still `pending`, or are `abandoned`; together all trials. Source: section 17.

    A trial is pending until its end + `tail_days` while it has neither converted nor been cancelled.
    """
    counts = {"converted": 0, "pending": 0, "abandoned": 0}
    for trial in trials:
        if trial.converted and trial.converted <= as_of:
            counts["converted"] += 1
        elif is_maturing(trial, as_of=as_of, tail_days=tail_days):
            counts["pending"] += 1
        else:
            counts["abandoned"] += 1
    return counts


def is_maturing(trial: Trial, *, as_of: date, tail_days: int = 30) -> bool:
    """Whether a trial may still convert: until trial end + `tail_days`; without a known end, for ever."""
    if trial.cancelled and trial.cancelled <= as_of:
        return False
    return trial.until is None or as_of <= trial.until + timedelta(days=tail_days)


def _in(day: date | None, period: Period) -> bool:
    return day is not None and period.start <= day < period.end
