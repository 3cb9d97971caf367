"""Actions cards for columns: impact x count, summed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from metrics.formulas.health_cards import Action, ActionsCard, card_problems
from metrics.formulas.health_numbers import MICRO, WEIGHT_UNIT
from metrics.scoring.arrays import ReadingsMatrix
from metrics.scoring.exact import LIMIT, Ints
from metrics.scoring.scored import NO_BAND, SCORE_REASONS, Scored
from metrics.scoring.weighted import banded

PER_IMPACT = MICRO // WEIGHT_UNIT
NO_DATA = SCORE_REASONS.index("no_data")


def actions_fit(card: ActionsCard, rows: ReadingsMatrix, slots: Sequence[int]) -> bool:
    """Whether the sum of these counts stays far enough from 2^63, whatever the impacts picked."""
    if card_problems(card) or any(abs(edge.at) >= LIMIT for edge in card.bands.edges):
        return False
    if any(abs(action.max_count or 0) >= LIMIT for action in card.actions):
        return False
    reach = 0
    for action, slot in zip(card.actions, slots, strict=True):
        column = rows.values[:, slot]
        count = max(abs(int(column.min(initial=0))), int(column.max(initial=0))) // MICRO + 1
        impact = max(abs(points) for points in (action.impact, *(points for _, points in action.impacts)))
        reach += max(count, abs(action.max_count or 0)) * max(impact, 1) * PER_IMPACT
    return reach < LIMIT


def fill_actions(card: ActionsCard, rows: ReadingsMatrix, slots: Sequence[int], out: Scored) -> None:
    """Score these customers into the columns of `out`."""
    known = np.zeros(len(rows), dtype=np.bool_)
    total = np.zeros(len(rows), dtype=np.int64)
    lines = []
    for action, slot in zip(card.actions, slots, strict=True):
        has = rows.reasons[:, slot] == 0
        known |= has
        count = np.where(has, rows.values[:, slot], 0) // MICRO
        if action.max_count is not None:
            count = np.minimum(count, action.max_count)
        line = _impacts(action, rows) * count
        total += line
        lines.append(line)
    out.arithmetic[:] = total * known
    out.known[:] = known
    out.reason[:] = np.where(known, 0, NO_DATA)
    out.band[:] = np.where(known, banded(card.bands, total, known), NO_BAND)
    out.covered[:] = known
    if out.lines is not None:
        for place, line in enumerate(lines):
            out.lines.measures[:, place] = line * known


def _impacts(action: Action, rows: ReadingsMatrix) -> Ints:
    """Micro-points of one count: the impact of the first segment held, else the action's own."""
    impacts = np.full(len(rows), action.impact, dtype=np.int64)
    for segment, points in reversed(action.impacts):
        impacts[rows.holds(segment)] = points
    return impacts * PER_IMPACT
