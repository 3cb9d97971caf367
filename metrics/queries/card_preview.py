"""What a draft would do: every customer scored under it with today's readings, and nothing written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from metrics.choices import CardKind
from metrics.formulas.health_cards import INSUFFICIENT, TONES, Band, CardError, WeightedCard
from metrics.formulas.health_measures import DAY_ZERO
from metrics.formulas.health_numbers import MICRO
from metrics.formulas.health_override import effective
from metrics.models import ScorecardVersion
from metrics.queries.cards import CardInForce, CardSet, card_set, cards_in_force, only
from metrics.queries.health_matrix import load_matrix
from metrics.queries.holds import held_feeds
from metrics.queries.measures import Catalog, catalog
from metrics.queries.overrides import active_overrides, arithmetic_override
from metrics.queries.peers import groups_of, snapshot_of
from metrics.scoring.arrays import PeerColumn, Peers, ReadingsMatrix
from metrics.scoring.effect import (
    BookMoves,
    Effect,
    Side,
    Sum,
    chosen_rows,
    effect_of,
    peers_in,
    picks,
    places_of,
)
from metrics.scoring.engine import score_matrix
from metrics.scoring.exact import Ints, Mask
from metrics.scoring.scored import Scored
from metrics.sql.listed_customers import Listed, listed_customers

NO_BAND = Band(INSUFFICIENT, "No score", "none")
OTHER = Band("other", "Not on this card", "none")
BINS = 20  # columns of a histogram
MOST_NAMED = 5_000  # customers a promise names; beyond that only the bands are compared


@dataclass(frozen=True, slots=True)
class Cell:
    """Customers and MRR that go from one band to another; `direction` 1 better, -1 worse, 0 the same band."""

    customers: int
    mrr: Decimal
    direction: int


@dataclass(frozen=True, slots=True)
class Histogram:
    """Customers with a score per equal stretch from `low` to `high` points."""

    low: int
    high: int
    before: tuple[int, ...]
    after: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Preview:
    """Bands before and after; rows of the matrix are bands now, columns bands under the draft, the best band first.

    `everybody` tells that no card rule names this card yet, so that it is shown as if it scored all customers.
    """

    rows: tuple[Band, ...]
    columns: tuple[Band, ...]
    cells: Mapping[tuple[str, str], Cell]
    histogram: Histogram
    total: Sum
    moving: Sum
    on_card: int
    coverage_before: Decimal
    coverage_after: Decimal
    books: tuple[BookMoves, ...]
    everybody: bool
    effect: Effect
    after_cards: CardSet
    present: Sequence[str]

    @property
    def customers(self) -> int:
        """All customers."""
        return self.total.customers

    @property
    def mrr(self) -> Decimal:
        """Their MRR."""
        return self.total.mrr

    def members(self, before: str, after: str) -> list[int]:
        """Places of the customers of a cell, the largest MRR first; none for bands that are not there."""
        keys = [band.key for band in self.rows], [band.key for band in self.columns]
        if before not in keys[0] or after not in keys[1]:
            return []
        return self.effect.members(keys[0].index(before), keys[1].index(after))


@dataclass(frozen=True)
class _Frame:
    """Both sets of cards. `everybody`: nothing names the draft's card yet."""

    before: CardSet | None
    after: CardSet
    draft: ScorecardVersion
    everybody: bool

    @property
    def is_whole(self) -> bool:
        """Whether customers of every card take part."""
        return self.everybody or self.draft.kind == CardKind.RULES

    def is_on(self, chosen: CardInForce) -> bool:
        """Whether a card is the draft's."""
        return self.is_whole or chosen.version.scorecard_id == self.draft.scorecard_id

    def bands(self, cards: CardSet | None) -> tuple[Band, ...]:
        """The best band first, then no score, then those on other cards."""
        found = [] if cards is None else [one.card.bands.bands for one in cards.all if self.is_on(one)]
        merged = {band.key: band for bands in found for band in reversed(bands)}
        if len(found) > 1:
            merged = {key: merged[key] for key in sorted(merged, key=lambda one: -_tone(merged[one]))}
        return (*merged.values(), NO_BAND, *(() if self.is_whole else (OTHER,)))


@dataclass(frozen=True)
class _Day:
    """What scoring needs besides the card."""

    whole: ReadingsMatrix
    catalog: Catalog
    as_of: date
    held: Mapping[str, date]


@dataclass(frozen=True, eq=False)
class _Listed:
    """The customers of lists with their readings: `places` say where each row of the matrix stands in the list."""

    rows: list[Listed]
    matrix: ReadingsMatrix
    places: Ints

    def labels_of(self) -> dict[int, frozenset[str]]:
        """{place in the list: segments held}."""
        sets = self.matrix.label_sets
        pairs = zip(self.places.tolist(), self.matrix.label_codes.tolist(), strict=True)
        return {place: sets[code] for place, code in pairs}


def preview_of(draft: ScorecardVersion, *, as_of: date, now: datetime) -> Preview:
    """Score all customers under a draft of a card or of the card rules.

    Before = what lists show, so that rows sum to it; after = what the first run would store: the same overrides, held
    feeds and peers of the day. Raises CardError for a draft that cannot be scored.
    """
    measures = catalog()
    frame = _frame(draft)
    whole = load_matrix(measures, slots=_slots(frame, measures))
    rows = listed_customers()
    inside, places = places_of(whole, [row[0] for row in rows])
    listed = _Listed(rows, chosen_rows(whole, inside), places)
    bands_before, bands_after = frame.bands(frame.before), frame.bands(frame.after)
    after = _after(frame, listed, bands_after, _Day(whole, measures, as_of, held_feeds(now)))
    effect = effect_of(
        rows,
        _before(frame, listed, bands_before),
        after,
        [[_step(row, column, bands_after) for column in bands_after] for row in bands_before],
        [[row.key != column.key for column in bands_after] for row in bands_before],
    )
    return _preview(frame, effect, [row[-1] for row in rows], (bands_before, bands_after))


def _frame(draft: ScorecardVersion) -> _Frame:
    before = cards_in_force()
    live = [] if before is None else [one.version for one in before.all]
    rules = [before.rules_version] if before and before.rules_version else []
    if draft.kind == CardKind.RULES:
        after = card_set([*live, draft])
        if after is None:
            raise CardError(["No scorecard is in force yet, so rules have nothing to choose from."])
        return _Frame(before, after, draft, everybody=False)
    kept = [one for one in live if one.scorecard_id != draft.scorecard_id]
    after = card_set([*kept, draft, *rules])
    used = after is not None and _names(after, draft.scorecard.key)
    if after is None or not used:
        return _Frame(before, only(draft), draft, everybody=True)
    return _Frame(before, after, draft, everybody=False)


def _slots(frame: _Frame, measures: Catalog) -> set[int]:
    """What the cards read that score anybody anew."""
    cards = [one.card for one in frame.after.all if frame.is_on(one)]
    return {measures[one.key, one.version].slot for card in cards for one in card.measures}


def _names(cards: CardSet, key: str) -> bool:
    """Whether a card may score anybody."""
    return cards.default.version.scorecard.key == key or (
        cards.rules is not None and key in cards.rules.cards
    )


def _before(frame: _Frame, listed: _Listed, bands: Sequence[Band]) -> list[int]:
    """Places of the bands that lists show. A band of an older version that is gone counts as not scored."""
    codes = {band.key: place for place, band in enumerate(bands)}
    none, other = codes[INSUFFICIENT], codes.get(OTHER.key, 0)
    on = _membership(frame, frame.before, listed)
    return [codes.get(row[-1], none) if on[place] else other for place, row in enumerate(listed.rows)]


def _membership(frame: _Frame, cards: CardSet | None, listed: _Listed) -> list[bool]:
    """Who is on the draft's card, in the order of the list."""
    if cards is None or frame.is_whole:
        return [True] * len(listed.rows)
    found = [frame.is_on(cards.choose(())[1])] * len(listed.rows)
    choices = [int(frame.is_on(cards.choose(labels)[1])) for labels in listed.matrix.label_sets]
    for chosen, rows in picks(listed.matrix, choices).items():
        for place in listed.places[rows].tolist():
            found[place] = bool(chosen)
    return found


def _after(frame: _Frame, listed: _Listed, bands: Sequence[Band], day: _Day) -> Side:
    codes = {band.key: place for place, band in enumerate(bands)}
    cards, none = frame.after.all, codes[INSUFFICIENT]
    bare = frame.is_on(frame.after.choose(())[1])  # for customers whose readings nobody has taken yet
    side = Side.blank(len(listed.rows), none if bare else codes[OTHER.key])
    numbers = {one.version.pk: number for number, one in enumerate(cards)}
    choices = [numbers[frame.after.choose(labels)[1].version.pk] for labels in listed.matrix.label_sets]
    for number, rows in picks(listed.matrix, choices).items():
        chosen = cards[number]
        if not frame.is_on(chosen):
            side.bands[listed.places[rows]] = codes[OTHER.key]
            continue
        places = [codes[band.key] for band in chosen.card.bands.bands]
        side.fill(listed.places[rows], _scored(chosen, chosen_rows(listed.matrix, rows), day), places, none)
    _override(frame, listed, side, codes, day.as_of)
    return side


def _scored(chosen: CardInForce, matrix: ReadingsMatrix, day: _Day) -> Scored:
    measures = [day.catalog[one.key, one.version] for one in chosen.card.measures]
    return score_matrix(
        chosen.card,
        matrix,
        as_of_day=(day.as_of - DAY_ZERO).days,
        slots=[one.slot for one in measures],
        peers=_peers(chosen, day),
        held={
            place: (day.held[one.feed] - DAY_ZERO).days
            for place, one in enumerate(measures)
            if one.feed in day.held
        },
        lines=False,
    )


def _peers(chosen: CardInForce, day: _Day) -> Peers:
    """As noted for the day, so that the first run meets the same; groups that are new, as readings are now."""
    groups = groups_of([chosen], day.catalog)
    noted = {
        group: PeerColumn.of(list(peers.by_customer.values()), list(peers.by_customer))
        for group, peers in snapshot_of(day.as_of, groups).items()
    }
    return {**peers_in(day.whole, groups - set(noted)), **noted}


def _override(frame: _Frame, listed: _Listed, side: Side, codes: Mapping[str, int], as_of: date) -> None:
    """Today's overrides stay in force over the new scores."""
    active = active_overrides(on=as_of)
    if not active:
        return
    labels = listed.labels_of()
    for place, row in enumerate(listed.rows):
        override = arithmetic_override(active.get(row[0]))
        if override is None or not side.has[place]:
            continue
        score = effective(int(side.scores[place]), override) or 0
        side.scores[place] = score
        side.bands[place] = codes[frame.after.choose(labels[place])[1].card.bands.of(score)]


def _preview(
    frame: _Frame, effect: Effect, present: Sequence[str], bands: tuple[Sequence[Band], Sequence[Band]]
) -> Preview:
    rows, columns = bands
    sums = effect.cells()
    cells = {
        (row.key, column.key): Cell(
            *sums.get((first, second), Sum(0, Decimal(0))), int(effect.steps[first, second])
        )
        for first, row in enumerate(rows)
        for second, column in enumerate(columns)
    }
    on_card = effect.after.bands < len(columns) - (0 if frame.is_whole else 1)
    return Preview(
        rows=_shown(rows, {row for (row, _), cell in cells.items() if cell.customers}),
        columns=_shown(columns, {column for (_, column), cell in cells.items() if cell.customers}),
        cells=cells,
        histogram=_histogram(effect, on_card, weighted=_is_weighted(frame)),
        total=effect.total(),
        moving=effect.total(effect.moved),
        on_card=int(on_card.sum()),
        coverage_before=effect.coverage(effect.before, on_card),
        coverage_after=effect.coverage(effect.after, on_card),
        books=tuple(effect.books()),
        everybody=frame.everybody,
        effect=effect,
        after_cards=frame.after,
        present=present,
    )


def promise_of(preview: Preview, *, as_of: date) -> dict[str, Any]:
    """What a preview promises: the bands to come, and who gets another one, for comparing with the first run (HV-6)."""
    keys = [band.key for band in preview.columns]
    after = [
        preview.present[place] if keys[code] == OTHER.key else keys[code]
        for place, code in enumerate(preview.effect.after.bands.tolist())
    ]
    moving = [place for place, band in enumerate(after) if band != preview.present[place]]
    sums: dict[str, dict[str, Any]] = {}
    for band, (customers, mrr) in preview.effect.sums_by(after).items():
        sums[band] = {"customers": customers, "mrr": str(mrr)}
    found: dict[str, Any] = {
        "customers": preview.customers,
        "mrr": str(preview.mrr),
        "coverage": f"{preview.coverage_after:.6f}",
        "as_of": as_of.isoformat(),
        "moving": len(moving),
        "bands": sums,
    }
    if len(moving) <= MOST_NAMED:
        ids = preview.effect.ids
        found["movers"] = {str(int(ids[place])): after[place] for place in moving}
    return found


def _shown(bands: Sequence[Band], met: set[str]) -> tuple[Band, ...]:
    """Bands of the matrix; "not on this card" only where there is somebody."""
    return tuple(band for band in bands if band is not OTHER or OTHER.key in met)


def _is_weighted(frame: _Frame) -> bool:
    cards = [*frame.after.all, *(frame.before.all if frame.before else ())]
    return all(isinstance(one.card, WeightedCard) for one in cards if frame.is_on(one))


def _histogram(effect: Effect, on_card: Mask, *, weighted: bool) -> Histogram:
    low, high = (0, 100) if weighted else effect.reach(on_card)
    sides = (
        tuple(side.histogram(low * MICRO, high * MICRO, BINS, on_card))
        for side in (effect.before, effect.after)
    )
    return Histogram(low, high, *sides)


def _tone(band: Band) -> int:
    return TONES.index(band.tone) if band.tone in TONES else -1


def _step(before: Band, after: Band, order: Sequence[Band]) -> int:
    """1 for a better band, -1 for a worse one, 0 for the same or one that cannot be compared."""
    if OTHER in {before, after} or before.key == after.key:
        return 0
    if _tone(before) != _tone(after):
        return 1 if _tone(after) > _tone(before) else -1
    places = [place for key in (before.key, after.key) for place, one in enumerate(order) if one.key == key]
    return 0 if len(places) < len((before, after)) else (1 if places[1] < places[0] else -1)
