"""Which measures exist, whom they have a reading of, and which cards use them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import Count, Max, Q

from metrics.choices import CardKind, VersionState
from metrics.formulas.health_cards import parse_card
from metrics.formulas.health_measures import DAY_ZERO, MeasureVersion
from metrics.models import CurrentReading, FeedWatch, OwnMeasure, ScorecardVersion
from metrics.queries.measures import catalog

USED = (VersionState.LIVE, VersionState.SCHEDULED, VersionState.IN_REVIEW)


@dataclass(frozen=True, slots=True)
class CatalogRow:
    """A measure as the catalogue shows it; `share` of the customers have a reading, `last_on` is the newest one's day."""

    measure: MeasureVersion
    own: OwnMeasure | None
    share: Decimal | None
    last_on: date | None
    cards: Sequence[str]
    feed_state: str

    @property
    def unit(self) -> str:
        """The unit in words."""
        return self.measure.unit.replace("_", " or ")


def cards_with(key: str, version: int) -> list[str]:
    """Titles of the cards that are in force, agreed or in review and stand on this measure."""
    return _uses().get((key, version), [])


def catalog_rows() -> list[CatalogRow]:
    """Every measure with its feed, how many customers have a reading, and who uses it. A fixed number of queries."""
    owns = {(own.key, own.version): own for own in OwnMeasure.objects.order_by("slot")}
    measures = catalog(list(owns.values()))
    shares, uses = _shares(measures.values()), _uses()
    states = dict(FeedWatch.objects.values_list("feed", "state"))
    return [
        CatalogRow(
            measure,
            owns.get(key),
            *shares[measure.slot],
            cards=uses.get(key, []),
            feed_state=states.get(measure.feed, ""),
        )
        for key, measure in measures.items()
    ]


def _shares(measures: Iterable[MeasureVersion]) -> dict[int, tuple[Decimal | None, date | None]]:
    """{slot: (share of customers with a reading, day of the newest)}, one query."""
    slots = [measure.slot for measure in measures]
    rows = CurrentReading.objects.filter(customer__archived_at=None)
    known = {slot: Q(**{f"reasons__{slot}": 0}) for slot in slots}
    found = rows.aggregate(
        customers=Count("pk"),
        **{f"known_{slot}": Count("pk", filter=has) for slot, has in known.items()},
        **{f"last_{slot}": Max(f"days__{slot}", filter=has) for slot, has in known.items()},
    )
    whole = found["customers"]
    return {
        slot: (
            Decimal(found[f"known_{slot}"]) / whole if whole else None,
            None
            if found[f"last_{slot}"] is None
            else date.fromordinal(DAY_ZERO.toordinal() + found[f"last_{slot}"]),
        )
        for slot in slots
    }


def _uses() -> dict[tuple[str, int], list[str]]:
    versions = ScorecardVersion.objects.filter(state__in=USED).exclude(kind=CardKind.RULES)
    found: dict[tuple[str, int], list[str]] = {}
    for version in versions.select_related("scorecard").order_by("scorecard__title", "pk"):
        for one in parse_card(version.body).measures:
            titles = found.setdefault((one.key, one.version), [])
            titles += [version.scorecard.title] * (version.scorecard.title not in titles)
    return found
