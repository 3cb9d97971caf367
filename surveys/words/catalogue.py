"""The languages Tend speaks to contacts, and how their words are filled in."""

import re
from types import MappingProxyType

from surveys.words import ar, de, en, es, fr
from surveys.words.form import Words

DEFAULT = "en"
_ALL = MappingProxyType({"en": en.WORDS, "de": de.WORDS, "fr": fr.WORDS, "es": es.WORDS, "ar": ar.WORDS})
# Marks that turn the reading direction of what follows, and control characters: no name or address needs them.
_TURNS = re.compile("[\u0000-\u0008\u000b-\u001f\u007f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class MissingValueError(Exception):
    """A word was shown without what it names in braces; an error of ours, not of a reader."""


def languages() -> tuple[str, ...]:
    """Codes of the languages that have every word, English first."""
    return tuple(_ALL)


def known(language: str) -> str:
    """The language itself when it has words, else its base language, else English."""
    base = language.lower().partition("-")[0]
    return base if base in _ALL else DEFAULT


def words(language: str) -> Words:
    """All fixed words of that language; of English where the language is unknown."""
    return _ALL[known(language)]


def direction(language: str) -> str:
    """`ltr` or `rtl`."""
    return words(language).direction


def plain(value: object) -> str:
    """A name or address as it may stand in a sentence: one line, and nothing in it turns the reading direction."""
    return " ".join(_TURNS.sub("", str(value)).split())


class Spoken:
    """Words of one language with their values put in, for templates: `{{ say.hello }}`."""

    def __init__(self, language: str, **values: object) -> None:
        self.language = known(language)
        self.words = words(language)
        self._values = {name: plain(value) for name, value in values.items()}

    def __getitem__(self, name: str) -> str:
        text = getattr(self.words, name)
        try:
            return str(text).format_map(self._values)
        except KeyError as error:
            raise MissingValueError(f"{name} needs {error}") from error

    def also(self, **values: object) -> "Spoken":
        """The same words with further values."""
        return Spoken(self.language, **self._values, **values)
