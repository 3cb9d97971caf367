"""Creating, changing and archiving customers."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, TypedDict, Unpack

from django.db import IntegrityError, transaction
from django.db.models import F

from accounts.models import User
from accounts.queries import organisation
from config.web.errors import DomainError
from config.work import audit
from customers.choices import Attribute
from customers.models import Customer, ExternalId
from customers.services import (
    assignments,
    attributes,
    custom_fields,
    field_values,
    search_text,
    staleness,
    summaries,
)
from customers.services.field_values import Written
from customers.services.locks import lock_customers

SOURCE = "import"  # external ids that no other system is named for


class EditedMeanwhileError(DomainError):
    """The row has changed since the person read it."""

    code = "edited_meanwhile"


class ExternalIdTakenError(DomainError):
    """The id belongs to another customer."""

    code = "external_id_taken"


class CustomerFields(TypedDict, total=False):
    """What people may set on a customer."""

    name: str
    domain: str
    industry: str
    country: str
    currency: str
    time_zone: str
    created_on: date | None
    segment: str
    tier: str
    region: str
    phase: str
    phase_since: date | None
    parent: Customer | None
    custom: Mapping[str, Any]


PLAIN_FIELDS = ("name", "domain", "industry", "country", "currency", "time_zone", "created_on")


@transaction.atomic
def create_customer(
    *,
    by: Any,
    now: datetime,
    owner: User | None = None,
    owner_from: date | None = None,
    external_ids: Mapping[str, str] | None = None,
    **fields: Unpack[CustomerFields],
) -> Customer:
    """A new customer with its dated attributes, external ids {source: id} and, if named, its primary CSM."""
    today = organisation.local_day(now)
    since = fields.get("created_on") or today
    plain = {name: fields[name] for name in PLAIN_FIELDS if name in fields}  # type: ignore[literal-required]
    customer = Customer(
        **plain, custom=custom_fields.merged({}, custom_fields.checked(fields.get("custom", {})))
    )
    customer.save()
    field_values.note([Written(customer.pk, {}, customer.custom, today)], recorded_by=by)
    summaries.ensure([customer.pk])
    for source, value in (external_ids or {}).items():
        add_external_id(customer=customer, source=source, value=value)
    values = _attribute_values(customer, fields, since)
    attributes.set_attributes(values=values, by=by, now=now)
    if owner is not None:
        assignments.assign(customer=customer, user=owner, from_on=owner_from or since, by=by, now=now)
    search_text.refresh([customer.pk])
    audit.record(by=by, now=now, action="customer.created", subject=customer, after={"name": customer.name})
    staleness.mark(customer_ids=[customer.pk], from_day=since, cause="customer")
    customer.refresh_from_db()
    return customer


@transaction.atomic
def update_customer(
    *, customer: Customer, version: int, changes: CustomerFields, by: Any, now: datetime
) -> Customer:
    """Change a customer the person read at `version`; an older version is an EditedMeanwhileError.

    Attributes hold from today on (the phase from `phase_since` if given).
    """
    lock_customers([customer.pk])
    stored = Customer.objects.get(pk=customer.pk)
    if stored.version != version:
        raise EditedMeanwhileError(
            f"Somebody else has saved {stored.name} meanwhile.",
            hint="Look at the new values and save yours again if they still hold.",
        )
    before = _images(stored)
    for name in PLAIN_FIELDS:
        if name in changes:
            setattr(stored, name, changes[name])  # type: ignore[literal-required]
    if "custom" in changes:
        stored.custom = custom_fields.merged(stored.custom, custom_fields.checked(changes["custom"]))
    stored.version, stored.updated_at = version + 1, now
    stored.save()
    written = Written(stored.pk, before["custom"], stored.custom, organisation.local_day(now))
    field_values.note([written], recorded_by=by)
    values = _attribute_values(stored, changes, organisation.local_day(now))
    attributes.set_attributes(values=values, by=by, now=now)
    search_text.refresh([stored.pk])
    stored.refresh_from_db()
    _record_changes(stored, before, by=by, now=now)
    return stored


@transaction.atomic
def archive_customer(*, customer: Customer, by: Any, now: datetime) -> Customer:
    """Take a customer out of lists; its facts and numbers stay."""
    return _set_archived(customer, now, "customer.archived", by=by, now=now)


@transaction.atomic
def restore_customer(*, customer: Customer, by: Any, now: datetime) -> Customer:
    """Bring an archived customer back."""
    return _set_archived(customer, None, "customer.restored", by=by, now=now)


def add_external_id(*, customer: Customer, source: str, value: str) -> ExternalId:
    """Remember a customer's id in another system; ids are never changed, and one id belongs to one customer."""
    try:
        with transaction.atomic():
            return ExternalId.objects.create(customer=customer, source=source, value=value)
    except IntegrityError as error:
        raise ExternalIdTakenError(
            f"The id “{value}” of {source} belongs to another customer.",
            hint="Look for that customer before making a new one.",
            field="external_id",
        ) from error


def _attribute_values(customer: Customer, fields: CustomerFields, from_on: date) -> list[attributes.NewValue]:
    values = []
    for key in Attribute.values:
        if key in fields:
            given: Any = fields[key]  # type: ignore[literal-required]
            text = str(given.pk) if isinstance(given, Customer) else given or ""
            since = fields.get("phase_since") if key == Attribute.PHASE else None
            values.append(attributes.NewValue(customer.pk, key, text, since or from_on))
    return values


def _set_archived(
    customer: Customer, moment: datetime | None, action: str, *, by: Any, now: datetime
) -> Customer:
    lock_customers([customer.pk])
    Customer.objects.filter(pk=customer.pk).update(
        archived_at=moment, updated_at=now, version=F("version") + 1
    )
    customer.refresh_from_db()
    audit.record(by=by, now=now, action=action, subject=customer)
    staleness.mark(customer_ids=[customer.pk], from_day=organisation.local_day(now), cause="customer")
    return customer


def _images(customer: Customer) -> dict[str, Any]:
    names = [*PLAIN_FIELDS, "segment", "tier", "region", "phase", "parent_id", "custom"]
    values = {name: getattr(customer, name) for name in names}
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in values.items()}


def _record_changes(customer: Customer, before: dict[str, Any], *, by: Any, now: datetime) -> None:
    after = _images(customer)
    changed = [name for name in after if after[name] != before[name]]
    audit.record(
        by=by,
        now=now,
        action="customer.updated",
        subject=customer,
        before={name: before[name] for name in changed},
        after={name: after[name] for name in changed},
    )
    staleness.mark(customer_ids=[customer.pk], from_day=organisation.local_day(now), cause="customer")
