"""Overrides: a number set by a person over the computed score, until a day.

Whole micro-points, no clock. Both scores stay visible; whatever learns from outcomes uses the computed one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

OVERRIDE_LINE = "override"
MOST_DAYS = 90  # an override ends; longer than a quarter it would be a second score
LEAST_TEXT = 20  # characters that say why


@dataclass(frozen=True, slots=True)
class Override:
    """A set score. `value` replaces the computed one, `cap` only lowers it."""

    kind: Literal["value", "cap"]
    number: int


def effective(computed: int | None, override: Override | None) -> int | None:
    """The score in force: the value set, or the lower of computed and cap.

    Without enough data there is no score to override: None stays None.
    """
    if computed is None or override is None:
        return computed
    if override.kind == "cap":
        return min(computed, override.number)
    return override.number


def override_part(computed: int | None, override: Override | None) -> int:
    """The line `override`: what it adds to the computed score; 0 without a score or an override."""
    score = effective(computed, override)
    return 0 if score is None or computed is None else score - computed


def raises(computed: int, override: Override) -> bool:
    """Whether the override lifts the score above the computed one, which takes a manager or an admin."""
    return override_part(computed, override) > 0
