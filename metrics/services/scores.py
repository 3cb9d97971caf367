"""Scoring: readings, arithmetic, stored ranges. One pass for any set of customers, the same result every time."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from customers.services import summaries
from customers.services.locks import lock_summaries
from metrics.formulas.health_numbers import MICRO
from metrics.models import HealthScore, PeerSnapshot, ScorecardVersion
from metrics.queries.cards import CardSet, cards_in_force, only
from metrics.queries.health_inputs import PackedReadings, readings_matrix
from metrics.queries.health_matrix import load_matrix
from metrics.queries.holds import held_feeds
from metrics.queries.measures import Catalog, catalog
from metrics.queries.overrides import active_overrides
from metrics.queries.peers import Group, PeerValues, among, groups_of, snapshot_of
from metrics.queries.score_summaries import first_day_shown, histories_of, summary_fields_for
from metrics.queries.scores import midnights_after
from metrics.rollups import health_scores, readings
from metrics.rollups.health_scores import ScoreRow
from metrics.services.alerts import first_day, judge, rules_in_force
from metrics.services.score_columns import score_columns, slots_of
from metrics.services.score_rows import Setting, score_rows
from metrics.services.scorecards import ensure_default_scorecard

BATCH = 1_000  # customers; about a second of SQL, and their receipts fit in a few megabytes
RESCORE_BATCH = 5_000  # customers scored from readings that are there already

Report = Callable[[int, int], None]


@transaction.atomic
def score_customers(*, customer_ids: Iterable[int] | None, as_of: date, now: datetime) -> int:
    """Take the readings of these customers (None: all) at `as_of`, score them, store what differs, show the result.

    Returns how many scores changed. Doing it again changes no score.
    """
    setting = setting_in_force(as_of=as_of, now=now)
    ids = readings.customer_ids() if customer_ids is None else sorted(set(customer_ids))
    changed = 0
    for start in range(0, len(ids), BATCH):
        part = ids[start : start + BATCH]
        readings.fill(customer_ids=part, as_of=as_of, now=now)
        changed += _score_part(part, setting, now=now)
    return changed


def rescore(
    *,
    as_of: date,
    now: datetime,
    report: Report | None = None,
    customer_ids: Sequence[int] | None = None,
) -> int:
    """Score these customers (None: all) again from the readings as they are: cards changed and facts did not.

    One transaction per slice; returns how many scores changed.
    """
    setting, changed = setting_in_force(as_of=as_of, now=now), 0
    ids = readings.customer_ids() if customer_ids is None else customer_ids
    for start in range(0, len(ids), RESCORE_BATCH):
        part = ids[start : start + RESCORE_BATCH]
        with transaction.atomic():
            lock_summaries(
                part
            )  # an override set meanwhile is scored before or after this slice, never overlooked
            changed += _score_part(part, setting, now=now)
        if report is not None:
            report(start + len(part), len(ids))
    return changed


def _score_part(ids: Sequence[int], setting: Setting, *, now: datetime) -> int:
    matrix = load_matrix(setting.catalog, ids, slots=slots_of(setting))
    setting = replace(setting, overrides=active_overrides(ids, on=setting.as_of))
    scored = score_columns(matrix, setting)
    changed = health_scores.store(rows=scored.rows, as_of=setting.as_of, now=now)
    rules = rules_in_force()
    first = min(first_day_shown(setting.as_of), first_day(rules, setting.as_of))
    history = histories_of(scored.labels, midnights_after(first, first)[0])
    fields = summary_fields_for(scored.labels, setting.as_of, history=history, costs=scored.costs)
    _publish(fields, as_of=setting.as_of, now=now)
    judge(scored=scored, rules=rules, history=history, setting=setting, now=now)
    return changed


def setting_in_force(*, as_of: date, now: datetime) -> Setting:
    """Cards, rules, peers and holds for scoring a day; installs the starter card on a fresh database."""
    cards = cards_in_force()
    if cards is None:
        cards = only(ensure_default_scorecard(now=now))
    measures = catalog()
    return Setting(
        cards=cards,
        catalog=measures,
        as_of=as_of,
        peers=_peers_of_the_day(cards, measures, as_of),
        holds=held_feeds(now),
    )


def _peers_of_the_day(cards: CardSet, measures: Catalog, day: date) -> dict[Group, PeerValues]:
    """Noted once per day and group, by whoever scores first, so that all scores of a day meet the same peers."""
    groups = groups_of(cards.all, measures)
    found = snapshot_of(day, groups)
    missing = groups - set(found)
    if not missing:
        return found
    PeerSnapshot.objects.bulk_create(
        [
            PeerSnapshot(
                day=day,
                slot=slot,
                label=label,
                customer_ids=list(peers.by_customer),
                values=list(peers.values),
            )
            for (slot, label), peers in among(readings_matrix(), missing).items()
        ],
        ignore_conflicts=True,
    )
    return snapshot_of(day, groups)


def _publish(fields: Mapping[int, Mapping[str, Any]], *, as_of: date, now: datetime) -> None:
    """Write score, band, coverage, trend and cause of these customers into their summary rows."""
    stamps = {"computed_at": now, "inputs_as_of": as_of}
    summaries.publish({pk: {**found, **stamps} for pk, found in fields.items()})


def store_past(packed: Sequence[PackedReadings], *, cards: CardSet, as_of: date, now: datetime) -> int:
    """Score packed readings of a past day by the cards of today and write what differs from the open rows."""
    return health_scores.store(rows=_past_rows(packed, packed, cards, as_of, now), as_of=as_of, now=now)


def computed_scores(
    *,
    customer_ids: Iterable[int] | None,
    as_of: date,
    now: datetime,
    known_at: datetime | None,
    cards: CardSet,
) -> dict[int, HealthScore]:
    """Scores of a day as rows that are not stored, by customer id. `known_at` None means as known now.

    Overrides are left out: they are no part of what the readings say.
    """
    wanted = None if customer_ids is None else sorted(set(customer_ids))
    has_peers = bool(groups_of(cards.all, catalog()))
    everybody = readings.read(
        customer_ids=None if has_peers else wanted, as_of=as_of, now=now, known_at=known_at
    )
    packed = everybody if wanted is None else [one for one in everybody if one.customer_id in set(wanted)]
    versions = {one.version.pk: one.version for one in cards.all}
    rows = _past_rows(packed, everybody, cards, as_of, known_at or now)
    return {row.customer_id: _unsaved(row, versions[row.version_id], as_of, now) for row in rows}


def _past_rows(
    packed: Sequence[PackedReadings],
    everybody: Sequence[PackedReadings],
    cards: CardSet,
    as_of: date,
    moment: datetime,
) -> list[ScoreRow]:
    """Rows of a past day, with the holds as they were known at a moment."""
    measures = catalog()
    peers = among(everybody, groups_of(cards.all, measures))
    holds = held_feeds(moment, as_of)
    return score_rows(packed, Setting(cards=cards, catalog=measures, as_of=as_of, peers=peers, holds=holds))


def _unsaved(row: ScoreRow, version: ScorecardVersion, as_of: date, now: datetime) -> HealthScore:
    return HealthScore(
        customer_id=row.customer_id,
        version=version,
        rules_id=row.rules_id,
        rule=row.rule,
        engine=row.engine,
        from_at=now,
        as_of=as_of,
        inputs=json.loads(row.inputs),
        inputs_hash=row.inputs_hash,
        computed=_points(row.computed),
        score=_points(row.score),
        arithmetic=_points(row.arithmetic),
        band=row.band,
        reason=row.reason,
        coverage=Decimal(row.coverage) / MICRO,
        lines=row.lines,
        cap=row.cap,
        held=row.held,
    )


def _points(value: int | None) -> Decimal | None:
    return None if value is None else Decimal(value) / MICRO
