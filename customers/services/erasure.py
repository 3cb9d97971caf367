"""Forgetting a person: what customers know of them goes at once, what other apps know follows from the row left here."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F, Min, Model, Q
from django.db.models.functions import Lower

from config.web.errors import DomainError
from config.work import audit
from config.work.models import AuditEntry, CapturedMail, OutgoingMail
from config.work.nudge import nudge
from config.work.pg import erasing, update_models
from customers.models import (
    Alert,
    BatchItem,
    Contact,
    Erasure,
    FollowUp,
    ImportBatch,
    Pulse,
    Touchpoint,
    UsageEvent,
)
from customers.services import follow_ups, search_text, staleness

ERASED = "[erased]"
NOWHERE = "erased.invalid"  # a domain that can never receive mail (RFC 2606)
# Where people write about people, per model: the columns and how a row is tied to its customer.
WORDS: dict[type[Model], tuple[str, ...]] = {
    Touchpoint: ("subject", "body"),
    Pulse: ("note",),
    FollowUp: ("title", "note", "outcome"),
    Alert: ("title",),
}


class NotErasableError(DomainError):
    code = "not_erasable"


@transaction.atomic
def erase_person(*, email: str, by: Any, now: datetime, reason: str = "") -> tuple[Erasure, dict[str, int]]:
    """Forget everybody with this address. Returns the row that other apps drain, and the rows changed per table.

    Scores, dates, customers and counts stay. Asking again, or for an unknown address, does no harm: whoever has a list
    of addresses that must not be asked puts it there all the same.
    """
    address = email.strip()
    if "@" not in address:
        raise NotErasableError(
            "This is no mail address.", hint="Give the person’s full address.", field="email"
        )
    contacts = list(
        Contact.objects.annotate(address=Lower("email")).filter(address=address.lower()).select_for_update()
    )
    changed: dict[str, int] = {}
    with erasing():
        for contact in contacts:
            _blank_words_about(contact, changed)
            _forget_use_by(contact, changed)
        _blank_log(address, contacts, changed)
    _blank_mails(address, contacts, changed)
    _blank_imports(address, contacts, changed)
    _blank_contacts(contacts, now, changed)
    customers = {contact.customer_id for contact in contacts}
    search_text.refresh(customers)
    follow_ups.refresh_summaries(customers)
    row = Erasure.objects.create(
        email=address[:254],
        reason=reason.strip()[:300],
        requested_by=by,
        requested_at=now,
        contact_ids=[contact.pk for contact in contacts],
        done={"customers": now.isoformat()},
    )
    audit.record(by=by, now=now, action="person.erased", subject=row, after={"contacts": len(contacts)})
    nudge("surveys.erase_contacts")
    return row, {name: count for name, count in changed.items() if count}


def finish(*, erasure: Erasure, app: str, now: datetime, email_hash: str = "") -> None:
    """Note that an app has forgotten the person. The last one takes the address away."""
    erasure.done[app] = now.isoformat()
    erasure.email, erasure.finished_at = "", now
    erasure.email_hash = email_hash or erasure.email_hash
    erasure.save(update_fields=["done", "email", "email_hash", "finished_at"])


def _blank_words_about(contact: Contact, changed: dict[str, int]) -> None:
    """Put a mark where the text of this customer's rows names the person."""
    names = [re.escape(contact.email)]
    if len(contact.name.split()) > 1:  # a first name alone may be anybody's
        names.append(re.escape(contact.name))
    pattern = re.compile("|".join(names), re.IGNORECASE)
    for model, columns in WORDS.items():
        mentions = Q()
        for column in columns:
            mentions |= Q(**{f"{column}__icontains": contact.email})
            if len(names) > 1:
                mentions |= Q(**{f"{column}__icontains": contact.name})
        rows = list(model._default_manager.filter(mentions, customer=contact.customer_id))
        for row in rows:
            for column in columns:
                setattr(row, column, pattern.sub(ERASED, getattr(row, column)))
        update_models(rows, list(columns))
        _count(changed, model, len(rows))


def _forget_use_by(contact: Contact, changed: dict[str, int]) -> None:
    """Events that name the person by the address go on under a name that says nothing."""
    events = UsageEvent.objects.filter(customer=contact.customer_id, user_ref__iexact=contact.email)
    first = events.aggregate(first=Min("day"))["first"]
    if first is None:
        return
    _count(changed, UsageEvent, events.update(user_ref=f"erased:{contact.pk}"))
    staleness.mark(customer_ids=[contact.customer_id], from_day=first, cause="person erased")


def _blank_log(address: str, contacts: Sequence[Contact], changed: dict[str, int]) -> None:
    """The acts stay in the log, what they said about the person does not."""
    about = Q(object_type=Contact._meta.label_lower, object_id__in=[str(contact.pk) for contact in contacts])
    naming = Q(before__icontains=address) | Q(after__icontains=address) | Q(object_label__icontains=address)
    for contact in contacts:
        if len(contact.name.split()) > 1:
            naming |= Q(object_label__icontains=contact.name)
    rows = AuditEntry.objects.filter(about | naming)
    _count(changed, AuditEntry, rows.update(before=None, after=None, object_label=ERASED))


def _blank_mails(address: str, contacts: Sequence[Contact], changed: dict[str, int]) -> None:
    """Mails to users keep no body once they left; what is left of them is the subject, and the outbox of trials."""
    naming = Q(subject__icontains=address)
    for contact in contacts:
        if contact.name.strip():
            naming |= Q(subject__icontains=contact.name)
    _count(changed, OutgoingMail, OutgoingMail.objects.filter(naming).update(subject=ERASED))
    captured = CapturedMail.objects.filter(naming | Q(recipient__iexact=address))
    _count(changed, CapturedMail, captured.delete()[0])


def _blank_imports(address: str, contacts: Sequence[Contact], changed: dict[str, int]) -> None:
    """An import can no longer take back what it did to the person, and its list of problems forgets the address."""
    items = BatchItem.objects.filter(
        object_type="contact", object_id__in=[contact.pk for contact in contacts]
    )
    _count(changed, BatchItem, items.delete()[0])
    pattern = re.compile(re.escape(address), re.IGNORECASE)
    batches = list(ImportBatch.objects.filter(errors__icontains=address))
    for batch in batches:
        batch.errors = _without(batch.errors, pattern)
        batch.save(update_fields=["errors"])
    _count(changed, ImportBatch, len(batches))


def _without(value: Any, pattern: re.Pattern[str]) -> Any:
    if isinstance(value, str):
        return pattern.sub(ERASED, value)
    if isinstance(value, list):
        return [_without(each, pattern) for each in value]
    if isinstance(value, dict):
        return {key: _without(each, pattern) for key, each in value.items()}
    return value


def _blank_contacts(contacts: Sequence[Contact], now: datetime, changed: dict[str, int]) -> None:
    for contact in contacts:
        Contact.objects.filter(pk=contact.pk).update(
            email=f"erased-{contact.pk}@{NOWHERE}",
            name="",
            external_id="",
            time_zone="",
            legal_basis="",
            legal_basis_on=None,
            legal_basis_source="",
            do_not_survey=True,
            erased_at=now,
            version=F("version") + 1,
        )
    _count(changed, Contact, len(contacts))


def _count(changed: dict[str, int], model: type[Model], rows: int) -> None:
    changed[model._meta.db_table] = changed.get(model._meta.db_table, 0) + rows
