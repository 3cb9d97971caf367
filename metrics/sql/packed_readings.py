"""Current readings in the shape that `metrics.scoring.packed` reads: customers of one width, texts beside them."""

from collections.abc import Collection, Sequence

from metrics.formulas.health_measures import NO_DAY
from metrics.models import CurrentReading
from metrics.scoring.arrays import NO_FACTS, NO_TENURE
from metrics.sql.engine import table

MESSAGE = 512  # customers
LAST = "9223372036854775807"  # above every id
JOINED = """
        string_agg(int8send(id) || array_send(values) || array_send(days) || array_send(reasons) || int4send(tenure), ''::bytea
            ORDER BY id) AS rows,
        string_agg(int4send(octet_length(text)) || text, ''::bytea ORDER BY id) AS texts"""  # of columns with these names


def packed_readings(slots: Sequence[int], customer_ids: Collection[int] | None) -> str:
    """A COPY of these slots of the readings of these customers (None: all) by customer id.

    A slot newer than the row has no facts yet. Many customers make one message, because a message costs more than a
    customer. Ids stand in the text, because COPY takes no parameters.
    """
    mine = "true" if customer_ids is None else f"r.customer_id = ANY ('{_ids(customer_ids)}'::bigint[])"
    return f"""
COPY (
    SELECT found.rows, found.texts
    FROM (
        SELECT customer_id AS first, lead(customer_id, 1, {LAST}) OVER (ORDER BY customer_id) AS next
        FROM (
            SELECT r.customer_id, row_number() OVER (ORDER BY r.customer_id) AS number
            FROM {table(CurrentReading)} r WHERE {mine}
        ) counted WHERE number % {MESSAGE} = 1
    ) parts
    CROSS JOIN LATERAL (
        SELECT {JOINED}
        FROM (
            SELECT r.customer_id AS id,
                {_elements("r.values", slots, "0::bigint")} AS values,
                {_elements("r.days", slots, f"'{NO_DAY}'::int")} AS days,
                {_elements("r.reasons", slots, f"{NO_FACTS}::smallint")} AS reasons,
                coalesce(r.tenure_months, '{NO_TENURE}'::int) AS tenure,
                array_send(array_prepend(r.phase::text, r.labels)) AS text
            FROM {table(CurrentReading)} r
            WHERE {mine} AND r.customer_id >= parts.first AND r.customer_id < parts.next
            OFFSET 0
        ) p
    ) found
    ORDER BY parts.first
) TO STDOUT (FORMAT BINARY)"""


def _elements(column: str, slots: Sequence[int], missing: str) -> str:
    """The elements of these slots as an array. Whole runs are cut out, because single elements cost more."""
    width = 1 + max(slots)
    runs = [[slot] for slot in slots if slot - 1 not in slots]
    for run in runs:
        while run[-1] + 1 in slots:
            run.append(run[-1] + 1)
    whole = len(runs) == 1 and not runs[0][0]
    have = f"cardinality({column})"
    padded = f"({column} || array_fill({missing}, ARRAY[greatest(0, {width} - {have})]))"
    found = [
        " || ".join(f"({source})[{run[0] + 1}:{run[-1] + 1}]" for run in runs) for source in (column, padded)
    ]
    exact = f"WHEN {have} = {width} THEN {column} " if whole else ""
    return f"CASE {exact}WHEN {have} >= {width} THEN {found[0]} ELSE {found[1]} END"


def _ids(customer_ids: Collection[int]) -> str:
    return "{" + ",".join(str(int(pk)) for pk in customer_ids) + "}"
