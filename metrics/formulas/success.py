"""Work of customer success: cover, outcomes, feedback, rhythm (section 19)."""

from collections.abc import Sequence
from datetime import date, timedelta

from metrics.formulas.activation import Watched, quantile_days
from metrics.formulas.growth import growth_rate
from metrics.formulas.result import Number, Result, ratio

SAVED_AFTER = timedelta(days=90)  # a closed risk case counts as saved when the customer still pays then


def referral_cover(*, referrals_won: int, logos_churned: int) -> Result:
    """Referrals won / logos churned in the month; the target is at least 1. No churn: no_churn."""
    return ratio(referrals_won, logos_churned, if_zero="no_churn")


def advocacy(*, cases: int, csms: int, months: int = 1) -> Result:
    """Testimonials, won referrals and case studies per CSM and month; the target is 1. No CSM: zero_denominator."""
    return ratio(cases, csms * months)


def ebr_cover(last_reviews: Sequence[date | None], *, as_of: date, days: int = 180) -> Result:
    """Customers of the tier with a business review in the last `days` days / customers of the tier. Source: ebr_days."""
    since = as_of - timedelta(days=days)
    covered = sum(1 for day in last_reviews if day is not None and since < day <= as_of)
    return ratio(covered, len(last_reviews))


def outcome_attainment(*, met: int, due: int) -> Result:
    """Success-plan outcomes met / outcomes due in the period. None due: zero_denominator."""
    return ratio(met, due)


def customer_outcome_growth(*, start: Number, now: Number) -> Result:
    """(the customer's own figure now - at start)/start. Start 0: zero_denominator."""
    return growth_rate(before=start, after=now)


def feedback_loop(*, answered: int, sent: int) -> Result:
    """Feedback items with a product answer / items sent. None sent: zero_denominator."""
    return ratio(answered, sent)


def feedback_answer_days(watched: Sequence[Watched]) -> Result:
    """Median days to the answer of a feedback item, the unanswered ones censored."""
    return quantile_days(watched)


def is_save(*, closed_on: date, paying_until: date | None, as_of: date) -> bool | None:
    """Whether a closed risk case was a save: the customer still paid 90 days later. None while that day lies ahead."""
    judged_on = closed_on + SAVED_AFTER
    if judged_on > as_of:
        return None
    return paying_until is None or paying_until > judged_on


def on_time_rate(*, on_time: int, due: int) -> Result:
    """Follow-ups done on time / due. None due: zero_denominator."""
    return ratio(on_time, due)


def playbook_completion(*, finished: int, started: int) -> Result:
    """Playbook runs finished / started. None started: zero_denominator."""
    return ratio(finished, started)


def without_touch(last_touches: Sequence[date | None], *, as_of: date, interval_days: int) -> int:
    """Customers with no touchpoint in the tier's interval of so many days."""
    since = as_of - timedelta(days=interval_days)
    return sum(1 for day in last_touches if day is None or day <= since)


def first_touch_days(watched: Sequence[Watched]) -> Result:
    """Median days from assignment to the first touchpoint, customers not yet touched censored."""
    return quantile_days(watched)
