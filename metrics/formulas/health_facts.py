"""What the linter of scorecards is told and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

from metrics.formulas.health_measures import Unit, measure_of
from metrics.formulas.health_numbers import MICRO

BY_HAND = frozenset({"pulse"})

# Values a measure of a unit can sensibly take, in whole units. Shares may pass 1: more people than paid seats.
PLAUSIBLE: Mapping[str, tuple[int, int]] = {
    "share": (0, 2),
    "percent": (-100, 1_000),
    "days": (-3_650, 3_650),
    "count": (0, 10**9),
    "points": (0, 100),
    "level": (0, 5),
    "yes_no": (0, 1),
    "choice": (0, 100),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding: `E` stops publishing, `W` needs a note. `key` names the measure, group, band or cap it is about."""

    code: str
    level: Literal["E", "W"]
    key: str
    text: str
    hint: str


@dataclass(frozen=True, slots=True)
class MeasureFacts:
    """One measure as the card uses it. Shares are parts of 1 over 12 months; None is not known.

    `red`: readings under 40 points. `alike`: the largest share of customers within one point of each other.
    `missing`: customers without a reading. `drift`: customers whose value changed on the day its version or feed did.
    `silent_days`: since its feed carried anything. `least_peers`: the smallest peer group of its percentile.
    """

    title: str
    unit: Unit = "number"
    better: Literal["up", "down", ""] = ""
    family: str = ""
    by_hand: bool = False
    low: int | None = None
    high: int | None = None
    retired: bool = False
    connected: bool = True
    silent_days: int | None = None
    red: Fraction | None = None
    alike: Fraction | None = None
    missing: Fraction | None = None
    drift: Fraction | None = None
    least_peers: int | None = None
    peers_of_other_card: bool = False

    @property
    def plausible(self) -> tuple[int, int] | None:
        """Smallest and largest sensible value in 10^-6; None when anything is."""
        low, high = PLAUSIBLE.get(self.unit, (None, None))
        low = self.low if self.low is not None else None if low is None else low * MICRO
        high = self.high if self.high is not None else None if high is None else high * MICRO
        return None if low is None or high is None else (low, high)


@dataclass(frozen=True, slots=True)
class BacktestFacts:
    """The last backtest of this exact body: its AUC, None while there are too few outcomes."""

    auc: Fraction | None
    mature: bool


@dataclass(frozen=True, slots=True)
class CardFacts:
    """What the readings of 12 months say about a card; everything is a part of 1, None or empty is not known.

    `correlations`: rank correlation of the points of two measures. `bands`: share of customers per band.
    `caps`: share of customers for whom the cap at this place fired, 0 for never in 12 months.
    `action_points`: share of all absolute points of 30 days per action. `phases`: lifecycle phases in use.
    `renewals_soon`: customers with a renewal within 90 days.
    """

    measures: Mapping[str, MeasureFacts] = field(default_factory=dict)
    correlations: Mapping[tuple[str, str], Fraction] = field(default_factory=dict)
    bands: Mapping[str, Fraction] = field(default_factory=dict)
    caps: Mapping[int, Fraction] = field(default_factory=dict)
    action_points: Mapping[str, Fraction] = field(default_factory=dict)
    insufficient: Fraction | None = None
    insufficient_mrr: Fraction | None = None
    phases: tuple[str, ...] = ()
    renewals_soon: int = 0
    backtest: BacktestFacts | None = None

    def of(self, key: str, version: int) -> MeasureFacts:
        """What is known of a measure; at least the declaration of a built-in one."""
        return self.measures.get(key) or declared(key, version)


def declared(key: str, version: int) -> MeasureFacts:
    """The declaration of a built-in measure as facts; of any other measure only its key."""
    try:
        measure = measure_of(key, version)
    except KeyError:
        return MeasureFacts(key)
    return MeasureFacts(
        measure.title, measure.unit, measure.better, measure.family, by_hand=measure.key in BY_HAND
    )
