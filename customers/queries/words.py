"""Words as search compares them: lower case, without accents, beginnings of words in any order."""

import unicodedata

from django.db.models import CharField, Func, Q, Value
from django.db.models.functions import Concat, Lower, StrIndex
from django.db.models.lookups import GreaterThan

from customers.models import ExternalId

MOST_WORDS = 6  # more are a pasted sentence, not a search
LONGEST = 100  # characters of a search that are read


class Folded(Func):
    """The same folding by the database, for names that carry no folded copy."""

    template = "regexp_replace(normalize(lower(%(expressions)s), NFKD), '[\u0300-\u036f]', '', 'g')"
    output_field = CharField()


def folded(text: str) -> str:
    """Lower case without accents and doubled spaces: "Çelik  Ärzte" is "celik arzte"."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    kept = (character for character in plain if not unicodedata.combining(character))
    return " ".join("".join(kept).split())


def folded_words(text: str) -> list[str]:
    """The words of a search, at most six; control characters are ignored."""
    printable = "".join(character if character.isprintable() else " " for character in text[:LONGEST])
    return folded(printable).split()[:MOST_WORDS]


def search_text(*parts: str) -> str:
    """What `Customer.search_text` holds: name, domain and external ids, folded, one space between words."""
    return folded(" ".join(part for part in parts if part))


def with_words(word: str, *, named: bool = True) -> Q:
    """Customers with a word that begins like this folded word.

    The searchable words hold contacts too. For readers who may not see who they are (`named` false) only the
    customer's own name, domain and ids count, so that nobody's name can be guessed by searching.
    """
    if named:
        return Q(search_text__startswith=word) | Q(search_text__contains=f" {word}")
    own = Concat(Value(" "), Folded("name"), Value(" "), Lower("domain"), output_field=CharField())
    return Q(GreaterThan(StrIndex(own, Value(f" {word}")), 0)) | Q(
        pk__in=ExternalId.objects.filter(value__istartswith=word).values("customer_id")
    )
