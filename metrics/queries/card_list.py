"""Every scorecard with what is in force, what is on the way, and whom it scores."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Count, F, Sum

from customers.models.customer import CustomerQuerySet
from metrics.choices import CardKind, VersionState
from metrics.models import Backtest, HealthScore, Scorecard, ScorecardVersion

OPEN = (VersionState.DRAFT, VersionState.IN_REVIEW, VersionState.SCHEDULED, VersionState.LIVE)


@dataclass
class ListedCard:
    """One scorecard. Customers and MRR are those of the reader's book, by band; `coverage` is weighted by MRR."""

    card: Scorecard
    live: ScorecardVersion | None = None
    drafts: list[ScorecardVersion] = field(default_factory=list)
    in_review: list[ScorecardVersion] = field(default_factory=list)
    scheduled: list[ScorecardVersion] = field(default_factory=list)
    counted: dict[str, tuple[int, Decimal]] = field(default_factory=dict)
    coverage: Decimal | None = None
    backtest: dict[str, Any] | None = None

    @property
    def customers(self) -> int:
        """How many the card scores."""
        return sum(count for count, _ in self.counted.values())

    @property
    def mrr(self) -> Decimal:
        """Their MRR."""
        return sum((amount for _, amount in self.counted.values()), Decimal(0))

    @property
    def next_on(self) -> date | None:
        """The day on which the next version is in force."""
        return min((one.effective_on for one in self.scheduled if one.effective_on), default=None)

    @property
    def newest(self) -> ScorecardVersion | None:
        """A version to show: the one in force, else what is furthest on its way."""
        waiting = (*self.scheduled, *self.in_review, *self.drafts)
        return self.live or next(iter(waiting), None)


def listed_cards(customers: CustomerQuerySet) -> tuple[list[ListedCard], ListedCard | None]:
    """(all scorecards, the default card first; the card rules, None while there are none). Four queries."""
    rows = {card.pk: ListedCard(card) for card in Scorecard.objects.order_by("-is_default", "title", "pk")}
    rules: ListedCard | None = None
    for version in _open_versions():
        row = rows[version.scorecard_id]
        if version.kind == CardKind.RULES:
            rules = row
        if version.state == VersionState.LIVE:
            row.live = version
        else:
            {
                VersionState.DRAFT: row.drafts,
                VersionState.IN_REVIEW: row.in_review,
                VersionState.SCHEDULED: row.scheduled,
            }[VersionState(version.state)].append(version)
    for pk, counted, coverage in _scored(customers):
        rows[pk].counted, rows[pk].coverage = counted, coverage
    _add_backtests(rows.values())
    cards = [row for row in rows.values() if row is not rules]
    return cards, rules


def _open_versions() -> Iterable[ScorecardVersion]:
    versions = ScorecardVersion.objects.filter(state__in=OPEN).order_by("-pk")
    return versions.select_related("scorecard", "base", "edited_by", "sent_by", "approved_by")


def _scored(
    customers: CustomerQuerySet,
) -> Iterable[tuple[int, dict[str, tuple[int, Decimal]], Decimal | None]]:
    scores = HealthScore.objects.filter(to_at=None, customer__in=customers.active()).order_by()
    mrr = F("customer__summary__mrr")
    rows = scores.values_list("version__scorecard_id", "band").annotate(
        count=Count("pk"), sum=Sum(mrr), covered=Sum(F("coverage") * mrr), plain=Sum("coverage")
    )
    found: dict[int, list[Any]] = defaultdict(list)
    for card, *rest in rows:
        found[card].append(rest)
    for card, bands in found.items():
        counted = {band: (count, amount or Decimal(0)) for band, count, amount, _, _ in bands}
        whole = sum((amount for _, amount in counted.values()), Decimal(0))
        if whole:
            coverage = sum((covered or Decimal(0) for *_, covered, _ in bands), Decimal(0)) / whole
        else:
            heads = sum(count for count, _ in counted.values())
            coverage = sum((plain for *_, plain in bands), Decimal(0)) / heads
        yield card, counted, coverage


def _add_backtests(rows: Iterable[ListedCard]) -> None:
    """The newest backtest of each body in force."""
    by_hash = {row.live.body_hash: row for row in rows if row.live is not None}
    newest = Backtest.objects.filter(body_hash__in=by_hash).order_by("body_hash", "-made_at", "-pk")
    for one in newest.distinct("body_hash"):
        by_hash[one.body_hash].backtest = one.result
