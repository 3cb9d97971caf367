"""Which topics a comment speaks of, and what a topic does to a score (S-208). Words alone, nothing leaves the machine."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from surveys.formulas.weighting import Tally, own_score

LONGEST_TERM = 60
MOST_TERMS = 40  # per language; more would be a thesaurus


def folded(text: str) -> str:
    """Text without case and accents: "Élan" and "elan" are one, "ß" is "ss"."""
    parts = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in parts if not unicodedata.combining(char))


@dataclass(frozen=True)
class Words:
    """The terms of a topic, ready to be looked for: each is the beginning of a word, or of several in a row."""

    pattern: re.Pattern[str] | None
    term_of: Mapping[str, str]

    def found_in(self, comment: str) -> list[str]:
        """The terms that a comment holds, in the order of the list."""
        if self.pattern is None:
            return []
        seen = {self.term_of[_spaced(hit)] for hit in self.pattern.findall(folded(comment))}
        return [term for term in dict.fromkeys(self.term_of.values()) if term in seen]


def words_of(terms: Mapping[str, Iterable[str]]) -> Words:
    """All terms of all languages: a comment is often not in the language of the mail."""
    term_of = {_spaced(folded(term)): term for listed in terms.values() for term in listed}
    term_of.pop("", None)
    if not term_of:
        return Words(None, {})
    # Longer terms first, so that "time out" is not taken for "time".
    choices = "|".join(
        re.escape(term).replace(r"\ ", r"\s+") for term in sorted(term_of, key=len, reverse=True)
    )
    return Words(re.compile(rf"(?<!\w)(?:{choices})"), term_of)


def _spaced(text: str) -> str:
    return " ".join(text.split())


@dataclass(frozen=True)
class Effect:
    """A topic among answers: how many name it, their share, and what the score would be without them."""

    n: int
    share: Decimal
    mean: Decimal | None
    without: Decimal | None
    impact: Decimal | None


def effect(everything: Tally, held: Tally, *, least: int, is_share: bool = False) -> Effect | None:
    """Count, share, mean and impact = score(all) - score(without the topic); None below `least` answers with it.

    With fewer than `least` answers on the other side there is no score to compare with, so no impact (S-27).
    """
    if not everything.n or held.n < least:
        return None
    others = Tally(
        everything.n - held.n,
        everything.happy - held.happy,
        everything.unhappy - held.unhappy,
        everything.total - held.total,
    )
    whole, without = own_score(everything, is_share=is_share), own_score(others, is_share=is_share)
    enough = others.n >= least and whole is not None and without is not None
    return Effect(
        n=held.n,
        share=Decimal(100 * held.n) / everything.n,
        mean=Decimal(held.total) / held.n,
        without=without if enough else None,
        impact=whole - without if enough and whole is not None and without is not None else None,
    )
