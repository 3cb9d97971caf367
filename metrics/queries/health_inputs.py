"""The door to readings: what the arithmetic gets to see of a customer at a day."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from metrics.formulas.health import Reading, Subject
from metrics.formulas.health_cards import Card, body_hash
from metrics.formulas.health_curves import Peers
from metrics.formulas.health_measures import DAY_ZERO, NO_DAY, REASONS
from metrics.formulas.health_rules import segment_of
from metrics.models import CurrentReading
from metrics.queries.measures import Catalog
from metrics.scoring.arrays import ReadingsMatrix
from metrics.scoring.rows import PackedRow, matrix_of_rows

NO_FACTS = REASONS.index("no_facts")


@dataclass(frozen=True, slots=True)
class PackedReadings:
    """All readings of one customer in slot order: values in millionths, days from 2000-01-01, reason numbers.

    An element counts only where its reason is 0; a day of `NO_DAY` is none. `labels` are the segments held.
    """

    customer_id: int
    values: Sequence[int]
    days: Sequence[int]
    reasons: Sequence[int]
    phase: str
    tenure_months: int | None
    labels: Sequence[str]
    as_of: date

    def at(self, slot: int) -> tuple[int | None, int | None, int]:
        """(value, day, reason) of a slot; a slot newer than the row has no facts yet."""
        if slot >= len(self.values):
            return None, None, NO_FACTS
        reason, day = self.reasons[slot], self.days[slot]
        return (self.values[slot] if reason == 0 else None), (None if day == NO_DAY else day), reason


@dataclass(frozen=True, slots=True)
class Around:
    """What scoring needs besides a customer's own readings.

    `peers` are the counts of each customer per place on the card, `holds` the frozen day of a feed whose data stopped.
    """

    catalog: Catalog
    peers: Mapping[int, Mapping[int, Peers]]  # {place on the card: {customer id: counts}}
    holds: Mapping[str, date]


def readings_matrix(customer_ids: Iterable[int] | None = None) -> list[PackedReadings]:
    """The current readings of these customers (None: all), by customer id."""
    rows = CurrentReading.objects.order_by("customer_id")
    if customer_ids is not None:
        rows = rows.filter(customer_id__in=list(customer_ids))
    columns = ("customer_id", "values", "days", "reasons", "phase", "tenure_months", "labels", "as_of")
    return [PackedReadings(*row) for row in rows.values_list(*columns)]


def matrix_of(packed: Sequence[PackedReadings], *, width: int) -> ReadingsMatrix:
    """Readings that are at hand, as whole columns; `width` slots are enough for what is scored."""
    return matrix_of_rows(
        PackedRow(
            customer_id=one.customer_id,
            values=_wide(one.values, width, 0),
            days=_wide(one.days, width, NO_DAY),
            reasons=_wide(one.reasons, width, NO_FACTS),
            phase=one.phase,
            tenure_months=one.tenure_months,
            labels=one.labels,
        )
        for one in packed
    )


def matrix_of_inputs(scores: Iterable[tuple[int, Mapping[str, Any]]]) -> ReadingsMatrix:
    """Stored inputs of scores under one card, as columns in card order. Peers and holds are not among them."""
    return matrix_of_rows(
        PackedRow(
            customer_id=customer_id,
            values=[value or 0 for value in inputs["values"]],
            days=[NO_DAY if day is None else day for day in inputs["days"]],
            reasons=inputs["reasons"],
            phase=inputs["phase"],
            tenure_months=inputs["tenure_months"],
            labels=inputs["labels"],
        )
        for customer_id, inputs in scores
    )


def _wide(elements: Sequence[int], width: int, filler: int) -> Sequence[int]:
    """A packed array cut or filled up to a width; a slot newer than the row has no facts yet."""
    return elements[:width] if len(elements) >= width else [*elements, *[filler] * (width - len(elements))]


def held_segments(labels: Collection[str], named: Collection[str]) -> list[str]:
    """The named segments that these labels fulfil, in alphabetical order."""
    return sorted(text for text in named if all(label in labels for label in segment_of(text)))


def inputs_of(packed: PackedReadings, card: Card, around: Around, named: Collection[str]) -> dict[str, Any]:
    """The receipt of a score: every reading in card order, and what picks card and curves.

    `named` are the segments that the card or the card rules ask for. Peers and held days stand there by place on the
    card, and only where there are some.
    """
    slots = [around.catalog[measure.key, measure.version] for measure in card.measures]
    readings = [packed.at(measure.slot) for measure in slots]
    inputs: dict[str, Any] = {
        "values": [value for value, _, _ in readings],
        "days": [day for _, day, _ in readings],
        "reasons": [reason for _, _, reason in readings],
        "phase": packed.phase,
        "tenure_months": packed.tenure_months,
        "labels": held_segments(packed.labels, named),
    }
    peers = {
        str(place): [found.below, found.equal, found.count]
        for place, counts in around.peers.items()
        if (found := counts.get(packed.customer_id)) is not None
    }
    held = {
        str(place): (around.holds[measure.feed] - DAY_ZERO).days
        for place, measure in enumerate(slots)
        if measure.feed in around.holds
    }
    return inputs | ({"peers": peers} if peers else {}) | ({"held": held} if held else {})


def arithmetic_of(inputs: Mapping[str, Any], as_of: date) -> tuple[list[Reading], Subject]:
    """Stored inputs as the arithmetic takes them; ages are whole local days up to `as_of`, or to the day of a hold."""
    today = (as_of - DAY_ZERO).days
    peers, held = inputs.get("peers", {}), inputs.get("held", {})
    readings = []
    for place, (value, day, reason) in enumerate(
        zip(inputs["values"], inputs["days"], inputs["reasons"], strict=True)
    ):
        counts = peers.get(str(place))
        readings.append(
            Reading(
                value=value,
                age=None if day is None else max(0, held.get(str(place), today) - day),
                reason=REASONS[reason],
                peers=Peers(*counts) if counts else None,
            )
        )
    return readings, Subject(
        phase=inputs["phase"],
        tenure_months=inputs["tenure_months"],
        segments=frozenset(inputs["labels"]),
    )


def days_of(inputs: Mapping[str, Any]) -> list[date | None]:
    """The day of each reading in card order."""
    return [None if day is None else DAY_ZERO + timedelta(days=day) for day in inputs["days"]]


def inputs_hash(inputs: Mapping[str, Any]) -> str:
    """SHA-256 of the canonical spelling of inputs."""
    return body_hash(inputs)
