"""A card replayed over past days with nothing but what was known at the end of each of them.

Computed scores only: overrides take no part. A fact recorded later changes nothing, unless it was loaded as history.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from accounts.queries import organisation
from metrics.formulas.health_cards import INSUFFICIENT, Card, WeightedCard
from metrics.formulas.health_measures import DAY_ZERO, REASONS
from metrics.queries.cards import CardSet, peer_groups
from metrics.queries.health_inputs import PackedReadings
from metrics.queries.measures import Catalog, catalog, width
from metrics.queries.outcomes import Fate
from metrics.queries.peers import among
from metrics.rollups import readings
from metrics.scoring.arrays import PeerColumn, Peers, ReadingsMatrix, ReadingsRow
from metrics.scoring.engine import score_matrix
from metrics.scoring.scored import Scored
from metrics.scoring.training import Block, Training

Report = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Candidate:
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
    """What a card said of one customer on one day."""

    score: int | None
    band: str
    coverage: float


Replay = dict[int, Score]  # by customer id; those of another card are left out


@dataclass(frozen=True, eq=False, slots=True)
class Seen:
    """Fates with the readings behind each of them, in the same order."""

    fates: Sequence[Fate]
    blocks: Sequence[Block]

    def training(self, card: WeightedCard) -> Training:
        """What weights and curves are fitted on."""
        return Training.of(
            self.blocks,
            churned=[fate.churned for fate in self.fates],
            customers=[fate.customer for fate in self.fates],
            card=card,
        )


def replayed(
    tested: Sequence[Candidate], days: Iterable[date], *, now: datetime, report: Report | None = None
) -> dict[date, list[Replay]]:
    """For every day what each of the cards said. One pass over the readings per day."""
    measures, listed, found = catalog(), sorted(set(days)), {}
    for number, day in enumerate(listed, start=1):
        packed = read_then(day, now=now)
        found[day] = [_scores(one, packed, day, measures) for one in tested]
        if report is not None:
            report(number, len(listed))
    return found


def read_then(day: date, *, now: datetime) -> list[PackedReadings]:
    """Readings of everybody at the end of a local day, as they were known then."""
    ended = datetime.combine(day + timedelta(days=1), time.min, organisation.zone()) - timedelta(
        microseconds=1
    )
    return readings.read(customer_ids=None, as_of=day, now=now, known_at=ended)


def _scores(tested: Candidate, packed: Sequence[PackedReadings], day: date, measures: Catalog) -> Replay:
    mine = [one for one in packed if tested.scores(one.labels)]
    _, result = _matrix_scores(tested.card, mine, packed, day, measures, parts=False)
    bands, has_score = [band.key for band in tested.card.bands.bands], result.has_score
    return {
        one.customer_id: Score(
            score=int(result.arithmetic[place]) if has_score[place] else None,
            band=bands[result.band[place]] if has_score[place] else INSUFFICIENT,
            coverage=int(result.covered[place]) / result.whole,
        )
        for place, one in enumerate(mine)
    }


def _matrix_scores(
    card: Card,
    mine: Sequence[PackedReadings],
    everybody: Sequence[PackedReadings],
    day: date,
    measures: Catalog,
    *,
    parts: bool,
) -> tuple[ReadingsMatrix, Scored]:
    matrix, slots = matrix_of(mine, measures), slots_of(card, measures)
    result = score_matrix(
        card,
        matrix,
        as_of_day=(day - DAY_ZERO).days,
        slots=slots,
        peers=_peers(card, everybody, slots),
        lines=False,
        parts=parts,
    )
    return matrix, result


def seen(
    tested: Candidate,
    card: WeightedCard,
    fates: Sequence[Fate],
    *,
    now: datetime,
    report: Report | None = None,
) -> Seen:
    """Points and readings of every fate on its day; customers of another card, or unknown then, are left out."""
    measures, by_day = catalog(), _by_day(fates)
    slots, kept, blocks = slots_of(card, measures), [], []
    for number, (day, rows) in enumerate(by_day.items(), start=1):
        packed = read_then(day, now=now)
        mine = [one for one in packed if tested.scores(one.labels)]
        places = {one.customer_id: place for place, one in enumerate(mine)}
        found = [fate for fate in rows if fate.customer in places]
        matrix, result = _matrix_scores(card, mine, packed, day, measures, parts=True)
        kept += found
        blocks.append(
            Block.of(
                card,
                matrix,
                result,
                slots=slots,
                today=(day - DAY_ZERO).days,
                places=[places[fate.customer] for fate in found],
            )
        )
        if report is not None:
            report(number, len(by_day))
    return Seen(kept, blocks)


def _by_day(fates: Sequence[Fate]) -> dict[date, list[Fate]]:
    """Fates by the day they were scored on, oldest first."""
    found: dict[date, list[Fate]] = {}
    for fate in sorted(fates, key=lambda one: (one.scored_on, one.customer, one.decided_on)):
        found.setdefault(fate.scored_on, []).append(fate)
    return found


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
