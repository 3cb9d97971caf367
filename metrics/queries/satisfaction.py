"""Survey metrics of periods: scores with their intervals, changes, and answer rates (section 15)."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from metrics.formulas import satisfaction
from metrics.formulas.periods import Period, trailing
from metrics.formulas.result import Result, known, unknown
from metrics.formulas.satisfaction import HUNDRED, Interval, NpsCounts
from metrics.queries import answers
from metrics.queries.answers import CES, CSAT, Answers
from metrics.queries.invitations import Funnel, funnels_of
from metrics.queries.questions import Question, Values

NOBODY = unknown("no_data")


def survey_metrics(question: Question) -> list[Values]:
    """nps, csat, ces with _low, _high and _n, csat_mean, csat_index, ces_mean and survey_response_rate per period.

    NPS is the rolling relationship score at the close; CSAT and CES belong to the period of `score_cohort`.
    """
    scope = _scope(question)
    csats = answers.tallies_in(question.closed, CSAT, **scope)
    efforts = answers.tallies_in(question.closed, CES, **scope)
    funnels = funnels_of(question.closed, zone=question.zone, customers=question.customers)
    asked = answers.answered_between(customers=question.customers, zone=question.zone)
    rows: list[Values] = []
    for number, period in enumerate(question.periods):
        nps = _nps_of(question, question.close_on(period), asked)
        csat = answers.csat_of(csats[number], question.definition)
        ces = answers.ces_of(efforts[number], question.definition)
        rows.append(
            {
                **_scored("nps", nps, scale=Decimal(1)),
                **_scored("csat", csat, scale=HUNDRED),
                "csat_mean": _mean(csat),
                "csat_index": _index(csat),
                **_scored("ces", ces, scale=HUNDRED),
                "ces_mean": _mean(ces),
                "survey_response_rate": _answer_rate(question, funnels[number]),
            }
        )
    return rows


def change_metrics(question: Question) -> list[Values]:
    """nps_change (points against the window before, adjusted), nps_change_p, and nps_changed (1 or 0) per close.

    The two windows share no day. A change is called one only below `nps_alpha`. One of them empty: no_data.
    """
    scope = _scope(question)
    rows: list[Values] = []
    for period in question.periods:
        day = question.close_on(period)
        before = day - timedelta(days=question.definition.nps_window_days)
        now, then = (answers.nps_at(when, **scope) for when in (day, before))
        change = satisfaction.nps_change(_counts(now), _counts(then))
        if change is None:
            rows.append(dict.fromkeys(("nps_change", "nps_change_p", "nps_changed"), NOBODY))
            continue
        called = int(change.p < question.definition.nps_alpha)
        rows.append(
            {
                "nps_change": known(change.difference),
                "nps_change_p": known(change.p),
                "nps_changed": known(called),
            }
        )
    return rows


def _nps_of(question: Question, day: date, asked: Period | None) -> Answers:
    """NPS at a close; windows before the first and after the last answer need no look."""
    window = trailing(day, question.definition.nps_window_days)
    if asked is None or window.end <= asked.start or window.start >= asked.end:
        return answers.no_nps()
    return answers.nps_at(day, **_scope(question))


def _scope(question: Question) -> dict[str, Any]:
    return {
        "zone": question.zone,
        "customers": question.customers,
        "definition": question.definition,
        "known_at": question.known_at,
    }


def _counts(found: Answers) -> NpsCounts:
    return NpsCounts(found.hits, found.n - found.hits - found.misses, found.misses)


def _scored(name: str, found: Answers, *, scale: Decimal) -> Values:
    """Score, limits on the printed scale, and n."""
    low, high = _limits(found.interval, scale) if found.interval else (NOBODY, NOBODY)
    return {name: found.result, f"{name}_low": low, f"{name}_high": high, f"{name}_n": known(found.n)}


def _limits(interval: Interval, scale: Decimal) -> tuple[Result, Result]:
    return known(interval.low * scale), known(interval.high * scale)


def _mean(found: Answers) -> Result:
    return satisfaction.mean_score(found.counts or {})


def _index(found: Answers) -> Result:
    return satisfaction.score_index(found.counts, scale=found.scale) if found.counts else NOBODY


def _answer_rate(question: Question, funnel: Funnel) -> Result:
    """Answers / delivered invitations, or / those whose page was opened, under `answer_rate_base`."""
    base = funnel.visited if question.definition.answer_rate_base == "visited" else funnel.delivered
    return satisfaction.survey_response_rate(completed=funnel.completed, delivered=base)
