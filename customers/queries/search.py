"""Global search: customers by name, domain and external id, contacts by name and address, within the scope."""

from dataclasses import dataclass
from typing import Any

from django.db.models import CharField, Q, Value
from django.db.models.functions import Concat, Lower

from accounts.models import User
from accounts.permissions import may_see_identities
from customers.models import Contact
from customers.queries.access import customers_for
from customers.queries.portfolio import TONE
from customers.queries.words import Folded, folded_words, with_words

PER_GROUP = 8
FEWEST_LETTERS = 2  # one letter matches half of a company's customers


@dataclass(frozen=True)
class Hits:
    """What was found, at most eight of a kind; `words` are the folded words that were looked for."""

    words: tuple[str, ...] = ()
    customers: tuple[Any, ...] = ()
    contacts: tuple[Any, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not self.customers and not self.contacts


def search(user: User, text: str) -> Hits:
    """Customers and contacts whose words begin with the words of `text`, in any order.

    Contacts are left out for people who may not see who they are, so that no name can be guessed by searching.
    """
    words = folded_words(text)
    if sum(len(word) for word in words) < FEWEST_LETTERS:
        return Hits(tuple(words))
    scope = customers_for(user)
    found = scope.active().annotate(tone=TONE)
    for word in words:
        found = found.filter(with_words(word), with_words(word, named=False))
    customers = found.order_by(Lower("name"), "pk").values(
        "pk", "name", "domain", "tone", "summary__score", "summary__band_label"
    )
    return Hits(
        words=tuple(words),
        customers=tuple(customers[:PER_GROUP]),
        contacts=_contacts(scope, words) if may_see_identities(user) else (),
    )


def _contacts(scope: Any, words: list[str]) -> tuple[Any, ...]:
    spaced = Concat(Value(" "), Folded("name"), output_field=CharField())
    people = Contact.objects.filter(customer__in=scope.active(), erased_at=None).annotate(spaced=spaced)
    for word in words:
        people = people.filter(Q(spaced__contains=f" {word}") | Q(email__istartswith=word))
    rows = people.order_by("spaced", "pk").values(
        "pk", "name", "email", "role", "customer_id", "customer__name"
    )
    return tuple(rows[:PER_GROUP])
