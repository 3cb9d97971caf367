"""The measures a scorecard may use: what each reads, in which unit, and where its value stands in packed readings.

A measure whose meaning changes gets a new version; its slot is never given to another measure.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

Unit = Literal["share", "percent", "days", "count", "points", "level", "yes_no", "number", "choice"]

DAY_ZERO = date(2000, 1, 1)  # packed days count from here
NO_DAY = -(2**31)  # stands for "no day" in a packed row
FIRST_OWN_SLOT = 40  # slots below it belong to the measures of this list

# Reasons for "no value", stored as their position; the order never changes.
REASONS = ("", "no_facts", "unset", "out_of_range", "thin_peers", "expired", "feed_lost")


@dataclass(frozen=True, slots=True)
class MeasureVersion:
    """One meaning of a measure. `slot` is its place in packed readings, `window_days` 0 for a dated fact."""

    key: str
    version: int
    slot: int
    title: str
    about: str
    unit: Unit
    better: Literal["up", "down"]
    family: str
    feed: str
    window_days: int = 0


MEASURES: tuple[MeasureVersion, ...] = (
    MeasureVersion(
        "active_seat_share", 1, 0, "Active seats", "share of paid seats active in 28 days", "share", "up", "Usage",
        "usage", 28,
    ),
    MeasureVersion(
        "usage_change_pct", 1, 1, "Usage change", "events in 28 days against the 28 before", "percent", "up", "Usage",
        "usage", 56,
    ),
    MeasureVersion(
        "days_since_seen", 1, 2, "Last seen", "days since the last usage event", "days", "down", "Outcomes", "usage",
    ),
    MeasureVersion(
        "onboarding_on_track", 1, 3, "Onboarding on track", "done, or at most 90 days in onboarding", "yes_no", "up",
        "Outcomes", "lifecycle phases",
    ),
    MeasureVersion(
        "nps_customer", 1, 4, "Relationship NPS", "latest answer per contact, 365 days, as (NPS + 100) / 2", "points",
        "up", "Sentiment", "surveys",
    ),
    MeasureVersion("pulse", 1, 5, "CSM pulse", "set by hand, 5 levels", "level", "up", "Sentiment", "pulses"),
    MeasureVersion(
        "severe_tickets", 1, 6, "Severe tickets", "urgent or escalated, open now", "count", "down", "Support",
        "tickets",
    ),
    MeasureVersion(
        "oldest_ticket_days", 1, 7, "Oldest open ticket", "days since it was opened", "days", "down", "Support",
        "tickets",
    ),
    MeasureVersion(
        "overdue_days", 1, 8, "Billing", "days with a line past due or unpaid", "days", "down", "Commercial",
        "subscriptions",
    ),
    MeasureVersion(
        "days_since_meaningful_touch", 1, 9, "Last meaningful touch", "days since it", "days", "down", "Commercial",
        "touchpoints",
    ),
    MeasureVersion(
        "stickiness", 1, 10, "Stickiness", "mean of daily users by users of 28 days", "share", "up", "Usage", "usage",
        28,
    ),
    MeasureVersion(
        "feature_breadth", 1, 11, "Features in use", "different features used in 28 days", "count", "up", "Usage",
        "usage", 28,
    ),
    MeasureVersion(
        "core_events", 1, 12, "Core events", "value events in 28 days", "count", "up", "Usage", "usage", 28,
    ),
    MeasureVersion(
        "days_since_value_event", 1, 13, "Last value event", "days since the last value event", "days", "down",
        "Outcomes", "usage",
    ),
    MeasureVersion(
        "nps_latest", 1, 14, "Latest NPS answer", "the newest answer of 365 days, 0-10 x 10", "points", "up",
        "Sentiment", "surveys",
    ),
    MeasureVersion(
        "csat_mean", 1, 15, "Satisfaction", "mean of the CSAT answers of 365 days, as 0-100 of their scale", "points",
        "up", "Sentiment", "surveys",
    ),
    MeasureVersion(
        "ces_mean", 1, 16, "Ease", "mean of the CES answers of 365 days, as 0-100 of their scale", "points", "up",
        "Sentiment", "surveys",
    ),
    MeasureVersion(
        "open_tickets", 1, 17, "Open tickets", "open now, of any priority", "count", "down", "Support", "tickets",
    ),
    MeasureVersion(
        "reopened_share", 1, 18, "Reopened tickets", "share of the tickets solved in 90 days that came back", "share",
        "down", "Support", "tickets", 90,
    ),
    MeasureVersion(
        "mrr_change_pct", 1, 19, "MRR change", "MRR against 90 days before", "percent", "up", "Commercial",
        "subscriptions", 90,
    ),
    MeasureVersion(
        "days_to_renewal", 1, 20, "Renewal", "days until a paying line comes to its end or renews", "days", "up",
        "Commercial", "subscriptions",
    ),
    MeasureVersion(
        "seat_change_pct", 1, 21, "Seat change", "paid seats against 90 days before", "percent", "up", "Commercial",
        "subscriptions", 90,
    ),
    MeasureVersion(
        "touches", 1, 22, "Touches", "meaningful touchpoints in 90 days", "count", "up", "Relationship",
        "touchpoints", 90,
    ),
    MeasureVersion(
        "ebr_age_days", 1, 23, "Business review", "days since the last one", "days", "down", "Relationship",
        "touchpoints",
    ),
)  # fmt: skip
SLOTS = 1 + max(measure.slot for measure in MEASURES)

_BY_KEY = {(measure.key, measure.version): measure for measure in MEASURES}


def measure_of(key: str, version: int = 1) -> MeasureVersion:
    """The declaration of a measure; KeyError for one that does not exist."""
    return _BY_KEY[key, version]
