"""Intervals of AUC: the judged customers drawn again and again, each with all of its rows in all halves.

The same draw serves every model, so that ratios of them have intervals too. What the models were fitted on stays as it
was: the intervals tell the chance of the judged customers, not that of the training.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DRAWS = 500
SEED = 1
ENDS = (0.025, 0.975)


@dataclass(frozen=True, eq=False, slots=True)
class Ranked:
    """Rows of one half: lower scores should churn."""

    customers: NDArray[np.int64]
    scores: NDArray[np.int64]
    churned: NDArray[np.bool_]


def drawn(found: Mapping[str, Sequence[Ranked]]) -> dict[str, Floats]:
    """Per model the mean AUC over its halves in every draw."""
    known = np.unique(np.concatenate([half.customers for halves in found.values() for half in halves]))
    times = np.random.default_rng(SEED).multinomial(len(known), np.full(len(known), 1 / len(known)), DRAWS)
    return {
        model: np.mean(
            [areas(half, times[:, np.searchsorted(known, half.customers)]) for half in halves], axis=0
        )
        for model, halves in found.items()
    }


def areas(half: Ranked, times: NDArray[np.int64]) -> Floats:
    """AUC of every draw (ties half); `times` says how often each row was drawn, draws x rows."""
    order = np.argsort(half.scores, kind="stable")
    starts = np.flatnonzero(np.diff(half.scores[order], prepend=half.scores[order[0]] - 1))
    weights = times[:, order].astype(float)
    gone = np.add.reduceat(weights * half.churned[order], starts, axis=1)
    kept = np.add.reduceat(weights * ~half.churned[order], starts, axis=1)
    above = kept.sum(axis=1, keepdims=True) - np.cumsum(kept, axis=1) + kept / 2
    return np.asarray((gone * above).sum(axis=1) / (gone.sum(axis=1) * kept.sum(axis=1)))


def ends(name: str, values: Floats) -> dict[str, float]:
    """`name_low` and `name_high`: the middle 95 %."""
    low, high = np.quantile(values, ENDS)
    return {f"{name}_low": float(low), f"{name}_high": float(high)}
