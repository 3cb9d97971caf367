"""Peers of percentile curves: how a customer stands among the others of a segment."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from metrics.formulas.health_curves import Peers
from metrics.formulas.health_rules import segment_of
from metrics.models import PeerSnapshot
from metrics.queries.cards import CardInForce, peer_groups
from metrics.queries.health_inputs import PackedReadings
from metrics.queries.measures import Catalog

Group = tuple[int, str]  # slot of the measure, segment of the peers


@dataclass(frozen=True)
class PeerValues:
    """Readings of one group, rising, with whose they are."""

    values: Sequence[int]
    by_customer: Mapping[int, int]

    def counts(self, customer_id: int, value: int) -> Peers:
        """How many lie below and level with a value; the customer itself is left out."""
        below = bisect_left(self.values, value)
        equal = bisect_right(self.values, value) - below
        own = self.by_customer.get(customer_id)
        if own is None:
            return Peers(below, equal, len(self.values))
        return Peers(below - (own < value), equal - (own == value), len(self.values) - 1)


def groups_of(cards: Iterable[CardInForce], catalog: Catalog) -> set[Group]:
    """Every group that some card compares with."""
    found = set()
    for one in cards:
        for place, label in peer_groups(one.card).items():
            measure = one.card.measures[place]
            found.add((catalog[measure.key, measure.version].slot, label))
    return found


def among(packed: Sequence[PackedReadings], groups: Iterable[Group]) -> dict[Group, PeerValues]:
    """The peers as these readings show them."""
    found = {}
    for slot, label in groups:
        wanted = segment_of(label)
        rows = sorted(
            (value, one.customer_id)
            for one in packed
            if all(part in one.labels for part in wanted) and (value := one.at(slot)[0]) is not None
        )
        found[slot, label] = PeerValues([value for value, _ in rows], {pk: value for value, pk in rows})
    return found


def snapshot_of(day: date, groups: Iterable[Group]) -> dict[Group, PeerValues]:
    """The peers as they were noted for a day; groups that were not noted are left out."""
    wanted = set(groups)
    if not wanted:
        return {}
    rows = PeerSnapshot.objects.filter(day=day, slot__in={slot for slot, _ in wanted})
    return {
        (row.slot, row.label): PeerValues(row.values, dict(zip(row.customer_ids, row.values, strict=True)))
        for row in rows
        if (row.slot, row.label) in wanted
    }


def counts_on(
    one: CardInForce, packed: Sequence[PackedReadings], values: Mapping[Group, PeerValues], catalog: Catalog
) -> dict[int, dict[int, Peers]]:
    """{place on the card: {customer id: counts}} for its percentile curves."""
    found: dict[int, dict[int, Peers]] = {}
    for place, label in peer_groups(one.card).items():
        measure = one.card.measures[place]
        slot = catalog[measure.key, measure.version].slot
        peers = values[slot, label]
        found[place] = {
            row.customer_id: peers.counts(row.customer_id, value)
            for row in packed
            if (value := row.at(slot)[0]) is not None
        }
    return found
