"""Stored scores in the shape that `metrics.scoring.history` reads: five numbers per stretch, all in one value."""

from collections.abc import Sequence
from datetime import datetime

from metrics.formulas.health_numbers import MICRO
from metrics.models import HealthScore
from metrics.scoring.history import NO_SCORE, OPEN
from metrics.sql.engine import rows, table, who


def packed_scores(customer_ids: Sequence[int], since: datetime) -> bytes:
    """Scores of these customers that were in force at or after a moment, by customer and beginning."""
    sql = f"""
SELECT string_agg(
    int8send(h.customer_id) || int8send(h.id) || int8send({_micros("h.from_at")})
    || int8send(coalesce({_micros("h.to_at")}, {OPEN})) || int8send(coalesce((h.score * {MICRO})::bigint, '{NO_SCORE}'::bigint)),
    ''::bytea ORDER BY h.customer_id, h.from_at)
FROM {table(HealthScore)} h
WHERE h.customer_id BETWEEN %(lowest)s AND %(highest)s AND h.customer_id = ANY(%(ids)s)
    AND (h.to_at IS NULL OR h.to_at > %(since)s)"""
    ((found,),) = rows(sql, {**who(customer_ids), "since": since})
    return bytes(found or b"")


def _micros(column: str) -> str:
    """An instant as microseconds since 1970; numeric, so nothing is lost."""
    return f"(extract(epoch FROM {column}) * {MICRO})::bigint"
