"""One customer's result in plain numbers, the same from the reference and from whole columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from metrics.formulas.health import CAP_LINE, Level
from metrics.formulas.health_cards import INSUFFICIENT
from metrics.formulas.health_numbers import MICRO
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
