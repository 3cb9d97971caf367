"""The rows that weights and curves are fitted on: readings and points of customers on past days, and who churned."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metrics.formulas.health_cards import WeightedCard
from metrics.formulas.health_measures import NO_DAY
from metrics.formulas.health_numbers import FULL, MICRO
from metrics.scoring import fit
from metrics.scoring.arrays import ReadingsMatrix
from metrics.scoring.curve_fit import Direction, FittedCurve, Rows
from metrics.scoring.fit import Proposal
from metrics.scoring.scored import Scored

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

RED_SHARE, GREEN_FROM = 0.2, 0.5  # shares of customers below the first and the last edge that are proposed


@dataclass(frozen=True, eq=False, slots=True)
class Block:
    """Customers of one day x measures of a card.

    `x` are points / 100 after curve and decay (missing = neutral), `fade` what age has left of a reading: 1 all, 0 none.
    """

    x: Floats
    values: Ints
    present: Mask
    fade: Floats

    @classmethod
    def of(
        cls,
        card: WeightedCard,
        matrix: ReadingsMatrix,
        scored: Scored,
        *,
        slots: Sequence[int],
        today: int,
        places: Sequence[int],
    ) -> "Block":
        """The customers at these places of a scored matrix; `today` counts from 2000-01-01."""
        if scored.parts is None:
            raise ValueError("scored without parts")
        picks = np.array(places, dtype=np.int64)
        neutral = np.array([measure.neutral for measure in card.measures], dtype=np.int64)
        points = np.where(scored.parts.present, scored.parts.points, neutral)[picks] / FULL
        days = matrix.days[:, slots][picks].astype(np.int64)
        fade = np.ones(points.shape)
        for place, measure in enumerate(card.measures):
            if measure.fresh_for is not None and measure.expires_after is not None:
                age = np.where(days[:, place] == NO_DAY, 0, today - days[:, place])
                left = (measure.expires_after - age) / (measure.expires_after - measure.fresh_for)
                fade[:, place] = np.clip(left, 0.0, 1.0)
        return cls(points, matrix.values[:, slots][picks], matrix.reasons[:, slots][picks] == 0, fade)


@dataclass(frozen=True, slots=True)
class Curves:
    """Curves with weights that fit them; `edges` are points (10^-6) between the bands."""

    proposal: Proposal
    curves: tuple[FittedCurve | None, ...]
    edges: tuple[int, ...]


@dataclass(frozen=True, eq=False, slots=True)
class Training:
    """Rows of all days under one another, the customer of each and whether it churned."""

    block: Block
    churned: Floats
    customers: Ints
    shares: Floats

    @classmethod
    def of(
        cls, blocks: Sequence[Block], *, churned: Sequence[bool], customers: Sequence[int], card: WeightedCard
    ) -> "Training":
        """Blocks in the order of the outcomes."""
        names = ("x", "values", "present", "fade")
        stacked = [np.concatenate([getattr(block, name) for block in blocks]) for name in names]
        return cls(
            Block(*stacked),
            np.array(churned, dtype=float),
            np.array(customers, dtype=np.int64),
            np.array([share / card.base_total for share in card.base_shares]),
        )

    def weights(self, *, seed: int) -> Proposal:
        """Other weights for the curves as they are."""
        return fit.propose(self.block.x, self.churned, self.customers, self.shares, seed=seed)

    def curves(self, directions: Sequence[Direction], *, bands: int, seed: int) -> Curves:
        """Other curves with weights for them, and edges for so many bands."""
        rows = Rows(self.block.values, self.block.present, self.block.fade, self.churned, tuple(directions))
        curves = tuple(rows.curves(np.ones(len(self.churned), dtype=bool)))
        reach = np.array([0.0 if curve is None else curve.reach for curve in curves])
        proposal = fit.propose(
            self.block.x, self.churned, self.customers, self.shares, seed=seed,
            redesign=fit.Redesign(rows.evidence, reach),
        )  # fmt: skip
        slopes = np.array(proposal.slopes)
        total = slopes.sum()
        scores = rows.points(curves) @ (slopes / total) if total > 0 else np.zeros(len(self.churned))
        return Curves(proposal, curves, _edges(scores, bands))


def _edges(scores: Floats, bands: int) -> tuple[int, ...]:
    """Whole points that put a fifth of the rows into the worst band and half below the best, the rest evenly."""
    wanted = np.quantile(scores, np.linspace(RED_SHARE, GREEN_FROM, bands - 1)) * 100
    edges: list[int] = []
    for edge in np.round(wanted):
        edges.append(int(max(edge, edges[-1] // MICRO + 1 if edges else 1)) * MICRO)
    return tuple(edges)
