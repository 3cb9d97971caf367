"""Current readings in the shape that `metrics.scoring.packed` reads: rows of one width, texts last."""

from collections.abc import Collection, Sequence

from metrics.formulas.health_measures import NO_DAY
from metrics.models import CurrentReading
from metrics.scoring.arrays import NO_FACTS, NO_TENURE
from metrics.sql.engine import table


def packed_readings(slots: Sequence[int], customer_ids: Collection[int] | None) -> str:
    """A COPY of these slots of the readings of these customers (None: all) by customer id.

    A slot newer than the row has no facts yet. Ids stand in the text, because COPY takes no parameters.
    """
    mine = "" if customer_ids is None else f"WHERE r.customer_id = ANY ('{_ids(customer_ids)}'::bigint[])"
    return f"""
COPY (
    SELECT r.customer_id,
        {_elements("r.values", slots, "0::bigint")},
        {_elements("r.days", slots, f"'{NO_DAY}'::int")},
        {_elements("r.reasons", slots, f"{NO_FACTS}::smallint")},
        coalesce(r.tenure_months, '{NO_TENURE}'::int),
        array_prepend(r.phase::text, r.labels)
    FROM {table(CurrentReading)} r {mine}
    ORDER BY r.customer_id
) TO STDOUT (FORMAT BINARY)"""


def _elements(column: str, slots: Sequence[int], missing: str) -> str:
    """The elements of these slots as an array; a whole column goes as it is."""
    width = 1 + max(slots)
    if list(slots) == list(range(width)):
        padded = f"({column} || array_fill({missing}, ARRAY[greatest(0, {width} - cardinality({column}))]))"
        return f"CASE cardinality({column}) WHEN {width} THEN {column} ELSE {padded}[1:{width}] END"
    picked = ", ".join(f"{column}[{slot + 1}]" for slot in slots)
    filled = ", ".join(f"coalesce({column}[{slot + 1}], {missing})" for slot in slots)
    return f"CASE WHEN cardinality({column}) >= {width} THEN ARRAY[{picked}] ELSE ARRAY[{filled}] END"


def _ids(customer_ids: Collection[int]) -> str:
    return "{" + ",".join(str(int(pk)) for pk in customer_ids) + "}"
