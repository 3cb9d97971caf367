"""The definition of the metrics: which version is in force, and what earlier ones said."""

from dataclasses import replace

from accounts.queries import organisation
from metrics.formulas.definition import DEFAULT, Definition, with_values
from metrics.models import DefinitionVersion


def current() -> Definition:
    """The definition in force, in the organisation's time zone and currency; without a version the defaults."""
    row = newest()
    base = with_values(DEFAULT, row.config) if row else DEFAULT
    company = organisation.current()
    return replace(base, timezone=company.time_zone, reporting_currency=company.currency)


def newest() -> DefinitionVersion | None:
    """The version with the highest number, or None before anything was published."""
    return DefinitionVersion.objects.order_by("-number").first()


def current_number() -> int:
    """Number of the version in force; 0 stands for the defaults."""
    row = newest()
    return row.number if row else 0


def of_version(number: int) -> Definition:
    """What a version said; 0 is the defaults."""
    row = DefinitionVersion.objects.filter(number=number).first()
    return with_values(DEFAULT, row.config) if row else DEFAULT
