"""Scoring: readings, arithmetic, stored ranges. One pass for any set of customers, the same result every time."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal

from django.db import transaction
from psycopg.types.json import Jsonb

from customers.services import summaries
from metrics.formulas.health import ENGINE_VERSION, level
from metrics.formulas.health_cards import Card, read_card
from metrics.formulas.health_numbers import MICRO
from metrics.models import HealthScore, ScorecardVersion
from metrics.queries.health_inputs import (
    PackedReadings,
    arithmetic_of,
    inputs_hash,
    inputs_of,
    readings_matrix,
)
from metrics.queries.scorecards import live_version
from metrics.queries.scores import summary_fields_for
from metrics.rollups import health_scores, readings
from metrics.rollups.health_scores import ScoreRow
from metrics.services.scorecards import ensure_default_scorecard

BATCH = 1_000  # customers; about a second of SQL, and their receipts fit in a few megabytes


@transaction.atomic
def score_customers(*, customer_ids: Iterable[int] | None, as_of: date, now: datetime) -> int:
    """Take the readings of these customers (None: all) at `as_of`, score them, store what differs, show the result.

    Returns how many scores changed. Doing it again changes no score.
    """
    version = live_version() or ensure_default_scorecard(now=now)
    ids = readings.customer_ids() if customer_ids is None else sorted(set(customer_ids))
    changed = 0
    for start in range(0, len(ids), BATCH):
        part = ids[start : start + BATCH]
        readings.fill(customer_ids=part, as_of=as_of, now=now)
        packed = readings_matrix(part)
        changed += store_scores(packed, version=version, as_of=as_of, now=now)
        publish_health(customer_ids=[one.customer_id for one in packed], as_of=as_of, now=now)
    return changed


def publish_health(*, customer_ids: Iterable[int], as_of: date, now: datetime) -> int:
    """Write score, band, coverage, trend and cause of these customers into their summary rows."""
    stamps = {"computed_at": now, "inputs_as_of": as_of}
    fields = summary_fields_for(customer_ids, as_of)
    return summaries.publish({pk: {**found, **stamps} for pk, found in fields.items()})


def store_scores(
    packed: Sequence[PackedReadings], *, version: ScorecardVersion, as_of: date, now: datetime
) -> int:
    """Score packed readings under a version and write what differs from the open rows."""
    card = read_card(version.body)
    rows = [_row(one, card, as_of) for one in packed]
    return health_scores.store(rows=rows, version_id=version.pk, engine=ENGINE_VERSION, as_of=as_of, now=now)


def computed_scores(
    *,
    customer_ids: Iterable[int] | None,
    as_of: date,
    now: datetime,
    known_at: datetime | None,
    version: ScorecardVersion,
) -> dict[int, HealthScore]:
    """Scores of a day as rows that are not stored, by customer id. `known_at` None means as known now."""
    card = read_card(version.body)
    found = {}
    for packed in readings.read(customer_ids=customer_ids, as_of=as_of, now=now, known_at=known_at):
        row = _row(packed, card, as_of)
        found[packed.customer_id] = HealthScore(
            customer_id=packed.customer_id,
            version=version,
            engine=ENGINE_VERSION,
            from_at=now,
            as_of=as_of,
            inputs=row.inputs.obj,
            inputs_hash=row.inputs_hash,
            score=_points(row.score),
            arithmetic=_points(row.arithmetic),
            band=row.band,
            reason=row.reason,
            coverage=Decimal(row.coverage) / MICRO,
            lines=row.lines.obj,
        )
    return found


def _points(value: int | None) -> Decimal | None:
    return None if value is None else Decimal(value) / MICRO


def _row(packed: PackedReadings, card: Card, as_of: date) -> ScoreRow:
    inputs = inputs_of(packed, card)
    result = level(card, *arithmetic_of(inputs, as_of))
    return ScoreRow(
        customer_id=packed.customer_id,
        inputs=Jsonb(inputs),
        inputs_hash=inputs_hash(inputs),
        score=result.score,
        arithmetic=result.arithmetic,
        band=result.band,
        reason=result.reason,
        coverage=result.coverage.numerator * MICRO // result.coverage.denominator,
        lines=Jsonb([{"key": line.key, "points": line.points} for line in result.lines]),
    )
