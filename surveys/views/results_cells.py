"""Scores and answers as pages print them."""

from typing import Any

from config.web import money as amounts
from metrics.formulas.satisfaction import nps_shown
from surveys.choices import SurveyKind
from surveys.formulas.scales import NEGATIVE, NEUTRAL, POSITIVE, bucket
from surveys.queries.results import LIST_ONLY, Score

TONES = {NEGATIVE: "risk", NEUTRAL: "none", POSITIVE: "good"}
WORDS = {
    "nps": {NEGATIVE: "detractors", NEUTRAL: "passives", POSITIVE: "promoters"},
    "csat": {NEGATIVE: "dissatisfied", NEUTRAL: "neither", POSITIVE: "satisfied"},
    "ces": {NEGATIVE: "disagree", NEUTRAL: "neither", POSITIVE: "agree"},
}


def score_cell(score: Score) -> dict[str, Any]:
    """The score in words: number, interval, n; no number below the least n, grey below the normal one."""
    is_nps = score.kind == SurveyKind.NPS
    unit = "" if is_nps else "\u00a0%"
    if score.value is None:
        text, between = amounts.number(score.mean, 1) if score.mean is not None else "", ""
    elif is_nps:
        text, between = nps_shown(score.value), f"{nps_shown(score.low)} to {nps_shown(score.high)}"
    else:
        text = f"{amounts.number(score.value)}{unit}"
        between = f"{amounts.number(score.low)} to {amounts.number(score.high)}{unit}"
    return {
        "score": score,
        "text": text,
        "between": between,
        "muted": score.weight != "normal",
        "list_only": score.weight == LIST_ONLY,
        "words": words_of(score.kind),
    }


def words_of(kind: str) -> dict[str, str]:
    """What the three groups of a kind are called."""
    return WORDS[kind.rstrip("57")]


def tone_of_answer(kind: str, score: int) -> str:
    """Tone class of one answer."""
    return TONES[bucket(kind, score)]
