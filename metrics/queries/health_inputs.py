"""The door to readings: what the arithmetic gets to see of a customer at a day."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from metrics.formulas.health import Reading, Subject
from metrics.formulas.health_cards import WeightedCard, body_hash
from metrics.formulas.health_measures import REASONS, measure_of
from metrics.models import CurrentReading

DAY_ZERO = date(2000, 1, 1)  # packed days count from here


@dataclass(frozen=True, slots=True)
class PackedReadings:
    """All readings of one customer in slot order: values in millionths, days from 2000-01-01, reason numbers."""

    customer_id: int
    values: list[int | None]
    days: list[int | None]
    reasons: list[int]
    phase: str
    tenure_months: int | None
    as_of: date


def readings_matrix(customer_ids: Iterable[int] | None = None) -> list[PackedReadings]:
    """The current readings of these customers (None: all), by customer id."""
    rows = CurrentReading.objects.order_by("customer_id")
    if customer_ids is not None:
        rows = rows.filter(customer_id__in=list(customer_ids))
    columns = ("customer_id", "values", "days", "reasons", "phase", "tenure_months", "as_of")
    return [PackedReadings(*row) for row in rows.values_list(*columns)]


def inputs_of(packed: PackedReadings, card: WeightedCard) -> dict[str, Any]:
    """The receipt of a score: every reading of the card in card order, and what picks the curves."""
    readings = []
    for measure in card.measures:
        slot = measure_of(measure.key, measure.version).slot
        value, day = packed.values[slot], packed.days[slot]
        readings.append(
            {
                "measure": measure.key,
                "version": measure.version,
                "value": value,
                "as_of": None if day is None else (DAY_ZERO + timedelta(days=day)).isoformat(),
                "reason": REASONS[packed.reasons[slot]],
            }
        )
    return {"readings": readings, "phase": packed.phase, "tenure_months": packed.tenure_months}


def arithmetic_of(inputs: dict[str, Any], as_of: date) -> tuple[list[Reading], Subject]:
    """Stored inputs as the arithmetic takes them; ages are whole local days up to `as_of`."""
    readings = [
        Reading(
            value=one["value"],
            age=None if one["as_of"] is None else max(0, (as_of - date.fromisoformat(one["as_of"])).days),
            reason=one["reason"],
        )
        for one in inputs["readings"]
    ]
    return readings, Subject(phase=inputs["phase"], tenure_months=inputs["tenure_months"])


def inputs_hash(inputs: dict[str, Any]) -> str:
    """SHA-256 of the canonical spelling of inputs."""
    return body_hash(inputs)
