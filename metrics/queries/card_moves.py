"""The customers behind a preview: who moves, from which score to which, and what of it the card did."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from accounts.models import User
from customers.models.customer import CustomerQuerySet
from metrics.formulas.health_cards import Band
from metrics.formulas.health_change import CONFIG, UNIT, Change, attribute, state_of
from metrics.formulas.health_curves import Peers as Counts
from metrics.formulas.health_numbers import MICRO
from metrics.models import HealthScore
from metrics.queries.card_preview import OTHER, Preview
from metrics.queries.cards import CardInForce, peer_groups
from metrics.queries.health_inputs import Around, PackedReadings, arithmetic_of, inputs_of, readings_matrix
from metrics.queries.health_matrix import load_matrix
from metrics.queries.holds import held_feeds
from metrics.queries.measures import Catalog, catalog
from metrics.queries.overrides import active_overrides, arithmetic_override
from metrics.queries.peers import PeerValues, groups_of, snapshot_of
from metrics.queries.score_changes import state_of_score
from metrics.queries.scores import cards_of
from metrics.scoring.arrays import PeerColumn
from metrics.scoring.effect import counts_for, peers_in

MOVERS = 20  # rows on the page; the cells of the matrix open all of them
PARTS = 2  # config parts named per mover; the rest is on the customer's page once the card is live


@dataclass(frozen=True, slots=True)
class ConfigPart:
    """What the card changed on one line, in points."""

    key: str
    title: str
    points: Decimal


@dataclass(frozen=True, slots=True)
class Move:
    """One customer on both sides. Scores in points, None without one; `name` is empty for a reader who may not see it.

    `config` is everything the card does to the score, `parts` its largest lines; None where one side has no score.
    """

    customer_id: int
    name: str
    mrr: Decimal
    before: Decimal | None
    before_band: Band
    after: Decimal | None
    after_band: Band
    config: Decimal | None = None
    parts: tuple[ConfigPart, ...] = ()

    @property
    def change(self) -> Decimal | None:
        """Points gained or lost; None when one side has no score."""
        return None if self.before is None or self.after is None else self.after - self.before


def moves_of(preview: Preview, places: Sequence[int], readers: CustomerQuerySet) -> list[Move]:
    """The customers at these places, with the names that the reader may see. One query."""
    effect = preview.effect
    ids = [int(effect.ids[place]) for place in places]
    names = dict(readers.filter(pk__in=ids).values_list("pk", "name"))
    rows, columns = _with_others(preview.rows), _with_others(preview.columns)
    return [
        Move(
            customer_id=pk,
            name=names.get(pk, ""),
            mrr=Decimal(int(effect.mrr[place])) + Decimal(int(effect.mrr_small[place])).scaleb(-8),
            before=_points(effect.before.scores[place]) if effect.before.has[place] else None,
            before_band=rows[int(effect.before.bands[place])],
            after=_points(effect.after.scores[place]) if effect.after.has[place] else None,
            after_band=columns[int(effect.after.bands[place])],
        )
        for pk, place in zip(ids, places, strict=True)
    ]


def movers_of(preview: Preview, *, as_of: date, now: datetime, readers: CustomerQuerySet) -> list[Move]:
    """Those that change band, by MRR x change, with what the card itself does to the score (HX, cause config)."""
    moves = moves_of(preview, preview.effect.movers(MOVERS), readers)
    changes = _changes(preview, [one.customer_id for one in moves], as_of=as_of, now=now)
    measures = catalog()
    return [_explained(one, changes.get(one.customer_id), measures) for one in moves]


def owners_of(preview: Preview) -> dict[int, str]:
    """{id of an owner: name} of the books in a preview."""
    ids = [book.owner_id for book in preview.books]
    return dict(User.objects.filter(pk__in=ids).values_list("pk", "name"))


def _with_others(bands: Sequence[Band]) -> Sequence[Band]:
    return bands if OTHER in bands else [*bands, OTHER]


def _points(value: int) -> Decimal:
    return Decimal(int(value)) / MICRO


def _explained(move: Move, change: Change | None, measures: Catalog) -> Move:
    if change is None or change.kind != "change":
        return move
    titles = {key: one.title for (key, _), one in measures.items()}
    lines = sorted(change.lines, key=lambda line: -abs(line.of(CONFIG)))
    parts = tuple(
        ConfigPart(line.key, titles.get(line.key, line.key.capitalize()), _share(line.of(CONFIG)))
        for line in lines[:PARTS]
        if abs(line.of(CONFIG)) * 20 >= UNIT * MICRO  # under 0.05 points nobody would see it
    )
    return Move(
        move.customer_id, move.name, move.mrr, move.before, move.before_band, move.after, move.after_band,
        _share(change.of(CONFIG)), parts,
    )  # fmt: skip


def _share(exact: int) -> Decimal:
    return Decimal(exact) / (UNIT * MICRO)


def _changes(preview: Preview, ids: Sequence[int], *, as_of: date, now: datetime) -> dict[int, Change]:
    """{customer id: the change from the stored score to the one under the draft, by cause}."""
    rows = HealthScore.objects.filter(customer_id__in=ids, to_at=None).select_related("version", "override")
    stored = {row.customer_id: row for row in rows}
    before = cards_of(row.version for row in stored.values())
    overrides = active_overrides(list(stored), on=as_of)
    packed = [one for one in readings_matrix(ids) if one.customer_id in stored]
    measures, held, changes = catalog(), held_feeds(now), {}
    for chosen, members in _by_card(preview, packed):
        around = Around(measures, peer_standing(chosen, members, measures, as_of), held)
        for one in members:
            row = stored[one.customer_id]
            inputs = inputs_of(one, chosen.card, around, chosen.segments)
            override = arithmetic_override(overrides.get(one.customer_id))
            after = state_of(chosen.card, *arithmetic_of(inputs, as_of), override)
            changes[one.customer_id] = attribute(state_of_score(row, before[row.version_id]), after)
    return changes


def _by_card(
    preview: Preview, packed: Iterable[PackedReadings]
) -> list[tuple[CardInForce, list[PackedReadings]]]:
    found: dict[int, tuple[CardInForce, list[PackedReadings]]] = {}
    for one in packed:
        chosen = preview.after_cards.choose(one.labels)[1]
        found.setdefault(chosen.version.pk, (chosen, []))[1].append(one)
    return list(found.values())


def peer_standing(
    chosen: CardInForce, packed: Sequence[PackedReadings], measures: Catalog, as_of: date
) -> dict[int, dict[int, Counts]]:
    """{place on the card: {customer id: how it stands among its peers}} for percentile curves."""
    groups = groups_of([chosen], measures)
    noted: dict[tuple[int, str], PeerValues | PeerColumn] = {**snapshot_of(as_of, groups)}
    if groups - set(noted):
        noted |= peers_in(load_matrix(measures), groups - set(noted))
    found: dict[int, dict[int, Counts]] = {}
    for place, label in peer_groups(chosen.card).items():
        one = chosen.card.measures[place]
        slot = measures[one.key, one.version].slot
        found[place] = {
            row.customer_id: _count(noted[slot, label], row.customer_id, value)
            for row in packed
            if (value := row.at(slot)[0]) is not None
        }
    return found


def _count(peers: PeerValues | PeerColumn, customer_id: int, value: int) -> Counts:
    if isinstance(peers, PeerColumn):
        return counts_for(peers, customer_id, value)
    return peers.counts(customer_id, value)
