"""Breakdowns by an attribute, the CSM, the plan or a custom field: dated values, so that a handover moves no history."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime

from django.db.models import F, QuerySet, Value
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Coalesce

from customers.models import Customer
from customers.queries.access import everybody
from metrics.formulas.definition import Definition
from metrics.formulas.periods import Period
from metrics.queries import definitions
from metrics.queries.spans import Span, ids_of, reading_of, span_days, span_of
from metrics.queries.usage_windows import Ids
from metrics.sql.segments import segment_totals

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


def segment_spans(
    field: str,
    periods: Sequence[Period],
    *,
    as_of: date,
    customers: Ids = None,
    definition: Definition | None = None,
    known_at: datetime | None = None,
) -> dict[str, list[Span]]:
    """{value: one span per period}; the values of a period sum to the period's totals (G-14, S-1 to S-4).

    Customers without a value on a day are "unknown". An unknown field is an UnknownFieldError.
    """
    if field not in FIELDS and not field.startswith(CUSTOM):
        raise UnknownFieldError(field)
    close_days = [min(period.last_day, as_of) for period in periods]
    found = segment_totals(
        field,
        span_days(periods, close_days),
        ids=ids_of(customers),
        reading=reading_of(definition or definitions.current()),
        known_at=known_at,
    )
    return {
        value: [
            span_of(period, close_on, parts.get(no, {}))
            for no, (period, close_on) in enumerate(zip(periods, close_days, strict=True))
        ]
        for value, parts in found.items()
    }


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
