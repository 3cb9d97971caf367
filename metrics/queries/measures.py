"""The measures that exist: the built-in ones and those the organisation added."""

from collections.abc import Mapping

from metrics.formulas.health_measures import MEASURES, MeasureVersion
from metrics.models import OwnMeasure

Catalog = Mapping[tuple[str, int], MeasureVersion]
OWN_FAMILY = "Own"
FEEDS = {"field": "custom fields", "event": "usage", "actions": "usage"}


def catalog() -> Catalog:
    """{(key, version): measure}, retired ones too, because old scores name them. One query."""
    found = {(measure.key, measure.version): measure for measure in MEASURES}
    for own in OwnMeasure.objects.order_by("slot"):
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
