"""A card replayed over past days with nothing but what was known at the end of each of them.

Computed scores only: overrides take no part. A fact recorded later changes nothing, unless it was loaded as history.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from accounts.queries import organisation
from metrics.formulas.health_cards import INSUFFICIENT, Card, WeightedCard
from metrics.formulas.health_measures import DAY_ZERO, REASONS
from metrics.formulas.health_numbers import FULL
from metrics.queries.cards import CardSet, peer_groups
from metrics.queries.health_inputs import PackedReadings
from metrics.queries.measures import Catalog, catalog, width
from metrics.queries.peers import among
from metrics.rollups import readings
from metrics.scoring.arrays import PeerColumn, Peers, ReadingsMatrix, ReadingsRow
from metrics.scoring.engine import score_matrix

Report = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Tested:
    """A card under test. With `key` only those count whom the card rules gave this card on the day."""

    card: Card
    key: str = ""
    cards: CardSet | None = None

    def scores(self, labels: Sequence[str]) -> bool:
        """Whether this card is the one of a customer with these labels."""
        if self.cards is None or self.cards.rules is None or self.key not in self.cards.rules.cards:
            return True
        return self.cards.rules.choose(labels)[1] == self.key


@dataclass(frozen=True, slots=True)
class Score:
    """What a card said of one customer on one day; `points` per measure where asked for, missing = neutral."""

    score: int | None
    band: str
    coverage: float
    points: tuple[int, ...] = ()


Replay = dict[int, Score]  # by customer id; those of another card are left out


def replayed(
    tested: Sequence[Tested], days: Iterable[date], *, now: datetime, with_points: bool = False,
    report: Report | None = None,
) -> dict[date, list[Replay]]:  # fmt: skip
    """For every day what each of the cards said. One pass over the readings per day."""
    measures, listed, found = catalog(), sorted(set(days)), {}
    for number, day in enumerate(listed, start=1):
        packed = read_then(day, now=now)
        found[day] = [_scores(one, packed, day, measures, with_points=with_points) for one in tested]
        if report is not None:
            report(number, len(listed))
    return found


def read_then(day: date, *, now: datetime) -> list[PackedReadings]:
    """Readings of everybody at the end of a local day, as they were known then."""
    ended = datetime.combine(day + timedelta(days=1), time.min, organisation.zone()) - timedelta(
        microseconds=1
    )
    return readings.read(customer_ids=None, as_of=day, now=now, known_at=ended)


def _scores(
    tested: Tested, packed: Sequence[PackedReadings], day: date, measures: Catalog, *, with_points: bool
) -> Replay:
    mine = [one for one in packed if tested.scores(one.labels)]
    card, slots = tested.card, slots_of(tested.card, measures)
    with_parts = with_points and isinstance(card, WeightedCard)
    result = score_matrix(
        card,
        matrix_of(mine, measures),
        as_of_day=(day - DAY_ZERO).days,
        slots=slots,
        peers=_peers(card, packed, slots),
        lines=False,
        parts=with_parts,
    )
    points = _points(card, result) if with_parts else None
    bands, has_score = [band.key for band in card.bands.bands], result.has_score
    return {
        one.customer_id: Score(
            score=int(result.arithmetic[place]) if has_score[place] else None,
            band=bands[result.band[place]] if has_score[place] else INSUFFICIENT,
            coverage=int(result.covered[place]) / result.whole,
            points=() if points is None else tuple(points[place]),
        )
        for place, one in enumerate(mine)
    }


def slots_of(card: Card, measures: Catalog) -> list[int]:
    """Slot of each measure in card order."""
    return [measures[measure.key, measure.version].slot for measure in card.measures]


def matrix_of(packed: Sequence[PackedReadings], measures: Catalog) -> ReadingsMatrix:
    """Packed readings as columns."""
    slots = range(width(measures))
    rows = []
    for one in packed:
        cells = [one.at(slot) for slot in slots]
        rows.append(
            ReadingsRow(
                customer_id=one.customer_id,
                values=[value for value, _, _ in cells],
                days=[day for _, day, _ in cells],
                reasons=[REASONS[reason] for _, _, reason in cells],
                phase=one.phase,
                tenure_months=one.tenure_months,
                labels=one.labels,
            )
        )
    return ReadingsMatrix.from_rows(rows, len(slots))


def _peers(card: Card, packed: Sequence[PackedReadings], slots: Sequence[int]) -> Peers:
    groups = {(slots[place], label) for place, label in peer_groups(card).items()}
    return {
        group: PeerColumn.of(list(found.by_customer.values()), list(found.by_customer))
        for group, found in among(packed, groups).items()
    }


def _points(card: WeightedCard, result: Any) -> list[list[int]]:
    """Points per customer and measure after curve and decay; what is missing has the neutral points of the card."""
    found: list[list[int]] = result.parts.points_or(
        [min(FULL, max(0, measure.neutral)) for measure in card.measures]
    )
    return found
