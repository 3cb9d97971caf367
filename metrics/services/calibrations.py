"""Renewal probability per band of a card, from the outcomes of the last 24 months."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from metrics.formulas import calibration
from metrics.formulas.calibration import BandCount
from metrics.formulas.evidence import Evidence, Outcome
from metrics.formulas.health import ENGINE_VERSION
from metrics.formulas.health_cards import Card
from metrics.formulas.satisfaction import wilson
from metrics.models import Calibration, ScorecardVersion
from metrics.services.backtests import POPULATIONS, Trial, judge, outcomes_for
from metrics.services.replays import Candidate, Report, replayed


def calibrate(
    *, tested: Candidate, asked: Trial, now: datetime, report: Report | None = None
) -> dict[str, Any]:
    """Probabilities per band, worst first; none until there are enough outcomes."""
    outcomes = outcomes_for(asked)
    days = {fate.scored_on for fate in outcomes.rows}
    replay = {day: found[0] for day, found in replayed([tested], days, now=now, report=report).items()}
    rows = [row for row in judge(outcomes.rows, replay).rows if row.score is not None]
    guard = Evidence(len(rows), sum(row.churned for row in rows), outcomes.months)
    result: dict[str, Any] = {
        "outcomes": guard.outcomes,
        "churned": guard.churned,
        "enough": guard.is_enough,
        "said": guard.said(noun=POPULATIONS[asked.population]),
    }
    if not guard.is_enough:
        return result
    counts = counts_of(rows, tested.card)
    found = calibration.probabilities(counts)
    pairs = [(found[row.band], not row.churned) for row in rows]
    score = calibration.brier(pairs)
    return result | {
        "bands": [_band(count, float(found[count.band]), tested.card) for count in counts],
        "brier": None if score is None else round(float(score), 6),
        "reliability": [
            {
                "predicted": round(float(point.predicted), 6),
                "observed": round(float(point.observed), 6),
                "n": point.n,
                "low": round(float(point.interval.low), 6),
                "high": round(float(point.interval.high), 6),
            }
            for point in calibration.reliability(pairs)
        ],
    }


def counts_of(rows: Sequence[Outcome], card: Card) -> list[BandCount]:
    """Renewals due and come per band, in the order of the card."""
    return [
        BandCount(
            band.key,
            sum(not row.churned for row in rows if row.band == band.key),
            sum(row.band == band.key for row in rows),
        )
        for band in card.bands.bands
    ]


def _band(count: BandCount, probability: float, card: Card) -> dict[str, Any]:
    band, interval = card.bands.named(count.band), wilson(hits=count.renewed, n=count.due)
    return {
        "band": count.band,
        "label": band.label if band else count.band,
        "tone": band.tone if band else "none",
        "renewed": count.renewed,
        "due": count.due,
        "probability": round(probability, 6),
        "low": None if interval is None else round(float(interval.low), 6),
        "high": None if interval is None else round(float(interval.high), 6),
    }


def store(*, version: ScorecardVersion, asked: Trial, result: dict[str, Any], by: Any) -> Calibration:
    """Keep probabilities with everything that they depend on."""
    return Calibration.objects.create(
        version=version,
        body_hash=version.body_hash,
        engine=ENGINE_VERSION,
        parameters=asked.as_dict(),
        result=result,
        made_by=by,
    )
