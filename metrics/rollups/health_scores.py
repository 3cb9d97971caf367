"""Health scores as ranges: close the open row of a customer whose inputs or results differ, then add the new one.

Grain: one row per customer and stretch of equal inputs and results. Source: results of the arithmetic, given as rows.
A score of an earlier day than the open row's is left out, because history is never rewritten. Two scores at the
same instant keep their order by a microsecond.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any

from django.db import connection, transaction
from psycopg.types.json import Jsonb

from config.work.pg import copy_rows
from metrics.models import HealthScore
from metrics.rollups.readings.parts import table


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """One computed score on its way to the table; points in 10^-6, coverage in millionths."""

    customer_id: int
    inputs: Jsonb
    inputs_hash: str
    score: int | None
    arithmetic: int | None
    band: str
    reason: str
    coverage: int
    lines: Jsonb


_INCOMING = "incoming_scores"
_CREATE = f"""
DROP TABLE IF EXISTS {_INCOMING};
CREATE TEMPORARY TABLE {_INCOMING} (
    customer_id bigint, inputs jsonb, inputs_hash text, score bigint, arithmetic bigint, band text, reason text,
    coverage bigint, lines jsonb
) ON COMMIT DROP
"""
_CLOSE = f"""
UPDATE {table(HealthScore)} o SET to_at = greatest(%(now)s, o.from_at + interval '1 microsecond')
FROM {_INCOMING} g
WHERE o.customer_id = g.customer_id AND o.to_at IS NULL AND o.as_of <= %(as_of)s AND (
    o.inputs_hash <> g.inputs_hash OR o.version_id <> %(version)s OR o.engine <> %(engine)s
    OR o.score IS DISTINCT FROM g.score::numeric / 1000000 OR o.band <> g.band OR o.reason <> g.reason
    OR o.arithmetic IS DISTINCT FROM g.arithmetic::numeric / 1000000
    OR o.coverage <> g.coverage::numeric / 1000000 OR o.lines <> g.lines)
"""
_ADD = f"""
INSERT INTO {table(HealthScore)} (customer_id, version_id, engine, from_at, as_of, inputs, inputs_hash, score,
    arithmetic, band, reason, coverage, lines)
SELECT g.customer_id, %(version)s, %(engine)s, greatest(%(now)s, past.to_at), %(as_of)s, g.inputs, g.inputs_hash,
    g.score::numeric / 1000000, g.arithmetic::numeric / 1000000, g.band, g.reason, g.coverage::numeric / 1000000,
    g.lines
FROM {_INCOMING} g
CROSS JOIN LATERAL (
    SELECT max(s.to_at) AS to_at, count(*) FILTER (WHERE s.to_at IS NULL) AS open FROM {table(HealthScore)} s
    WHERE s.customer_id = g.customer_id
) past
WHERE past.open = 0
ORDER BY g.customer_id
ON CONFLICT DO NOTHING
"""


@transaction.atomic
def store(*, rows: Sequence[ScoreRow], version_id: int, engine: int, as_of: date, now: datetime) -> int:
    """Write what differs; returns how many scores are new. The same rows again write nothing."""
    if not rows:
        return 0
    values: dict[str, Any] = {"version": version_id, "engine": engine, "as_of": as_of, "now": now}
    with connection.cursor() as cursor:
        cursor.execute(_CREATE)
        copy_rows(_INCOMING, [field.name for field in fields(ScoreRow)], (_plain(row) for row in rows))
        cursor.execute(_CLOSE, values)
        cursor.execute(_ADD, values)
        return int(cursor.rowcount)


def _plain(row: ScoreRow) -> tuple[Any, ...]:
    return tuple(getattr(row, field.name) for field in fields(ScoreRow))
