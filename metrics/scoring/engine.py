"""`score_matrix`: `level` for every row of a matrix, equal in every field, in a fraction of its time.

The same expressions as `metrics.formulas.health`, over columns of int64. What could leave 2^62 goes to the reference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from metrics.formulas.health_cards import ActionsCard, Card
from metrics.scoring.actions import actions_fit, fill_actions
from metrics.scoring.arrays import Peers, ReadingsMatrix
from metrics.scoring.measured import Setting
from metrics.scoring.plan import weighted_plan
from metrics.scoring.reference import by_reference, ranked
from metrics.scoring.scored import Scored, blank
from metrics.scoring.weighted import fill_weighted

PIECE = 16_384  # customers at once: the columns at work stay in the processor's cache


def score_matrix(
    card: Card,
    matrix: ReadingsMatrix,
    *,
    as_of_day: int,
    slots: Sequence[int],
    peers: Peers | None = None,
    held: Mapping[int, int] | None = None,
    lines: bool = True,
    parts: bool = False,
) -> Scored:
    """Scores of all customers of a matrix. `slots` name the slot of each measure of the card, in card order.

    `as_of_day` counts from 2000-01-01; `held` names by place on the card the earlier day at which ages stand still while
    a feed is silent. Without `lines` only scores, bands and coverage come out, much faster; `parts`
    adds the points of every measure of a weighted card.
    """
    setting = Setting(as_of_day, peers or {}, held or {})
    if isinstance(card, ActionsCard):
        if not actions_fit(card, matrix, slots):
            return by_reference(card, matrix, slots, setting)
        out = blank(card, len(matrix), 1, lines=lines, parts=False, ranked=())
        fill_actions(card, matrix, slots, out)
        return out
    plan = weighted_plan(card, slots)
    if plan is None:
        return by_reference(card, matrix, slots, setting)
    out = blank(card, len(matrix), plan.whole, lines=lines, parts=parts, ranked=ranked(card))
    for start in range(0, len(matrix), PIECE):
        stop = start + PIECE
        fill_weighted(plan, matrix.between(start, stop), setting, out.between(start, stop))
    return out
