"""From packed readings to score rows: which card, what inputs, which result. Reads nothing and writes nothing."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from psycopg.types.json import Jsonb

from metrics.formulas.health import CAP_LINE, ENGINE_VERSION, Level, level
from metrics.formulas.health_numbers import MICRO
from metrics.formulas.health_override import effective, override_part
from metrics.models import Override
from metrics.queries.cards import CardInForce, CardSet
from metrics.queries.health_inputs import Around, PackedReadings, arithmetic_of, inputs_hash, inputs_of
from metrics.queries.measures import Catalog
from metrics.queries.overrides import arithmetic_override
from metrics.queries.peers import Group, PeerValues, counts_on
from metrics.rollups.health_scores import ScoreRow


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
    rows = []
    for rule, one in members:
        inputs = inputs_of(one, chosen.card, around, named)
        result = level(chosen.card, *arithmetic_of(inputs, setting.as_of))
        rows.append(_row(one.customer_id, rule, chosen, inputs, result, setting))
    return rows


def _row(
    customer_id: int, rule: int | None, chosen: CardInForce, inputs: dict, result: Level, setting: Setting
) -> ScoreRow:
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
        inputs=Jsonb(inputs),
        inputs_hash=inputs_hash(inputs),
        computed=result.score,
        score=score,
        arithmetic=result.arithmetic,
        band=result.band if score is None else chosen.card.bands.of(score),
        reason=result.reason,
        coverage=result.coverage.numerator * MICRO // result.coverage.denominator,
        lines=[line.points for line in result.lines if line.key != CAP_LINE],
        cap=next((line.points for line in result.lines if line.key == CAP_LINE), None),
        override_id=override.pk if override else None,
        override_part=override_part(result.score, number),
        held="held" in inputs,
    )
