"""Who does not answer: contacts and customers silent in two waves (VO-1)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Max, Q, QuerySet

from customers.models import Contact
from customers.queries.access import customers_for, customers_to_edit
from surveys.choices import ACCEPTED, MessageKind, ResponseState
from surveys.formulas.weighting import role_key
from surveys.models import Invitation
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


def _asked(customers: QuerySet[Any] | Sequence[int], as_of: datetime) -> QuerySet[Invitation]:
    """Invitations of these customers that were mailed by then and are not answered anonymously."""
    return Invitation.objects.filter(
        customer__in=customers,
        contact__isnull=False,
        is_test=False,
        messages__kind=MessageKind.FIRST,
        messages__delivery_state__in=ACCEPTED,
        messages__accepted_at__lte=as_of,
    )


def _silent(rows: QuerySet[Invitation]) -> QuerySet[Any]:
    """Per contact: invitations, the last of them, whether a link was opened; those who never answered, asked twice."""
    return (
        rows.filter(contact__left_on=None, contact__erased_at=None)
        .order_by()
        .values("contact")
        .annotate(
            waves=Count("wave", distinct=True),
            last_at=Max("messages__accepted_at"),
            looked=Count("pk", filter=Q(response_state=ResponseState.VISITED)),
            heard=Count("pk", filter=Q(response_state__in=HEARD)),
        )
        .filter(waves__gte=WAVES, heard=0)
    )


def silent_contacts(user: Any, *, as_of: datetime) -> list[SilentContact]:
    """Contacts of the reader's own customers asked in two waves without an answer, decision makers first."""
    rows = list(
        _silent(_asked(customers_to_edit(user).active(), as_of)).order_by("-last_at", "contact")[:LISTED]
    )
    people = Contact.objects.select_related("customer__summary").in_bulk([row["contact"] for row in rows])
    found = [
        SilentContact(people[row["contact"]], row["waves"], bool(row["looked"]), row["last_at"])
        for row in rows
    ]
    return sorted(found, key=lambda line: not line.is_key)


def silent_customers(user: Any, *, as_of: datetime) -> list[tuple[Any, int]]:
    """Customers in the reader's scope asked in two waves of which nobody answered, with the number of people asked."""
    mine = customers_for(user).active()
    rows = (
        _asked(mine, as_of)
        .order_by()
        .values("customer")
        .annotate(
            waves=Count("wave", distinct=True),
            people=Count("contact", distinct=True),
            heard=Count("pk", filter=Q(response_state__in=HEARD)),
        )
        .filter(waves__gte=WAVES, heard=0)
    )
    people = {row["customer"]: row["people"] for row in rows}
    found = (
        mine.filter(pk__in=list(people)).select_related("summary").order_by("-summary__mrr", "name")[:LISTED]
    )
    return [(customer, people[customer.pk]) for customer in found]
