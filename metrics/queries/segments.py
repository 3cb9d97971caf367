"""Groups of customers for breakdowns: by an attribute, the CSM, or a custom field, as it is today."""

from collections import defaultdict

from django.db.models import F, QuerySet, Value
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Coalesce

from customers.models import Customer
from customers.queries.access import everybody

UNKNOWN = "unknown"  # customers without a value; shown, so that the parts add up to the whole
FIELDS = {
    "segment": "segment",
    "tier": "tier",
    "industry": "industry",
    "region": "region",
    "country": "country",
    "currency": "currency",
    "lifecycle_phase": "phase",
    "csm_email": "summary__owner__email",
    "plan": "summary__plan",
    "band": "summary__band",
}
CUSTOM = "cf_"


class UnknownFieldError(ValueError):
    """Customers have no such field."""


def field_names() -> list[str]:
    """Fields that a breakdown may name, besides custom fields as cf_<key>."""
    return sorted(FIELDS)


def groups_by(field: str) -> dict[str, list[int]]:
    """{value: customer ids} over all customers; no value = "unknown". An unknown field is an UnknownFieldError."""
    groups: dict[str, list[int]] = defaultdict(list)
    for pk, value in _valued(field).order_by("pk").values_list("pk", "group"):
        groups[value or UNKNOWN].append(pk)
    return dict(sorted(groups.items()))


def customers_with(field: str, value: str) -> list[int]:
    """Ids of the customers whose field has this value today; "unknown" finds those without."""
    return groups_by(field).get(value, [])


def _valued(field: str) -> QuerySet[Customer]:
    if field.startswith(CUSTOM):
        expression = KeyTextTransform(field.removeprefix(CUSTOM), "custom")
    elif field in FIELDS:
        expression = F(FIELDS[field])
    else:
        raise UnknownFieldError(field)
    return everybody().annotate(group=Coalesce(expression, Value("")))
