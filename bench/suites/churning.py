"""Scorecards of suggest_weights beside two models trained on the same readings of the same customers.

Everything is fitted on one half of the customers and judged on the other, then the other way round. Telco: readings of
the month end before the reference day, because the file has no days; all fields are history. CRM: month ends 90 days
apart in the valid window of the simulation, everybody who pays then.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from functools import cache
from statistics import mean
from typing import Any
from unittest.mock import patch

import numpy as np
from django.utils import timezone

from bench.suites import intervals
from bench.suites.intervals import Ranked
from metrics.formulas import calibration, evidence
from metrics.formulas.evidence import Outcome
from metrics.formulas.health_cards import WeightedCard, read_card
from metrics.formulas.health_numbers import MICRO, WEIGHT_UNIT
from metrics.queries.measures import catalog, own_measures
from metrics.queries.outcomes import PAYING
from metrics.services import backtests, calibrations, replays, suggestions
from metrics.services.backtests import Trial
from metrics.services.replays import Candidate, replayed, seen

TENTH = Fraction(1, 10)
BANDS = 7
SCALE = 10**9  # probabilities of the models as whole numbers
HORIZON = 90
CRM_MEASURES = (
    "active_seat_share", "usage_change_pct", "mrr_change_pct", "days_to_renewal", "seat_change_pct", "days_since_seen",
)  # fmt: skip
TELCO = {"first": date(2019, 11, 30), "last": date(2019, 11, 30), "as_of": date(2020, 3, 31)}
CRM = {"first": date(2022, 3, 1), "last": date(2023, 3, 31), "as_of": date(2023, 6, 30)}


@dataclass(frozen=True, eq=False, slots=True)
class Judged:
    """One model in one half: its figures, and how it ranks the customers."""

    figures: dict[str, float]
    ranked: Ranked


def table_of(company: str, own: bool, deals: Sequence[str] = ("",)) -> list[dict[str, Any]]:
    """A row per model: means over every deal of halves and both ways of using them, with 95 % intervals of the AUC.

    `own` adds the measures that were made for the company to the built-in ones.
    """
    body = _scratch_card(_measures(company, own=own))
    window, now = (TELCO if company == "telco" else CRM), timezone.now()
    found: dict[str, list[Judged]] = {}
    with patch.object(replays, "read_then", cache(replays.read_then)):  # every half looks at the same days
        for deal in deals:
            for train, test in (("a", "b"), ("b", "a")):
                halves = [_asked(window, f"{half}:{deal}" if deal else half) for half in (train, test)]
                for model, judged in _judged(body, *halves, now=now):
                    found.setdefault(model, []).append(judged)
    areas = {model: mean(one.figures["auc"] for one in rows) for model, rows in found.items()}
    best = max((model for model in areas if model != "card"), key=lambda model: areas[model])
    drawn = intervals.drawn({model: [one.ranked for one in rows] for model, rows in found.items()})
    return [
        {"model": model, "ratio": areas[model] / areas[best], "splits": len(rows)}
        | {key: mean(one.figures[key] for one in rows) for key in rows[0].figures}
        | intervals.ends("auc", drawn[model])
        | intervals.ends("ratio", drawn[model] / drawn[best])
        for model, rows in found.items()
    ]


def _measures(company: str, *, own: bool) -> list[str]:
    built_in = [] if company == "telco" else list(CRM_MEASURES)
    return built_in + ([measure.key for measure in own_measures()] if own else [])


def _scratch_card(measures: Sequence[str]) -> dict[str, Any]:
    """Every measure a group of its own with the same weight and a curve that says nothing yet."""
    flat = {"type": "linear", "points": [[0, 0], [MICRO, 100 * MICRO]]}
    return {
        "kind": "weighted",
        "groups": [
            {
                "key": f"g-{key}",
                "title": key,
                "weight": WEIGHT_UNIT,
                "rule": "mean",
                "measures": [{"measure": key, "version": 1, "weight": WEIGHT_UNIT, "curve": flat}],
            }
            for key in measures
        ],
        "bands": [
            {"key": f"b{n}", "label": f"Band {n}", "tone": "red" if n == 0 else "amber"} for n in range(BANDS)
        ],
        "edges": [{"at": (n + 1) * 10 * MICRO, "side": "upper"} for n in range(BANDS - 1)],
        "min_coverage": 0,
    }


def _asked(window: dict[str, date], half: str) -> Trial:
    return backtests.trial(horizon=HORIZON, population=PAYING, half=half, **window)  # type: ignore[arg-type]


def _judged(
    body: dict[str, Any], train: Trial, test: Trial, *, now: datetime
) -> Iterator[tuple[str, Judged]]:
    start = Candidate(read_card(body))
    result = suggestions.suggest(body=body, tested=start, asked=train, now=now, with_curves=True)
    card = read_card(
        result.get("body", body)
    )  # where nothing speaks for any weight, the card that says nothing
    if not isinstance(card, WeightedCard):
        raise TypeError("a weighted card was asked for")
    past, future = (_outcomes(card, asked, now) for asked in (train, test))
    chances = calibration.probabilities(calibrations.counts_of(past, card))
    predicted = [1 - float(chances.get(row.band, Fraction(1, 2))) for row in future]
    yield "card", _held(future, predicted, proven=float(result["better"]))
    x_past, y_past = _readings(card, train, now)
    x_future, y_future = _readings(card, test, now)
    for model, fitted in _models():
        fitted.fit(x_past, y_past)
        p = [float(one[1]) for one in fitted.predict_proba(x_future)]
        rows = [
            Outcome(row.customer, -round(chance * SCALE), row.mrr, gone)
            for chance, row, gone in zip(p, future, y_future, strict=True)
        ]
        yield model, _held(rows, p, proven=0.0)


def _held(rows: Sequence[Outcome], chances: Sequence[float], *, proven: float) -> Judged:
    scored = [row for row in rows if row.score is not None]
    ranked = Ranked(
        customers=np.array([row.customer for row in scored]),
        scores=np.array([row.score for row in scored], dtype=np.int64),
        churned=np.array([row.churned for row in scored], dtype=bool),
    )
    return Judged(_figures(rows, chances) | {"proven": proven}, ranked)


def _outcomes(card: WeightedCard, asked: Trial, now: datetime) -> list[Outcome]:
    fates = sorted(
        backtests.outcomes_for(asked).rows, key=lambda fate: (fate.scored_on, fate.customer, fate.decided_on)
    )
    days = {fate.scored_on for fate in fates}
    replay = {day: cards[0] for day, cards in replayed([Candidate(card)], days, now=now).items()}
    return list(backtests.judge(fates, replay).rows)


def _readings(card: WeightedCard, asked: Trial, now: datetime) -> tuple[list[list[float]], list[bool]]:
    """The readings as models take them: choices one by one, a missing reading as 0 with a mark."""
    training = seen(Candidate(card), card, backtests.outcomes_for(asked).rows, now=now).training(card)
    measures = catalog()
    rows = []
    for values, present in zip(training.block.values.tolist(), training.block.present.tolist(), strict=True):
        row: list[float] = []
        for measure, value, known in zip(card.measures, values, present, strict=True):
            if measures[measure.key, measure.version].unit == "choice":
                row += [float(known and value == n * MICRO) for n in range(4)]
            else:
                row += [value / MICRO if known else 0.0, float(known)]
        rows.append(row)
    return rows, [bool(gone) for gone in training.churned.tolist()]


def _models() -> Iterator[tuple[str, Any]]:
    from sklearn.ensemble import GradientBoostingClassifier  # noqa: PLC0415 - optional-package
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - optional-package
    from sklearn.pipeline import make_pipeline  # noqa: PLC0415 - optional-package
    from sklearn.preprocessing import StandardScaler  # noqa: PLC0415 - optional-package

    yield "logistic regression", make_pipeline(StandardScaler(), LogisticRegression(max_iter=5000))
    yield "gradient boosting", GradientBoostingClassifier(random_state=0)


def _figures(rows: Sequence[Outcome], chances: Sequence[float]) -> dict[str, float]:
    """AUC, lift in the worst tenth, Brier score, and how far predicted and observed shares lie apart."""
    area, worst = evidence.auc(rows), evidence.worst(rows, TENTH)
    pairs = [(Fraction(round(p * SCALE), SCALE), row.churned) for p, row in zip(chances, rows, strict=True)]
    points = calibration.reliability(pairs)
    apart = sum(float(abs(one.predicted - one.observed)) * one.n for one in points) / len(pairs)
    if area is None or worst is None or worst.lift is None:
        raise ValueError("nobody churned in this half")
    return {
        "auc": float(area.value),
        "lift": float(worst.lift),
        "brier": float(calibration.brier(pairs) or 0),
        "apart": apart,
        "rows": len(rows),
        "churned": sum(row.churned for row in rows),
    }
