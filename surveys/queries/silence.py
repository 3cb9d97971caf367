"""Contacts who matter and never look at our mails (S-207)."""

from datetime import datetime

from django.db.models import Exists, OuterRef

from customers.models import Contact, Customer
from surveys.choices import ACCEPTED, MessageKind, ResponseState
from surveys.models import Invitation, LinkToken, Message, Visit

KEY_ROLE = "decision maker"
INVITED = 2  # the newest invitations that must have met silence
SILENT = (ResponseState.NONE, ResponseState.EXPIRED)


def silent_key_contacts(customer: Customer, *, as_of: datetime) -> list[Contact]:
    """Decision makers whose two newest invitations reached the mail server and met neither a look nor an answer.

    Looks are kept for a while only; a look at an older invitation shows in its state until its link ends.
    """
    sent = Message.objects.filter(
        invitation=OuterRef("pk"),
        kind=MessageKind.FIRST,
        delivery_state__in=ACCEPTED,
        accepted_at__lte=as_of,
    )
    looks = Visit.objects.filter(
        token__in=LinkToken.objects.filter(message__invitation=OuterRef(OuterRef("pk"))).values("sha256"),
        is_automatic=False,
    )
    invitations = (
        Invitation.objects.filter(
            Exists(sent), customer=customer, contact__role__iexact=KEY_ROLE, is_test=False
        )
        .annotate(was_looked_at=Exists(looks))
        .order_by("contact", "-created_at", "-pk")
    )
    per_contact: dict[int, list[bool]] = {}
    for pk, state, looked in invitations.values_list("contact", "response_state", "was_looked_at"):
        per_contact.setdefault(pk, []).append(state in SILENT and not looked)
    silent = [pk for pk, met in per_contact.items() if len(met) >= INVITED and all(met[:INVITED])]
    return list(Contact.objects.filter(pk__in=silent, left_on=None, erased_at=None).order_by("pk"))
