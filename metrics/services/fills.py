"""The note of the last company-wide fill."""

from dataclasses import dataclass
from datetime import date, datetime

from metrics.models import RollupFill
from metrics.queries import definitions
from metrics.queries.freshness import REVENUE, currency_and_zone


@dataclass(frozen=True, slots=True)
class Basis:
    """What numbers are made under: the reporting currency, the zone, and the number of the definition."""

    currency: str
    time_zone: str
    definition: int


def basis_in_force() -> Basis:
    """The basis of whatever is computed from now on."""
    return Basis(*currency_and_zone(), definitions.current_number())


def note_fill(
    *, as_of: date, now: datetime, checksum: str, rollup: str = REVENUE, basis: Basis | None = None
) -> None:
    """Say when, up to which day and on which basis the company's months were filled (or compared).

    `basis` is the one all customers were computed under: the one in force unless given.
    """
    basis = basis or basis_in_force()
    RollupFill.objects.update_or_create(
        rollup=rollup,
        defaults={
            "as_of": as_of,
            "filled_at": now,
            "currency": basis.currency,
            "time_zone": basis.time_zone,
            "definition": basis.definition,
            "checksum": checksum,
        },
    )
