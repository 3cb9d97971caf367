"""Health scores as ranges: close the open row of a customer whose inputs or results differ, then add the new one.

Grain: one row per customer and stretch of equal inputs and results. Source: results of the arithmetic, given as rows.
A score of an earlier day than the open row's is left out, because history is never rewritten. Two scores at the
same instant keep their order by a microsecond.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from operator import attrgetter
from typing import Any

from django.db import connection, transaction

from config.work.pg import copy_rows
from metrics.models import HealthScore
from metrics.rollups.readings.parts import table


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """One computed score on its way to the table; points in 10^-6, coverage in millionths, inputs as canonical JSON."""

    customer_id: int
    version_id: int
    rules_id: int | None
    rule: int | None
    engine: int
    inputs: str
    inputs_hash: str
    computed: int | None
    score: int | None
    arithmetic: int | None
    band: str
    reason: str
    coverage: int
    lines: list[int]
    cap: int | None
    override_id: int | None
    override_part: int
    held: bool


_INCOMING = "incoming_scores"
_COLUMNS = [field.name for field in fields(ScoreRow)]
_LINES = _COLUMNS.index("lines")
_values_of = attrgetter(*_COLUMNS)
_PLAIN = (
    "version_id", "rules_id", "rule", "engine", "inputs_hash", "band", "reason", "lines", "cap", "override_id",
    "override_part", "held",
)  # fmt: skip
_POINTS = ("computed", "score", "arithmetic", "coverage")
_CREATE = f"""
DROP TABLE IF EXISTS {_INCOMING};
CREATE TEMPORARY TABLE {_INCOMING} (
    customer_id bigint, version_id bigint, rules_id bigint, rule int, engine int, inputs jsonb, inputs_hash text,
    computed bigint, score bigint, arithmetic bigint, band text, reason text, coverage bigint, lines bigint[], cap bigint,
    override_id bigint, override_part bigint, held boolean
) ON COMMIT DROP
"""
_NEW = ", ".join([f"g.{name}" for name in _PLAIN] + [f"g.{name}::numeric / 1000000" for name in _POINTS])
_OLD = ", ".join([f"o.{name}" for name in (*_PLAIN, *_POINTS)])
_CLOSE = f"""
UPDATE {table(HealthScore)} o SET to_at = greatest(%(now)s, o.from_at + interval '1 microsecond')
FROM {_INCOMING} g
WHERE o.customer_id = g.customer_id AND o.to_at IS NULL AND o.as_of <= %(as_of)s AND ({_OLD}) IS DISTINCT FROM ({_NEW})
"""
_ADD = f"""
INSERT INTO {table(HealthScore)} (customer_id, from_at, as_of, inputs, {", ".join((*_PLAIN, *_POINTS))})
SELECT g.customer_id, greatest(%(now)s, past.to_at), %(as_of)s, g.inputs, {_NEW}
FROM {_INCOMING} g
LEFT JOIN LATERAL (
    SELECT s.to_at, s.to_at IS NULL AS is_open FROM {table(HealthScore)} s
    WHERE s.customer_id = g.customer_id ORDER BY s.from_at DESC LIMIT 1
) past ON true
WHERE past.is_open IS NOT TRUE
ORDER BY g.customer_id
ON CONFLICT DO NOTHING
"""


@transaction.atomic
def store(*, rows: Sequence[ScoreRow], as_of: date, now: datetime) -> int:
    """Write what differs; returns how many scores are new. The same rows again write nothing."""
    if not rows:
        return 0
    values: dict[str, Any] = {"as_of": as_of, "now": now}
    with connection.cursor() as cursor:
        cursor.execute(_CREATE)
        copy_rows(_INCOMING, _COLUMNS, map(_columns, rows))
        cursor.execute(_CLOSE, values)
        cursor.execute(_ADD, values)
        return int(cursor.rowcount)


def _columns(row: ScoreRow) -> tuple[Any, ...]:
    """The values of a row; lines as the text of an array, which is sent faster than a list."""
    values = list(_values_of(row))
    values[_LINES] = "{" + ",".join(map(str, row.lines)) + "}"
    return tuple(values)
