"""The measures that exist: the built-in ones and those the organisation added."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from metrics.choices import MeasureKind
from metrics.formulas.health_measures import MEASURES, MeasureVersion
from metrics.formulas.health_numbers import WEIGHT_UNIT
from metrics.models import OwnMeasure

Catalog = Mapping[tuple[str, int], MeasureVersion]
OWN_FAMILY = "Own"
FEEDS = {"field": "custom fields", "event": "usage", "actions": "usage"}


def own_measures() -> list[OwnMeasure]:
    """Every own measure by slot, retired ones too, because old scores name them."""
    return list(OwnMeasure.objects.order_by("slot"))


def catalog(owns: Sequence[OwnMeasure] | None = None) -> Catalog:
    """{(key, version): measure}, built-in and own (`owns` where they are at hand). One query."""
    found = {(measure.key, measure.version): measure for measure in MEASURES}
    for own in own_measures() if owns is None else owns:
        found[own.key, own.version] = measure_from(own)
    return found


def measure_from(own: OwnMeasure) -> MeasureVersion:
    """An own measure as the arithmetic and the pages know measures."""
    return MeasureVersion(
        key=own.key,
        version=own.version,
        slot=own.slot,
        title=own.title,
        about=own.about,
        unit=own.unit,  # type: ignore[arg-type] - checked when it was made
        better=own.better,  # type: ignore[arg-type] - checked by the database
        family=OWN_FAMILY,
        feed=FEEDS[own.kind],
        window_days=own.window_days,
    )


def width(measures: Catalog) -> int:
    """Elements of a packed row of readings."""
    return 1 + max(measure.slot for measure in measures.values())


@dataclass(frozen=True, slots=True)
class OwnSpecs:
    """What the readings have to look for on behalf of own measures: custom fields, and parts of usage events."""

    fields: list[dict[str, Any]]
    events: list[dict[str, Any]]


def own_specs(owns: Iterable[OwnMeasure]) -> OwnSpecs:
    """The meaning of own measures as rows for the readings."""
    fields: list[dict[str, Any]] = []
    events: list[dict[str, Any]] = []
    for own in owns:
        if own.kind == MeasureKind.FIELD:
            fields.append({"slot": own.slot, **own.spec})
        else:
            events += _parts(own)
    return OwnSpecs(fields, events)


def _parts(own: OwnMeasure) -> list[dict[str, Any]]:
    """A count is one part of impact 1; action points have one part per action."""
    actions = own.spec["actions"] if own.kind == MeasureKind.ACTIONS else [own.spec]
    return [
        {
            "slot": own.slot,
            "part": number,
            "event": action["event"],
            "feature": action["feature"],
            "impact": action.get("impact", WEIGHT_UNIT),
            "most": action.get("max_count"),
            "days": own.window_days,
            "first_uses": action.get("first_uses", False),
        }
        for number, action in enumerate(actions)
    ]
