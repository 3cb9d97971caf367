"""Typed fields that an organisation adds to its customers, checked at every door."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db import transaction

from config.web.errors import DomainError
from config.work import audit
from customers.choices import CustomFieldType
from customers.models import CustomField

LONGEST_TEXT = 2000  # characters of a text value
LARGEST = Decimal(10) ** 12
YES, NO = frozenset({"yes", "true", "1", "y"}), frozenset({"no", "false", "0", "n"})


class CustomFieldError(DomainError):
    """A value does not fit its field."""

    code = "custom_field"


@transaction.atomic
def define_custom_field(
    *,
    key: str,
    label: str,
    kind: str,
    by: Any,
    now: datetime,
    unit: str = "",
    options: Sequence[str] = (),
) -> CustomField:
    """Add a field; imports call it `cf_<key>`. Its type never changes, so that stored values stay readable."""
    if kind not in CustomFieldType.values:
        raise CustomFieldError(
            f"There is no field type “{kind}”.", hint=f"Use one of {', '.join(CustomFieldType.values)}."
        )
    if kind == CustomFieldType.CHOICE and not options:
        raise CustomFieldError(
            "A choice needs at least one option.", hint="List the options.", field="options"
        )
    if CustomField.objects.filter(key=key).exists():
        raise CustomFieldError(f"There is a field “{key}” already.", hint="Choose another key.", field="key")
    field = CustomField.objects.create(key=key, label=label, kind=kind, unit=unit, options=list(options))
    audit.record(
        by=by, now=now, action="custom_field.defined", subject=field, after={"key": key, "kind": kind}
    )
    return field


def active_fields() -> dict[str, CustomField]:
    """The fields in use, by key."""
    return {field.key: field for field in CustomField.objects.filter(is_archived=False)}


def checked(values: Mapping[str, Any], fields: Mapping[str, CustomField] | None = None) -> dict[str, Any]:
    """Values as they are stored: numbers and days as text, yes or no as booleans; None takes a value away."""
    known = active_fields() if fields is None else fields
    return {key: _checked_one(key, value, known) for key, value in values.items()}


def merged(stored: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Stored values with checked changes laid over them; None removes."""
    return {key: value for key, value in {**stored, **changes}.items() if value is not None}


def _checked_one(key: str, value: Any, fields: Mapping[str, CustomField]) -> Any:
    field = fields.get(key)
    if field is None:
        raise CustomFieldError(
            f"There is no custom field “{key}”.",
            hint="Define it under Settings, Custom fields.",
            field=f"cf_{key}",
        )
    if value is None or value == "":
        return None
    try:
        return _CHECKS[CustomFieldType(field.kind)](value, field)
    except ValueError as error:
        raise CustomFieldError(f"{field.label}: {error}", field=f"cf_{key}") from error


def _text(value: Any, _field: CustomField) -> str:
    text = str(value).strip()
    if len(text) > LONGEST_TEXT:
        raise ValueError(f"longer than {LONGEST_TEXT} characters.")
    return text


def _number(value: Any, _field: CustomField) -> str:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise ValueError("not a plain number, such as 1250.50.") from None
    if not str(value).isascii() or "_" in str(value) or not number.is_finite() or abs(number) >= LARGEST:
        raise ValueError("not a plain number, such as 1250.50.")
    return format(number, "f")


def _day(value: Any, _field: CustomField) -> str:
    try:
        return (value if isinstance(value, date) else date.fromisoformat(str(value))).isoformat()
    except ValueError:
        raise ValueError("not a day, such as 2026-01-31.") from None


def _choice(value: Any, field: CustomField) -> str:
    if value not in field.options:
        raise ValueError(f"“{value}” is not one of {', '.join(field.options)}.")
    return str(value)


def _yes_or_no(value: Any, _field: CustomField) -> bool:
    word = str(value).strip().lower()
    if word not in YES | NO:
        raise ValueError("say yes or no.")
    return word in YES


_CHECKS = {
    CustomFieldType.TEXT: _text,
    CustomFieldType.NUMBER: _number,
    CustomFieldType.MONEY: _number,
    CustomFieldType.DATE: _day,
    CustomFieldType.CHOICE: _choice,
    CustomFieldType.BOOLEAN: _yes_or_no,
}
