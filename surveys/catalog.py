"""The standard questions and every other word a contact reads, in English; `{company}` and `{subject}` are filled in."""

from dataclasses import dataclass

from surveys.choices import SurveyKind
from surveys.formulas.scales import SCALES

LANGUAGE = "en"  # of the words below
PROMPT = "What is the main reason for your score?"
THANK_YOU = "Thank you. Your answer has reached the people who look after you."
INTRO = "you work with {company}. We would like to know how we are doing, from your point of view."
PREHEADER = "It takes one click and, if you like, one sentence. A person reads every answer."


@dataclass(frozen=True)
class StandardText:
    """The words of one kind of survey."""

    question: str
    subject: str
    prompt_negative: str = ""
    prompt_neutral: str = ""
    prompt_positive: str = ""


STANDARD = {
    SurveyKind.NPS: StandardText(
        "How likely is it that you would recommend {company} to a friend or colleague?",
        "One question about {company}",
        "What is the main reason for your score, and what should we fix first?",
        "What would have to change for you to give us a 9 or 10?",
        "What do you value most about {company}?",
    ),
    SurveyKind.CSAT5: StandardText("How satisfied are you with {subject}?", "How satisfied are you?"),
    SurveyKind.CSAT7: StandardText("How satisfied are you with {subject}?", "How satisfied are you?"),
    SurveyKind.CES7: StandardText(
        "To what extent do you agree or disagree with the following statement: "
        "{company} made it easy for me to handle my issue.",
        "How easy was it with {company}?",
    ),
    SurveyKind.CES5: StandardText(
        "To what extent do you agree or disagree with the following statement: "
        "{company} made it easy for me to handle my issue.",
        "How easy was it with {company}?",
    ),
}


def standard_words(kind: str, *, company: str, subject: str = "") -> dict[str, object]:
    """Field values of a campaign text in English, placeholders filled in."""
    words = STANDARD[SurveyKind(kind)]
    given = {"company": company, "subject": subject or company}
    return {
        "question": words.question.format(**given),
        "labels": list(SCALES[kind].labels),
        "subject": words.subject.format(**given)[:60].rstrip(),
        "preheader": PREHEADER,
        "intro": INTRO.format(**given),
        "prompt": PROMPT,
        "prompt_negative": words.prompt_negative.format(**given),
        "prompt_neutral": words.prompt_neutral.format(**given),
        "prompt_positive": words.prompt_positive.format(**given),
        "thank_you": THANK_YOU,
    }
