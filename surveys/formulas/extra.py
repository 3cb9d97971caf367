"""Up to three further questions after the main one: what they are, when they show, how their answers are read (S-211).

Stored with a campaign text as `{"key", "type", "question", "options", "when"}`; an answer is stored under its key as
text, as the number of the chosen option from 1, or as 1–5. None of them is scored.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from surveys.formulas.scales import NEGATIVE, NEUTRAL, POSITIVE

TEXT, CHOICE, SCALE5 = "text", "choice", "scale5"
TYPES = (TEXT, CHOICE, SCALE5)
WHENS = ("", NEGATIVE, NEUTRAL, POSITIVE)
MOST = 3  # questions
MAX_QUESTION = 200  # characters
OPTIONS = range(2, 9)  # how many a single choice may have
MAX_OPTION = 80
MAX_TEXT = 1000  # characters of an answer
KEY = re.compile(r"[a-z][a-z0-9_]{0,19}")
FIVE = range(1, 6)
BAD_OPTION, TOO_LONG = "option", "long"


@dataclass(frozen=True)
class Extra:
    """One further question. `when` is the bucket it belongs to, empty for all."""

    key: str
    type: str
    question: str
    options: tuple[str, ...] = ()
    when: str = ""

    @property
    def field(self) -> str:
        """Its name in the posted form."""
        return f"x_{self.key}"

    @property
    def points(self) -> range:
        """Numbers that may be chosen; empty for text."""
        if self.type == CHOICE:
            return range(1, len(self.options) + 1)
        return FIVE if self.type == SCALE5 else range(0)


def faults(raw: object) -> list[str]:
    """What is wrong with the questions of one language, in words for the builder; empty when nothing is."""
    if not isinstance(raw, list) or len(raw) > MOST:
        return [f"At most {MOST} further questions."]
    found = [fault for number, one in enumerate(raw, 1) for fault in _faults_of(one, number)]
    keys = [one.get("key") for one in raw if isinstance(one, dict)]
    return found if len(set(map(str, keys))) == len(keys) else [*found, "Two questions have the same key."]


def _faults_of(one: object, number: int) -> list[str]:
    if not isinstance(one, dict):
        return [f"Question {number} is not a question."]
    options = one.get("options") or []
    is_choice = one.get("type") == CHOICE
    texts = isinstance(options, list) and all(isinstance(option, str) for option in options)
    checks = (
        (not KEY.fullmatch(str(one.get("key", ""))), "its key is not a short lower-case word"),
        (one.get("type") not in TYPES, "its type is unknown"),
        (
            not _fits(one.get("question"), MAX_QUESTION),
            f"its words are missing or longer than {MAX_QUESTION}",
        ),
        (one.get("when", "") not in WHENS, "its condition is unknown"),
        (not texts, "its options are not words"),
        (texts and is_choice and len(options) not in OPTIONS, "a choice has two to eight options"),
        (
            texts and is_choice and not all(_fits(option, MAX_OPTION) for option in options),
            f"an option is empty or longer than {MAX_OPTION}",
        ),
        (texts and is_choice and len(set(options)) < len(options), "two options are the same"),
        (not is_choice and bool(options), "only a choice has options"),
    )
    return [f"Question {number}: {fault}." for hit, fault in checks if hit]


def _fits(text: object, most: int) -> bool:
    return isinstance(text, str) and 0 < len(text.strip()) <= most


def parse(raw: object) -> tuple[Extra, ...]:
    """Stored questions; what is not one is left out, so that a page is never broken by its campaign."""
    rows = raw if isinstance(raw, list) else []
    return tuple(
        Extra(row["key"], row["type"], row["question"], tuple(row.get("options") or ()), row.get("when", ""))
        for row in rows[:MOST]
        if not _faults_of(row, 0)
    )


def same_shape(one: object, other: object) -> bool:
    """Whether two languages ask the same: keys, types, conditions and number of options."""
    first, second = parse(one), parse(other)
    return [_shape(extra) for extra in first] == [_shape(extra) for extra in second]


def _shape(extra: Extra) -> tuple[object, ...]:
    return (extra.key, extra.type, extra.when, len(extra.options))


def applies(extra: Extra, bucket: str) -> bool:
    """Whether the question belongs to an answer of that bucket; with no bucket known only those for all."""
    return extra.when in {"", bucket}


def read(
    questions: Iterable[Extra], posted: Mapping[str, str], bucket: str
) -> tuple[dict[str, Any], dict[str, str]]:
    """Answers by key, and what is wrong by key. Empty answers and questions of other buckets are left out."""
    answers: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    for extra in questions:
        text = posted.get(extra.field, "").strip()
        if not text or not applies(extra, bucket):
            continue
        if extra.type == TEXT:
            if len(text) > MAX_TEXT:
                wrong[extra.key] = TOO_LONG
            else:
                answers[extra.key] = text
        elif text in [str(point) for point in extra.points]:
            answers[extra.key] = int(text)
        else:
            wrong[extra.key] = BAD_OPTION
    return answers, wrong


def spoken(questions: Sequence[Extra], answers: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Question and answer in words, for those who read answers; a choice is named by its option, a point by its scale."""
    found = []
    for extra in questions:
        given = answers.get(extra.key)
        if given is None:
            continue
        is_point = isinstance(given, int) and given in extra.points
        if is_point and extra.type == CHOICE:
            given = extra.options[given - 1]
        elif is_point:
            given = f"{given} of {FIVE[-1]}"
        found.append((extra.question, str(given)))
    return found
