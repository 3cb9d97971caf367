"""One customer's result in plain numbers, the same from the reference and from whole columns."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from metrics.formulas.health import CAP_LINE, Level
from metrics.formulas.health_cards import INSUFFICIENT, WeightedCard
from metrics.formulas.health_numbers import FULL, MICRO
from metrics.scoring.scored import SCORE_REASONS, Scored


class Result(NamedTuple):
    """What is stored of a score, before any override. Points and coverage in 10^-6, lines in card order."""

    score: int | None
    arithmetic: int | None
    band: str
    reason: str
    coverage: int
    lines: list[int]
    cap: int | None

    @classmethod
    def of(cls, level: Level) -> Result:
        """The result of one customer from the reference."""
        return cls(
            score=level.score,
            arithmetic=level.arithmetic,
            band=level.band,
            reason=level.reason,
            coverage=level.coverage.numerator * MICRO // level.coverage.denominator,
            lines=[line.points for line in level.lines if line.key != CAP_LINE],
            cap=next((line.points for line in level.lines if line.key == CAP_LINE), None),
        )


def results_of(scored: Scored) -> Iterator[Result]:
    """The results of all customers, in the order of the matrix. Needs lines."""
    if scored.lines is None:
        raise ValueError("scored without lines")
    bands = [band.key for band in scored.card.bands.bands]
    columns = zip(
        scored.arithmetic.tolist(),
        scored.known.tolist(),
        scored.reason.tolist(),
        scored.band.tolist(),
        scored.coverage_millionths().tolist(),
        scored.lines.measures.tolist(),
        scored.lines.cap.tolist(),
        scored.lines.capped.tolist(),
        strict=True,
    )
    for total, known, reason, band, coverage, lines, cap, capped in columns:
        yield Result(
            score=None if reason else total,
            arithmetic=total if known else None,
            band=INSUFFICIENT if reason else bands[band],
            reason=SCORE_REASONS[reason],
            coverage=coverage,
            lines=lines if known else [],
            cap=cap if capped else None,
        )


def costliest(scored: Scored) -> list[tuple[int, int]]:
    """(place on the card, points lost in 10^-6) of the measure that costs each customer most; (-1, 0) for nobody's.

    Points lost = 100 x effective share - contribution. The largest of equal ones is the last by key. Needs lines and
    parts of a weighted card.
    """
    card, lines, parts = scored.card, scored.lines, scored.parts
    if not isinstance(card, WeightedCard) or lines is None or parts is None:
        raise ValueError("scored without parts")
    order = sorted(range(len(card.measures)), key=lambda place: card.measures[place].key, reverse=True)
    weights = np.array([measure.weight for measure in card.measures], dtype=np.float64)
    counts = parts.present & (weights > 0)
    upper, lower = _shares(card, counts, weights, lines.group_known)
    lost = FULL * upper / lower - lines.measures
    winners = np.array(order)[np.argmax(lost[:, order], axis=1)]
    rows = np.arange(len(scored))
    exact = zip(
        winners.tolist(),
        upper[rows, winners].tolist(),
        lower[rows, winners].tolist(),
        lines.measures[rows, winners].tolist(),
        strict=True,
    )
    return [
        (place, int(FULL * Fraction(int(share), int(whole)) - points))
        for place, share, whole, points in exact
    ]


def _shares(
    card: WeightedCard,
    counts: npt.NDArray[np.bool_],
    weights: npt.NDArray[np.float64],
    known: npt.NDArray[np.bool_],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Effective shares as numerators and denominators; whole numbers below 2^53, or the largest only nearly so."""
    present = known * np.array([group.weight for group in card.groups], dtype=np.float64)
    total = present.sum(axis=1)
    upper, lower = np.zeros(counts.shape), np.ones(counts.shape)
    start = 0
    for number, group in enumerate(card.groups):
        places = slice(start, start + len(group.measures))
        inside = (counts[:, places] * weights[places]).sum(axis=1)
        counted = (inside > 0) & (total > 0)
        upper[:, places] = np.where(
            counts[:, places] & counted[:, None], present[:, [number]] * weights[places], 0
        )
        lower[:, places] = np.where(counted, total * inside, 1)[:, None]
        start += len(group.measures)
    return upper, lower
