"""The words a campaign starts with, in every language of the catalogue."""

from surveys.words import catalogue

LANGUAGE = catalogue.DEFAULT  # what a campaign speaks until it is given further languages
MAX_SUBJECT = 60  # characters


def standard_words(
    kind: str, *, company: str, subject: str = "", language: str = LANGUAGE
) -> dict[str, object]:
    """Field values of a campaign text in that language, names filled in.

    `subject` is what a CSAT asks about; without it, the company.
    """
    words = catalogue.words(language)
    of_kind = words.kinds[kind]
    given = {"company": catalogue.plain(company), "subject": catalogue.plain(subject or company)}
    return {
        "question": of_kind.question.format(**given),
        "labels": list(of_kind.labels),
        "subject": of_kind.subject.format(**given)[:MAX_SUBJECT].rstrip(),
        "preheader": words.preheader,
        "intro": words.intro.format(**given),
        "prompt": words.prompt,
        "prompt_negative": of_kind.prompt_negative.format(**given),
        "prompt_neutral": of_kind.prompt_neutral.format(**given),
        "prompt_positive": of_kind.prompt_positive.format(**given),
        "thank_you": words.thank_you,
    }
