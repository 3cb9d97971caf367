"""The scorecard every installation starts with: usage 35, outcomes 20, sentiment 20, support 10, commercial 15.

Inside a group all measures weigh the same. Published as version 1; admins go on from there by drafts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from metrics.formulas.health_cards import ACTION_BANDS
from metrics.formulas.health_numbers import MICRO, WEIGHT_UNIT

STARTER_KEY = "core"
STARTER_TITLE = "Core"
STARTER_NOTE = "Starting weights of a new installation"


def _micro(value: str | int) -> int:
    """A decimal written as text, in 10^-6."""
    whole, _, rest = str(value).partition(".")
    sign = -1 if whole.startswith("-") else 1
    return int(whole) * MICRO + sign * int(f"{rest:0<6}"[:6])


def _curve(kind: str, *pairs: tuple[str | int, int]) -> dict[str, Any]:
    return {"type": kind, "points": [[_micro(value), points * MICRO] for value, points in pairs]}


def _measure(
    key: str, curve: dict[str, Any], fresh_for: int | None = None, expires: int | None = None
) -> dict[str, Any]:
    return {
        "measure": key,
        "version": 1,
        "weight": WEIGHT_UNIT,
        "curve": curve,
        "missing": "redistribute",
        "neutral": 50 * MICRO,
        "fresh_for": fresh_for,
        "expires_after": expires,
    }


def _group(key: str, title: str, weight: int, *measures: dict[str, Any]) -> dict[str, Any]:
    return {
        "key": key,
        "title": title,
        "weight": weight * WEIGHT_UNIT,
        "rule": "mean",
        "measures": list(measures),
    }


def starter_body() -> dict[str, Any]:
    """Body of version 1."""
    return {
        "kind": "weighted",
        "groups": [
            _group(
                "usage",
                "Usage",
                35,
                _measure(
                    "active_seat_share",
                    _curve("linear", (0, 0), ("0.3", 20), ("0.6", 60), ("0.8", 90), (1, 100)),
                ),
                _measure("usage_change_pct", _curve("linear", (-60, 0), (-20, 40), (0, 75), (15, 100))),
            ),
            _group(
                "outcomes",
                "Outcomes and adoption",
                20,
                _measure("days_since_seen", _curve("linear", (2, 100), (7, 80), (21, 40), (60, 0))),
                _measure("onboarding_on_track", _curve("linear", (0, 20), (1, 100))),
            ),
            _group(
                "sentiment",
                "Sentiment",
                20,
                _measure("nps_customer", _curve("linear", (0, 0), (100, 100)), fresh_for=180, expires=365),
                _measure("pulse", _curve("linear", (1, 0), (5, 100)), fresh_for=30, expires=90),
            ),
            _group(
                "support",
                "Support",
                10,
                _measure("severe_tickets", _curve("step", (0, 100), (1, 60), (2, 40), (4, 0))),
                _measure("oldest_ticket_days", _curve("linear", (2, 100), (10, 70), (30, 20), (60, 0))),
            ),
            _group(
                "commercial",
                "Commercial",
                15,
                _measure("overdue_days", _curve("step", (0, 100), (1, 70), (15, 40), (30, 0))),
                _measure(
                    "days_since_meaningful_touch", _curve("linear", (14, 100), (45, 60), (90, 10), (120, 0))
                ),
            ),
        ],
        "caps": [],
        "bands": [
            {"key": "weak", "label": "At risk", "tone": "red"},
            {"key": "moderate", "label": "Watch", "tone": "amber"},
            {"key": "healthy", "label": "Healthy", "tone": "green"},
        ],
        "edges": [{"at": 40 * MICRO, "side": "upper"}, {"at": 70 * MICRO, "side": "upper"}],
        "min_coverage": WEIGHT_UNIT // 2,
    }


def empty_actions_body() -> dict[str, Any]:
    """A new card of the kind `actions`: 30 days and the usual bands, nothing counted yet."""
    return {
        "kind": "actions",
        "window_days": 30,
        "actions": [],
        "bands": [{"key": band.key, "label": band.label, "tone": band.tone} for band in ACTION_BANDS.bands],
        "edges": [{"at": edge.at, "side": edge.side} for edge in ACTION_BANDS.edges],
    }


STARTER_ACTIONS_KEY = "actions"
STARTER_ACTIONS_TITLE = "Starter actions"
STARTER_WINDOW = 30  # days

# (key of the count, title, impact in points, most that counts): what trials and free customers are judged by
STARTER_ACTIONS: tuple[tuple[str, str, int, int | None], ...] = (
    ("core_event", "Core event", 1, 50),
    ("feature_first_use", "Feature first use", 5, None),
    ("invite", "Invite", 4, None),
    ("bug_report", "Bug report", -5, None),
    ("downgrade", "Downgrade", -20, None),
)


def starter_actions_body(versions: Mapping[str, int]) -> dict[str, Any]:
    """Body of the starter of kind `actions`; `versions` say which version of each count it stands on."""
    actions: list[dict[str, Any]] = [
        {
            "measure": key,
            "version": versions[key],
            "title": title,
            "impact": impact * WEIGHT_UNIT,
            "impacts": [],
            "max_count": most,
        }
        for key, title, impact, most in STARTER_ACTIONS
    ]
    return empty_actions_body() | {"actions": actions, "window_days": STARTER_WINDOW}
