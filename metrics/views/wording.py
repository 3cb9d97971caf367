"""Words and tones of movements and months, as the metric pages show them."""

from datetime import date
from typing import Any

from metrics.formulas.periods import Period, month_number

KIND_WORDS = {
    "new": "New",
    "reactivation": "Reactivation",
    "expansion": "Expansion",
    "contraction": "Contraction",
    "churn": "Churn",
    "fx": "Exchange rates",
}
KIND_TONES = {
    "new": "m-new",
    "reactivation": "m-react",
    "expansion": "m-exp",
    "contraction": "m-con",
    "churn": "m-churn",
    "fx": "none",
}
CHURN_WORDS = {
    "left": "left",
    "downgraded_to_free": "downgraded to free",
    "paused": "paused",
    "involuntary": "payment failed",
}
QUARTER = 3  # months


def month_word(month: date) -> str:
    """Mar 2026."""
    return f"{month:%b %Y}"


def short_month(month: date) -> str:
    """Mar, and in January the year too, so that an axis says where years begin."""
    return f"{month:%b %y}" if month.month == 1 else f"{month:%b}"


def period_word(period: Period) -> str:
    """Mar 2026, Q1 2026 or 2026, by the length of the period."""
    months = month_number(period.end) - month_number(period.start)
    if months == 1:
        return month_word(period.start)
    if months == QUARTER:
        return f"Q{(period.start.month - 1) // QUARTER + 1} {period.start.year}"
    return str(period.start.year)


def short_period(period: Period) -> str:
    """The same, short enough for an axis."""
    months = month_number(period.end) - month_number(period.start)
    return short_month(period.start) if months == 1 else period_word(period)


def why_of(movement: Any) -> str:
    """Churn kind, the reason of the largest line change, and what the customer said."""
    churned = CHURN_WORDS.get(movement.churn_kind, "")
    reason = "" if movement.reason == movement.churn_kind else movement.reason.replace("_", " ")
    said = f"said “{movement.stated_reason}”" if movement.stated_reason else ""
    return ", ".join(part for part in (churned, reason, said) if part)
