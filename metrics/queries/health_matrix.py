"""All readings at once as columns: what previews and full runs score."""

from collections.abc import Iterable

from config.work import pg
from metrics.queries.measures import Catalog, width
from metrics.scoring.arrays import ReadingsMatrix
from metrics.scoring.packed import parse_copy
from metrics.sql.packed_readings import packed_readings


def load_matrix(
    measures: Catalog, customer_ids: Iterable[int] | None = None, *, slots: Iterable[int] | None = None
) -> ReadingsMatrix:
    """The current readings of these customers (None: all), by customer id. One statement.

    With `slots` only those are read, which is faster; in the others nothing is known.
    """
    every = range(width(measures))
    wanted = sorted(set(every if slots is None else slots)) or [0]
    ids = None if customer_ids is None else sorted(set(customer_ids))
    matrix = parse_copy(pg.copied_out(packed_readings(wanted, ids)), len(wanted))
    return matrix if wanted == list(every) else matrix.spread(wanted, len(every))
