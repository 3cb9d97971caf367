"""Backtests: a card replayed at past month ends, against what became of the customers."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from config.web.errors import DomainError
from metrics.formulas import evidence
from metrics.formulas.evidence import Evidence, Outcome
from metrics.formulas.health import ENGINE_VERSION
from metrics.formulas.health_cards import INSUFFICIENT, Card
from metrics.formulas.health_numbers import MICRO
from metrics.formulas.periods import months_ago
from metrics.models import Backtest, ScorecardVersion
from metrics.queries.backfilled import backfilled_share
from metrics.queries.outcomes import PAYING, RENEWING, Fate, Outcomes, month_ends, names_of, outcomes_of
from metrics.services.replays import Candidate, Replay, Report, Score, replayed

HORIZONS = (90, 180)
LOOK_BACK = 24  # months
HALVES = ("a", "b")  # a card fitted on one half is judged on the other
POPULATIONS = {RENEWING: "renewals", PAYING: "customers"}
SHARES = (Fraction(1, 10), Fraction(1, 5))
MOST_LISTED = 200  # misses and rows kept with a result


class QuestionError(DomainError):
    """A backtest nobody can run."""

    code = "backtest_question"


@dataclass(frozen=True, slots=True)
class Trial:
    """What is asked: how far ahead, of whom, scored at month ends in [first, last], with outcomes up to `as_of`."""

    horizon: int
    population: str
    first: date
    last: date
    as_of: date
    half: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The parameters as they are stored."""
        return {
            "horizon": self.horizon,
            "population": self.population,
            "first": self.first.isoformat(),
            "last": self.last.isoformat(),
            "as_of": self.as_of.isoformat(),
            "half": self.half,
        }

    def covers(self, customer_id: int) -> bool:
        """Whether a customer lies in the half that is asked for; the halves are fixed and equal by chance."""
        if not self.half:
            return True
        half, _, deal = self.half.partition(":")
        return half == HALVES[zlib.crc32(f"{deal}/{customer_id}".encode()) & 1]


@dataclass(frozen=True, slots=True)
class Judged:
    """One card's rows, in the order of the fates, and every replayed day."""

    fates: Sequence[Fate]
    rows: Sequence[Outcome]
    scores: Sequence[Score | None]


def trial(
    *,
    horizon: int,
    as_of: date,
    population: str = RENEWING,
    first: date | None = None,
    last: date | None = None,
    half: str = "",
) -> Trial:
    """A checked question; by default all customers over the last 24 months."""
    if horizon not in HORIZONS:
        raise QuestionError(
            f"A horizon of {horizon} days is not offered.", hint="Use 90 or 180.", field="horizon"
        )
    if population not in POPULATIONS:
        raise QuestionError(
            f"There is no population {population}.", hint="Use renewing or paying.", field="population"
        )
    if half.partition(":")[0] not in {"", *HALVES}:
        raise QuestionError(f"There is no half {half}.", hint="Use a or b, or a:7 and b:7.", field="half")
    found = Trial(horizon, population, first or months_ago(as_of, LOOK_BACK), last or as_of, as_of, half)
    if not found.first <= found.last <= as_of:
        raise QuestionError(
            "The first month end lies after the last, or ahead of today.", hint="Choose past days in order."
        )
    return found


def run(
    *, tested: Sequence[Candidate], asked: Trial, now: datetime, seed: int = 1, report: Report | None = None
) -> list[dict[str, Any]]:
    """Results of one or two cards on the same rows. The second carries the difference of AUC to the first."""
    outcomes = outcomes_for(asked)
    scored = {fate.scored_on for fate in outcomes.rows}
    days = month_ends(min(scored), asked.as_of) if scored else []
    replay = replayed(tested, days, now=now, report=report)
    judged = [
        judge(outcomes.rows, {day: cards[n] for day, cards in replay.items()}) for n in range(len(tested))
    ]
    results = [
        _result(one, card.card, outcomes, asked, {day: cards[n] for day, cards in replay.items()})
        for n, (one, card) in enumerate(zip(judged, tested, strict=True))
    ]
    if len(judged) > 1 and results[1]["enough"]:
        results[1]["difference"] = _difference(judged, seed)
    return results


def outcomes_for(asked: Trial) -> Outcomes:
    """The rows of a question."""
    found = outcomes_of(
        asked.population, horizon=asked.horizon, first=asked.first, last=asked.last, as_of=asked.as_of
    )
    return replace(found, rows=[fate for fate in found.rows if asked.covers(fate.customer)])


def judge(fates: Sequence[Fate], replay: dict[date, Replay]) -> Judged:
    """Each fate with the score of its day; customers of another card, or archived since, are left out."""
    kept = [(fate, replay[fate.scored_on].get(fate.customer)) for fate in fates]
    pairs = [(fate, score) for fate, score in kept if score is not None]
    rows = [
        Outcome(fate.customer, score.score, fate.mrr, fate.churned, score.band, fate.expanded)
        for fate, score in pairs
    ]
    return Judged([fate for fate, _ in pairs], rows, [score for _, score in pairs])


def _result(
    judged: Judged, card: Card, outcomes: Outcomes, asked: Trial, replay: dict[date, Replay]
) -> dict[str, Any]:
    rows = judged.rows
    churned = sum(row.churned for row in rows)
    guard = Evidence(len(rows), churned, outcomes.months)
    found: dict[str, Any] = {
        "outcomes": len(rows),
        "churned": churned,
        "open": outcomes.open,
        "unscored": sum(row.score is None for row in rows),
        "months": outcomes.months,
        "enough": guard.is_enough,
        "said": guard.said(noun=POPULATIONS[asked.population]),
        "backfilled_share": _number(backfilled_share(card, until=asked.as_of)),
        "misses": _misses(judged, card, replay),
    }
    if not guard.is_enough:
        return found | {"rows": _plain_rows(judged)}
    area = evidence.auc(rows)
    bands = [*(band.key for band in card.bands.bands), INSUFFICIENT]
    return found | {
        "bands": [_band(row, card) for row in evidence.band_table(rows, bands)],
        "auc": None
        if area is None
        else {
            "value": _number(area.value),
            "se": _number(area.se),
            "low": _number(area.low),
            "high": _number(area.high),
            "ranks": area.ranks,
        },
        "worst": [_worst(rows, share) for share in SHARES],
        "lead_time_days": _number(_lead_time(judged, card, replay)),
    }


def _band(row: evidence.BandRow, card: Card) -> dict[str, Any]:
    band = card.bands.named(row.band)
    return {
        "band": row.band,
        "label": band.label if band else "No score",
        "tone": band.tone if band else "none",
        "outcomes": row.outcomes,
        "churned": row.churned,
        "rate": _number(row.rate),
        "low": None if row.interval is None else _number(row.interval.low),
        "high": None if row.interval is None else _number(row.interval.high),
        "mrr": str(row.mrr),
        "expansion_rate": _number(row.expansion_rate),
    }


def _worst(rows: Sequence[Outcome], share: Fraction) -> dict[str, Any] | None:
    found = evidence.worst(rows, share)
    if found is None:
        return None
    return {
        "share": _number(share),
        "size": found.size,
        "caught": _number(found.caught),
        "caught_mrr": _number(found.caught_mrr),
        "lift": _number(found.lift),
    }


def _tones(judged_customer: int, card: Card, replay: dict[date, Replay]) -> list[tuple[date, str]]:
    """(month end, tone) of one customer, days without a score as none."""
    found = []
    for day in sorted(replay):
        score = replay[day].get(judged_customer)
        band = card.bands.named(score.band) if score else None
        found.append((day, band.tone if band else "none"))
    return found


def _lead_time(judged: Judged, card: Card, replay: dict[date, Replay]) -> Fraction | None:
    lost = {(fate.customer, fate.churned_on) for fate in judged.fates if fate.churned_on}
    return evidence.warning_time(
        evidence.warning_days(_tones(customer, card, replay), day) for customer, day in sorted(lost) if day
    )


def _misses(judged: Judged, card: Card, replay: dict[date, Replay]) -> list[dict[str, Any]]:
    """Churners that no month end before showed red, with the last score they had."""
    found = []
    for fate, score in zip(judged.fates, judged.scores, strict=True):
        if fate.churned_on is None or score is None:
            continue
        before = [tone for day, tone in _tones(fate.customer, card, replay) if day < fate.churned_on]
        if "red" not in before:
            found.append((fate, score))
    found.sort(key=lambda pair: (-pair[0].mrr, pair[0].customer))
    names = names_of(fate.customer for fate, _ in found[:MOST_LISTED])
    return [_listed(fate, score, names) for fate, score in found[:MOST_LISTED]]


def _plain_rows(judged: Judged) -> list[dict[str, Any]]:
    pairs = list(zip(judged.fates, judged.scores, strict=True))[:MOST_LISTED]
    names = names_of(fate.customer for fate, _ in pairs)
    return [_listed(fate, score, names) for fate, score in pairs if score is not None]


def _listed(fate: Fate, score: Score, names: dict[int, str]) -> dict[str, Any]:
    return {
        "customer": fate.customer,
        "name": names.get(fate.customer, ""),
        "mrr": str(fate.mrr),
        "scored_on": fate.scored_on.isoformat(),
        "score": None if score.score is None else str(Decimal(score.score) / MICRO),
        "band": score.band,
        "coverage": _number(score.coverage),
        "churned_on": None if fate.churned_on is None else fate.churned_on.isoformat(),
    }


def _difference(judged: Sequence[Judged], seed: int) -> dict[str, Any] | None:
    """AUC of the second minus the first on rows that both have."""
    first = {(fate.customer, fate.scored_on, fate.decided_on): row for fate, row in _pairs(judged[0])}
    second = {(fate.customer, fate.scored_on, fate.decided_on): row for fate, row in _pairs(judged[1])}
    both = sorted(first.keys() & second.keys())
    found = evidence.difference_of_auc([first[key] for key in both], [second[key] for key in both], seed=seed)
    if found is None:
        return None
    return {"value": _number(found.value), "low": _number(found.low), "high": _number(found.high)}


def _pairs(judged: Judged) -> list[tuple[Fate, Outcome]]:
    return list(zip(judged.fates, judged.rows, strict=True))


def _number(value: Fraction | Decimal | float | None) -> float | None:
    """Statistics are kept with six decimals."""
    return None if value is None else round(float(value), 6)


def store(*, version: ScorecardVersion, asked: Trial, result: dict[str, Any], by: Any) -> Backtest:
    """Keep a result with everything that it depends on."""
    return Backtest.objects.create(
        version=version,
        body_hash=version.body_hash,
        engine=ENGINE_VERSION,
        parameters=asked.as_dict(),
        result=result,
        made_by=by,
    )
