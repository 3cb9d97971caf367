"""Everything Tend knows of one person, for a request of access (S-141)."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import Model

from accounts.models import User
from config.work import audit
from customers.models import Contact, Touchpoint
from surveys.formulas.addresses import address_key
from surveys.models import Case, Invitation, Response, Suppression
from surveys.services.addresses import hasher

PERSON = ("email", "name", "role", "language", "time_zone", "do_not_survey", "legal_basis", "legal_basis_on")
INVITED = ("email_norm", "language", "response_state", "created_at", "expires_at")
MAILED = ("kind", "seq", "delivery_state", "accepted_at", "skip_reason")
REVISED = ("number", "score", "comment", "wants_contact", "extra", "occurred_at", "recorded_at")


def subject_export(*, contact: Contact, by: User, now: datetime) -> dict[str, Any]:
    """One document: the person, invitations with mails, answers with revisions, cases, suppressions, touchpoints."""
    audit.record(by=by, now=now, action="person.exported", subject=contact)
    key = address_key(contact.email)
    listed = Suppression.objects.filter(email_hash=hasher()(key)) if key else Suppression.objects.none()
    answers = Response.objects.filter(contact=contact).prefetch_related("revisions").order_by("pk")
    invitations = Invitation.objects.filter(contact=contact).prefetch_related("messages").order_by("pk")
    cases = Case.objects.filter(contact=contact).prefetch_related("events").order_by("pk")
    return {
        "as_of": now.isoformat(),
        "person": _fields(contact, (*PERSON, "legal_basis_source", "left_on"))
        | {"customer": contact.customer.name},
        "invitations": [
            _fields(one, INVITED) | {"mails": [_fields(mail, MAILED) for mail in one.messages.all()]}
            for one in invitations
        ],
        "answers": [
            {"kind": one.kind, "channel": one.channel, "status": one.status}
            | {"scale": [one.scale_min, one.scale_max]}
            | {"revisions": [_fields(each, REVISED) for each in one.revisions.all()]}
            for one in answers
        ],
        "cases": [
            _fields(one, ("state", "opened_at", "closed_at", "outcome"))
            | {"events": [_fields(each, ("kind", "note", "occurred_at")) for each in one.events.all()]}
            for one in cases
        ],
        "suppressions": [_fields(one, ("scope", "reason", "occurred_at", "lifted_at")) for one in listed],
        "touchpoints": _rows(
            Touchpoint.objects.current().filter(contact=contact).order_by("pk"),
            ("occurred_at", "kind", "direction", "subject", "body"),
        ),
    }


def _rows(rows: Iterable[Model], names: Iterable[str]) -> list[dict[str, Any]]:
    wanted = tuple(names)
    return [_fields(row, wanted) for row in rows]


def _fields(row: Model, names: Iterable[str]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}
