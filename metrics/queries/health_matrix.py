"""All readings at once as columns: what previews and full runs score."""

from collections.abc import Iterable

from config.work import pg
from metrics.queries.measures import Catalog, width
from metrics.scoring.arrays import ReadingsMatrix
from metrics.scoring.packed import parse_copy
from metrics.sql.packed_readings import packed_readings


def load_matrix(measures: Catalog, customer_ids: Iterable[int] | None = None) -> ReadingsMatrix:
    """The current readings of these customers (None: all), by customer id. One statement."""
    slots = width(measures)
    wanted = None if customer_ids is None else sorted(set(customer_ids))
    return parse_copy(pg.copied_out(packed_readings(slots, wanted)), slots)
