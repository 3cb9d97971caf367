"""What a draft would do: every customer scored under it with today's readings, and nothing written."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from metrics.formulas.health import Level, level
from metrics.formulas.health_cards import INSUFFICIENT, Band, Card, read_card
from metrics.formulas.health_measures import MEASURES
from metrics.formulas.health_numbers import MICRO
from metrics.models import CurrentReading, HealthScore, ScorecardVersion
from metrics.queries.health_inputs import Around, arithmetic_of, inputs_of, readings_matrix
from metrics.queries.measures import catalog
from metrics.queries.scores import cards_of, named_lines
from metrics.queries.shown_customers import ShownCustomer, shown_customers

NO_BAND = Band(INSUFFICIENT, "No score", "none")
BINS = 20  # columns of a histogram: 5 points each
MOVERS = 20  # rows; the matrix counts all of them


@dataclass(frozen=True, slots=True)
class Cell:
    """Customers and MRR that go from one band to another; `direction` 1 better, -1 worse, 0 the same band."""

    customers: int
    mrr: Decimal
    direction: int


@dataclass(frozen=True, slots=True)
class Mover:
    """A customer that changes band. Scores in points, None without a score; `line` drove the change most."""

    customer: ShownCustomer
    before: Decimal | None
    before_band: Band
    after: Decimal | None
    after_band: Band
    line: str
    line_change: Decimal

    @property
    def change(self) -> Decimal | None:
        """Points gained or lost; None when one side has no score."""
        return None if self.before is None or self.after is None else self.after - self.before


@dataclass(frozen=True, slots=True)
class Preview:
    """Bands and scores before and after; rows of the matrix are bands now, columns bands under the draft."""

    rows: tuple[Band, ...]
    columns: tuple[Band, ...]
    cells: Mapping[tuple[str, str], Cell]
    movers: tuple[Mover, ...]
    histogram_before: tuple[int, ...]
    histogram_after: tuple[int, ...]
    customers: int
    mrr: Decimal
    coverage_before: Decimal
    coverage_after: Decimal

    @property
    def moving(self) -> Cell:
        """All customers that change band."""
        cells = [cell for (before, after), cell in self.cells.items() if before != after]
        return Cell(sum(c.customers for c in cells), sum((c.mrr for c in cells), Decimal(0)), 0)


@dataclass(frozen=True, slots=True)
class _Side:
    score: Decimal | None
    band: str
    coverage: Decimal
    lines: dict[str, int]


def preview_of(draft: ScorecardVersion, *, as_of: date) -> Preview:
    """Score all customers under a draft. Before = the stored scores in force, so that rows sum to what lists show.

    Raises CardError for a draft that cannot be scored.
    """
    card = read_card(draft.body)
    customers = shown_customers()
    before, present = _stored(draft)
    after = {pk: _side(result) for pk, result in _scored(card, as_of).items()}
    nothing = _Side(None, INSUFFICIENT, Decimal(0), {})
    sides = [(one, before.get(one.pk, nothing), after.get(one.pk, nothing)) for one in customers]
    rows, columns = _bands(present), _bands(card)
    return Preview(
        rows=rows,
        columns=columns,
        cells=_cells(sides, rows, columns),
        movers=_movers(sides, rows, columns),
        histogram_before=_histogram(one.score for _, one, _ in sides),
        histogram_after=_histogram(one.score for _, _, one in sides),
        customers=len(sides),
        mrr=sum((one.mrr for one, _, _ in sides), Decimal(0)),
        coverage_before=_by_mrr([(one.mrr, side.coverage) for one, side, _ in sides]),
        coverage_after=_by_mrr([(one.mrr, side.coverage) for one, _, side in sides]),
    )


def _stored(draft: ScorecardVersion) -> tuple[dict[int, _Side], Card]:
    """The open scores, and the card whose bands they use (the draft's base, or the draft itself)."""
    rows = list(HealthScore.objects.filter(to_at=None))
    named = ScorecardVersion.objects.filter(pk__in={row.version_id for row in rows})
    present = draft.base or draft
    cards = cards_of([present, *named])
    sides = {
        row.customer_id: _Side(row.score, row.band, row.coverage, named_lines(row, cards[row.version_id]))
        for row in rows
    }
    return sides, cards[present.pk]


def _scored(card: Card, as_of: date) -> dict[int, Level]:
    around = Around(catalog(), {}, {})
    return {
        packed.customer_id: level(card, *arithmetic_of(inputs_of(packed, card, around, ()), as_of))
        for packed in readings_matrix()
    }


def _side(result: Level) -> _Side:
    return _Side(
        score=None if result.score is None else Decimal(result.score) / MICRO,
        band=result.band,
        coverage=Decimal(result.coverage.numerator) / result.coverage.denominator,
        lines={line.key: line.points for line in result.lines},
    )


def _bands(card: Card) -> tuple[Band, ...]:
    """Best band first, "no score" last."""
    return (*reversed(card.bands.bands), NO_BAND)


def _cells(
    sides: Sequence[tuple[ShownCustomer, _Side, _Side]], rows: Sequence[Band], columns: Sequence[Band]
) -> dict[tuple[str, str], Cell]:
    counts: dict[tuple[str, str], int] = defaultdict(int)
    sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for one, before, after in sides:
        key = _known(before.band, rows), after.band
        counts[key] += 1
        sums[key] += one.mrr
    places = {band.key: place for place, band in enumerate(rows)}
    return {
        (row.key, column.key): Cell(
            counts[row.key, column.key],
            sums[row.key, column.key],
            _direction(places.get(column.key, 0) - places[row.key]),
        )
        for row in rows
        for column in columns
    }


def _known(band: str, rows: Sequence[Band]) -> str:
    """A score under an older version may carry a band that is gone; it counts as not scored."""
    return band if any(row.key == band for row in rows) else INSUFFICIENT


def _direction(step: int) -> int:
    return 0 if step == 0 else (-1 if step > 0 else 1)


def _movers(
    sides: Sequence[tuple[ShownCustomer, _Side, _Side]], rows: Sequence[Band], columns: Sequence[Band]
) -> tuple[Mover, ...]:
    by_key = {band.key: band for band in (*rows, *columns)}
    movers = [
        Mover(
            customer=one,
            before=before.score,
            before_band=by_key.get(before.band, NO_BAND),
            after=after.score,
            after_band=by_key[after.band],
            **_cause(before, after),
        )
        for one, before, after in sides
        if _known(before.band, rows) != after.band
    ]
    movers.sort(key=lambda mover: (-mover.customer.mrr * abs(mover.change or 1), mover.customer.pk))
    return tuple(movers[:MOVERS])


def _cause(before: _Side, after: _Side) -> dict[str, Any]:
    changes = {
        key: after.lines.get(key, 0) - before.lines.get(key, 0) for key in {**before.lines, **after.lines}
    }
    sign = 1 if (after.score or Decimal(0)) >= (before.score or Decimal(0)) else -1
    key = max(changes, key=lambda one: (sign * changes[one], one), default="")
    return {"line": key, "line_change": Decimal(changes.get(key, 0)) / MICRO}


def _histogram(scores: Any) -> tuple[int, ...]:
    bins = [0] * BINS
    for score in scores:
        if score is not None:
            bins[min(BINS - 1, max(0, int(score * BINS / 100)))] += 1
    return tuple(bins)


def _by_mrr(pairs: Sequence[tuple[Decimal, Decimal]]) -> Decimal:
    """Mean coverage weighted by MRR; plain mean when nobody pays."""
    whole = sum((mrr for mrr, _ in pairs), Decimal(0))
    if whole:
        return sum((mrr * share for mrr, share in pairs), Decimal(0)) / whole
    return sum((share for _, share in pairs), Decimal(0)) / len(pairs) if pairs else Decimal(0)


def reading_shares() -> dict[str, Decimal]:
    """Share of MRR whose customers have a reading, per measure; plain share of customers when nobody pays."""
    mrr = {one.pk: one.mrr for one in shown_customers()}
    reasons = dict(CurrentReading.objects.filter(customer_id__in=mrr).values_list("customer_id", "reasons"))
    return {
        measure.key: _by_mrr(
            [
                (amount, Decimal(pk in reasons and reasons[pk][measure.slot] == 0))
                for pk, amount in mrr.items()
            ]
        )
        for measure in MEASURES
    }
