"""What a campaign says when nobody wrote other words."""

from collections.abc import Mapping
from typing import Any

from customers.choices import Phase
from surveys.choices import SurveyKind
from surveys.words import catalogue, phases

SUBJECT_MOST = 60  # characters of a subject line
TEXT_FIELDS = (
    "question",
    "subject",
    "preheader",
    "intro",
    "prompt",
    "prompt_negative",
    "prompt_neutral",
    "prompt_positive",
    "thank_you",
)


def standard_words(kind: str, *, language: str, company: str, about: str = "") -> dict[str, Any]:
    """Field values of a campaign text. `about`: what one is satisfied with, or a lifecycle phase that was easy or not."""
    spoken = catalogue.words(language)
    words = spoken.kinds[kind]
    given = {"company": company, "subject": about or company}
    question = words.question.format(**given)
    if kind in {SurveyKind.CES5, SurveyKind.CES7} and about in Phase.values:
        question = phases.question(language, company=company, phase=about)
    return {
        "question": question,
        "labels": list(words.labels),
        "subject": words.subject.format(**given)[:SUBJECT_MOST].rstrip(),
        "preheader": spoken.preheader,
        "intro": spoken.intro.format(**given),
        "prompt": spoken.prompt,
        "prompt_negative": words.prompt_negative.format(**given),
        "prompt_neutral": words.prompt_neutral.format(**given),
        "prompt_positive": words.prompt_positive.format(**given),
        "thank_you": spoken.thank_you,
    }


def worded(kind: str, *, language: str, company: str, about: str, own: Mapping[str, str]) -> dict[str, Any]:
    """The standard words with those of the campaign's author over them; empty ones stay standard."""
    words = standard_words(kind, language=language, company=company, about=about)
    return words | {name: own[name] for name in TEXT_FIELDS if own.get(name)}
