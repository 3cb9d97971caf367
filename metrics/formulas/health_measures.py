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
)  # fmt: skip
SLOTS = 1 + max(measure.slot for measure in MEASURES)

_BY_KEY = {(measure.key, measure.version): measure for measure in MEASURES}


def measure_of(key: str, version: int = 1) -> MeasureVersion:
    """The declaration of a measure; KeyError for one that does not exist."""
    return _BY_KEY[key, version]
