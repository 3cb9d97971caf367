"""From packed readings to score rows: which card, what inputs, which result. Reads nothing and writes nothing."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from metrics.formulas.health import ENGINE_VERSION, level
from metrics.formulas.health_cards import Card, canonical, hash_of
from metrics.formulas.health_measures import DAY_ZERO
from metrics.formulas.health_override import effective, override_part
from metrics.models import Override
from metrics.queries.cards import CardInForce, CardSet
from metrics.queries.health_inputs import (
    Around,
    PackedReadings,
    arithmetic_of,
    inputs_of,
    matrix_of,
)
from metrics.queries.measures import Catalog
from metrics.queries.overrides import arithmetic_override
from metrics.queries.peers import Group, PeerValues, counts_on
from metrics.rollups.health_scores import ScoreRow
from metrics.scoring.arrays import PeerColumn
from metrics.scoring.engine import score_matrix
from metrics.scoring.results import Result, results_of

FEW = 100  # customers under one card from which whole columns are faster than one after the other


@dataclass(frozen=True)
class Setting:
    """Everything besides readings that a scoring of a day rests on."""

    cards: CardSet
    catalog: Catalog
    as_of: date
    peers: Mapping[Group, PeerValues] = field(default_factory=dict)
    holds: Mapping[str, date] = field(default_factory=dict)
    overrides: Mapping[int, Override] = field(default_factory=dict)


def score_rows(packed: Sequence[PackedReadings], setting: Setting) -> list[ScoreRow]:
    """One row per customer, in the order given."""
    by_card: dict[int, list[tuple[int | None, PackedReadings]]] = defaultdict(list)
    cards: dict[int, CardInForce] = {}
    for one in packed:
        rule, chosen = setting.cards.choose(one.labels)
        cards[chosen.version.pk] = chosen
        by_card[chosen.version.pk].append((rule, one))
    found = {
        row.customer_id: row
        for pk, members in by_card.items()
        for row in _rows_of(cards[pk], members, setting)
    }
    return [found[one.customer_id] for one in packed]


def _rows_of(
    chosen: CardInForce, members: Sequence[tuple[int | None, PackedReadings]], setting: Setting
) -> list[ScoreRow]:
    readings = [one for _, one in members]
    peers = counts_on(chosen, readings, setting.peers, setting.catalog)
    around = Around(setting.catalog, peers, setting.holds)
    named = chosen.segments | setting.cards.rule_segments
    inputs = [inputs_of(one, chosen.card, around, named) for one in readings]
    results = _results(chosen.card, readings, inputs, setting)
    return [
        row_of(one.customer_id, rule, chosen, given, result, setting)
        for (rule, one), given, result in zip(members, inputs, results, strict=True)
    ]


def _results(
    card: Card, readings: Sequence[PackedReadings], inputs: Sequence[dict[str, Any]], setting: Setting
) -> Iterator[Result]:
    """What the card says of each customer; whole columns at once where there are enough customers for it."""
    if len(readings) < FEW:
        return (Result.of(level(card, *arithmetic_of(given, setting.as_of))) for given in inputs)
    measures = [setting.catalog[measure.key, measure.version] for measure in card.measures]
    scored = score_matrix(
        card,
        matrix_of(readings, width=1 + max(measure.slot for measure in measures)),
        as_of_day=(setting.as_of - DAY_ZERO).days,
        slots=[measure.slot for measure in measures],
        peers={
            group: PeerColumn.of(list(peers.by_customer.values()), list(peers.by_customer))
            for group, peers in setting.peers.items()
        },
        held={
            place: (setting.holds[measure.feed] - DAY_ZERO).days
            for place, measure in enumerate(measures)
            if measure.feed in setting.holds
        },
    )
    return results_of(scored)


def row_of(
    customer_id: int,
    rule: int | None,
    chosen: CardInForce,
    inputs: dict[str, Any],
    result: Result,
    setting: Setting,
) -> ScoreRow:
    """One score on its way to the table, with the override in force over it."""
    text = canonical(inputs)
    override = setting.overrides.get(customer_id) if result.score is not None else None
    number = arithmetic_override(override)
    score = effective(result.score, number)
    rules = setting.cards.rules_version
    return ScoreRow(
        customer_id=customer_id,
        version_id=chosen.version.pk,
        rules_id=rules.pk if rules else None,
        rule=rule,
        engine=ENGINE_VERSION,
        inputs=text,
        inputs_hash=hash_of(text),
        computed=result.score,
        score=score,
        arithmetic=result.arithmetic,
        band=result.band if override is None or score is None else chosen.card.bands.of(score),
        reason=result.reason,
        coverage=result.coverage,
        lines=result.lines,
        cap=result.cap,
        override_id=override.pk if override else None,
        override_part=override_part(result.score, number),
        held="held" in inputs,
    )
