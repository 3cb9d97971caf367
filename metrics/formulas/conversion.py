"""Trials that become paying customers (section 17)."""

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
