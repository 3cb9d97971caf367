"""What a feed or a measure that reported for everybody would add to the coverage of scores, weighted by MRR."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from django.db.models import Count, Q, Sum

from metrics.formulas.health_cards import Action, ActionsCard, Card, CardMeasure
from metrics.formulas.health_measures import DAY_ZERO, NO_DAY, MeasureVersion
from metrics.models import CurrentReading, HealthScore
from metrics.queries.cards import CardInForce, cards_in_force
from metrics.queries.measures import Catalog, catalog


@dataclass(frozen=True, slots=True)
class Gain:
    """Coverage weighted by MRR that would be won if a measure (or all of a feed) had a reading for everybody."""

    feed: str
    measure: MeasureVersion | None
    gain: Fraction
    customers: int

    @property
    def share(self) -> Decimal:
        """The gain as a decimal, for pages."""
        return Decimal(self.gain.numerator) / self.gain.denominator


def coverage_gains(*, as_of: date) -> tuple[list[Gain], list[Gain]]:
    """(per feed, per measure) what reporting for everybody would add to the coverage of all scored MRR, worst first.

    The coverage of a customer counts by its MRR; nobody paying: by heads. A weighted card gains the base share of the
    measure; a card of actions is covered as soon as one of them is known, so any of them gains the whole.
    """
    cards, measures = cards_in_force(), catalog()
    by_measure: dict[tuple[str, int], tuple[Fraction, int]] = {}
    by_feed: dict[str, tuple[Fraction, int]] = {}
    weighed = _weigher()
    whole = Fraction(0)
    for one in cards.all if cards else ():
        base, missing = _missing(one, measures, as_of, weighed)
        whole += base
        shares = _shares_of(one.card)
        feeds: dict[str, tuple[Fraction, int]] = {}
        for key, (mrr, customers) in missing.items():
            gain = shares[key] * mrr
            _add(by_measure, key, gain, customers)
            feed, is_either = measures[key].feed, isinstance(one.card, ActionsCard)
            before = feeds.get(feed, (Fraction(0), 0))
            feeds[feed] = (max(before[0], gain) if is_either else before[0] + gain, max(before[1], customers))
        for feed, (gain, customers) in feeds.items():
            _add(by_feed, feed, gain, customers)
    return (
        _ranked(Gain(feed, None, gain / (whole or 1), n) for feed, (gain, n) in by_feed.items()),
        _ranked(
            Gain(measures[key].feed, measures[key], gain / (whole or 1), n)
            for key, (gain, n) in by_measure.items()
        ),
    )


def _add(sums: dict[Any, tuple[Fraction, int]], key: Any, gain: Fraction, customers: int) -> None:
    before = sums.get(key, (Fraction(0), 0))
    sums[key] = (before[0] + gain, before[1] + customers)


def _ranked(gains: Iterable[Gain]) -> list[Gain]:
    return sorted(
        gains, key=lambda one: (-one.gain, -one.customers, one.feed, one.measure.slot if one.measure else 0)
    )


def _shares_of(card: Card) -> dict[tuple[str, int], Fraction]:
    if isinstance(card, ActionsCard):
        return {(one.key, one.version): Fraction(1) for one in card.measures}
    total = card.base_total or 1
    return {
        (one.key, one.version): Fraction(share, total)
        for one, share in zip(card.measures, card.base_shares, strict=True)
    }


def _weigher() -> Sum | Count:
    """What weighs a customer: its MRR, or one where nobody pays."""
    pays = HealthScore.objects.filter(to_at=None, customer__summary__mrr__gt=0).exists()
    return Sum("customer__summary__mrr") if pays else Count("pk")


def _missing(
    one: CardInForce, measures: Catalog, as_of: date, weighed: Sum | Count
) -> tuple[Fraction, dict[tuple[str, int], tuple[Fraction, int]]]:
    """(weight of all customers of a card, {measure: (weight, number) of those without a reading}), one query."""
    mine = HealthScore.objects.filter(version=one.version, to_at=None).values("customer_id")
    rows = CurrentReading.objects.filter(customer__archived_at=None, customer_id__in=mine)
    gaps = {(card.key, card.version): _gap(card, measures, as_of) for card in one.card.measures}
    if isinstance(one.card, ActionsCard):
        nothing = Q()
        for gap in gaps.values():
            nothing &= gap
        gaps = dict.fromkeys(gaps, nothing)
    found = rows.aggregate(
        whole=weighed,
        **{f"weight_{place}": _only(weighed, gap) for place, gap in enumerate(gaps.values())},
        **{f"count_{place}": Count("pk", filter=gap) for place, gap in enumerate(gaps.values())},
    )
    return Fraction(found["whole"] or 0), {
        key: (Fraction(found[f"weight_{place}"] or 0), found[f"count_{place}"])
        for place, key in enumerate(gaps)
    }


def _gap(card: CardMeasure | Action, measures: Catalog, as_of: date) -> Q:
    """No reading, or one that has expired on the card."""
    slot = measures[card.key, card.version].slot
    gap = ~Q(**{f"reasons__{slot}": 0}) | Q(**{f"reasons__{slot}__isnull": True})
    expires = getattr(card, "expires_after", None)
    if expires is not None:
        oldest = (as_of - DAY_ZERO).days - expires
        gap |= Q(**{f"days__{slot}__lte": oldest, f"days__{slot}__gt": NO_DAY})
    return gap


def _only(weighed: Sum | Count, gap: Q) -> Sum | Count:
    source = weighed.get_source_expressions()[0]
    return type(weighed)(source, filter=gap)
