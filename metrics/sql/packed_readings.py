"""Current readings in the shape that `metrics.scoring.packed` reads: rows of one width, texts last."""

from collections.abc import Collection

from metrics.formulas.health_measures import NO_DAY, REASONS
from metrics.models import CurrentReading
from metrics.scoring.arrays import NO_TENURE
from metrics.sql.engine import table

_NO_FACTS = REASONS.index("no_facts")


def packed_readings(slots: int, customer_ids: Collection[int] | None) -> str:
    """A COPY of the readings of these customers (None: all) by customer id, every array `slots` wide.

    A slot newer than the row has no facts yet. Ids stand in the text, because COPY takes no parameters.
    """
    return f"""
COPY (
    SELECT r.customer_id,
        {_wide("r.values", slots, "0::bigint")},
        {_wide("r.days", slots, f"'{NO_DAY}'::int")},
        {_wide("r.reasons", slots, f"{_NO_FACTS}::smallint")},
        coalesce(r.tenure_months, '{NO_TENURE}'::int),
        array_prepend(r.phase::text, r.labels)
    FROM {table(CurrentReading)} r {"" if customer_ids is None else f"WHERE r.customer_id = ANY ('{_ids(customer_ids)}'::bigint[])"}
    ORDER BY r.customer_id
) TO STDOUT (FORMAT BINARY)"""


def _wide(column: str, slots: int, missing: str) -> str:
    have = f"cardinality({column})"
    padded = f"({column} || array_fill({missing}, ARRAY[greatest(0, {slots} - {have})]))[1:{slots}]"
    return f"CASE {have} WHEN {slots} THEN {column} ELSE {padded} END"


def _ids(customer_ids: Collection[int]) -> str:
    return "{" + ",".join(str(int(pk)) for pk in customer_ids) + "}"
