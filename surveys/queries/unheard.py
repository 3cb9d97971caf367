"""Who does not answer: contacts and customers silent in two waves (VO-1)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Exists, F, Max, Min, OuterRef, Q, QuerySet, Value

from customers.models import Contact
from customers.queries.access import customers_for, customers_to_edit
from surveys.choices import MessageKind, ResponseState
from surveys.formulas.weighting import role_key
from surveys.models import Invitation
from surveys.queries.results import mails_not_accepted
from surveys.queries.silence import KEY_ROLE

WAVES = 2  # asked so often without an answer
LISTED = 200
HEARD = (ResponseState.ANSWERED, ResponseState.LOCKED, ResponseState.ANONYMISED, ResponseState.SUSPECT)


@dataclass(frozen=True)
class SilentContact:
    """A contact whose last `waves` invitations brought no answer; `looked` when a link was opened."""

    contact: Contact
    waves: int
    looked: bool
    last_at: datetime

    @property
    def is_key(self) -> bool:
        return role_key(self.contact.role) == KEY_ROLE


def _asked(customers: QuerySet[Any] | Sequence[int]) -> QuerySet[Invitation]:
    """Invitations of these customers' people whose mail was accepted; those of anonymous surveys have people too."""
    rows = Invitation.objects.filter(customer__in=customers, contact__isnull=False, is_test=False)
    return rows.exclude(Exists(mails_not_accepted().filter(invitation=OuterRef("pk"))))


def _silent(rows: QuerySet[Invitation], group: str) -> QuerySet[Any]:
    """Groups that never answered, asked in two waves or more: the first is not the last."""
    return (
        rows.order_by()
        .values(group)
        .annotate(
            first_wave=Min("wave"),
            last_wave=Max("wave"),
            heard=Count(Value(1), filter=Q(response_state__in=HEARD)),
        )
        .filter(first_wave__lt=F("last_wave"), heard=0)
        .values(group)
    )


def silent_contacts(user: Any, *, as_of: datetime) -> list[SilentContact]:
    """Contacts of the reader's own customers asked in two waves without an answer, decision makers first."""
    asked = _asked(customers_to_edit(user).active()).filter(contact__left_on=None, contact__erased_at=None)
    rows = (
        asked.filter(
            contact__in=_silent(asked, "contact"),
            messages__kind=MessageKind.FIRST,
            messages__accepted_at__lte=as_of,
        )
        .order_by()
        .values("contact")
        .annotate(
            waves=Count("wave", distinct=True),
            last_at=Max("messages__accepted_at"),
            looked=Count(Value(1), filter=Q(response_state=ResponseState.VISITED)),
        )
        .filter(waves__gte=WAVES)
        .order_by("-last_at", "contact")[:LISTED]
    )
    listed = list(rows)
    people = Contact.objects.select_related("customer__summary").in_bulk([row["contact"] for row in listed])
    found = [
        SilentContact(people[row["contact"]], row["waves"], bool(row["looked"]), row["last_at"])
        for row in listed
    ]
    return sorted(found, key=lambda line: not line.is_key)


def silent_customers(user: Any, *, as_of: datetime) -> list[tuple[Any, int]]:
    """Customers in the reader's scope asked in two waves of which nobody answered, with the number of people asked."""
    mine = customers_for(user).active()
    asked = _asked(mine)
    silent = mine.filter(pk__in=_silent(asked, "customer")).select_related("summary")
    found = list(silent.order_by("-summary__mrr", "name")[:LISTED])
    mailed = asked.filter(
        customer__in=[customer.pk for customer in found],
        messages__kind=MessageKind.FIRST,
        messages__accepted_at__lte=as_of,
    )
    counts = mailed.order_by().values_list("customer").annotate(people=Count("contact", distinct=True))
    people = dict(counts)
    return [(customer, people[customer.pk]) for customer in found if customer.pk in people]
