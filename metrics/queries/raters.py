"""How CSMs judge: their pulses in force against the computed scores, and against what became of renewals (HP-4)."""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

from accounts.models import User
from accounts.queries import organisation
from customers.choices import PULSE_POINTS
from customers.models import Pulse
from customers.queries.access import customers_for
from metrics.formulas.health_cards import CardMeasure
from metrics.formulas.satisfaction import Interval, wilson
from metrics.models import HealthScore, ScorecardVersion
from metrics.queries.outcomes import RENEWING, Fate, outcomes_of
from metrics.queries.scores import cards_of

HORIZON = 90  # days from the judgement to the renewal
LOOK_BACK = timedelta(days=730)
LASTS = 90  # days a pulse counts where the card says nothing
PULSE = "pulse"


@dataclass(frozen=True, slots=True)
class LevelRow:
    """Renewals that were judged with one level: how many came due, were renewed, and the Wilson 95 % interval."""

    level: int
    due: int
    renewed: int

    @property
    def rate(self) -> Decimal | None:
        """Renewed / due."""
        return Decimal(self.renewed) / self.due if self.due else None

    @property
    def interval(self) -> Interval | None:
        """Where the rate lies with 95 % confidence."""
        return wilson(hits=self.renewed, n=self.due)


@dataclass
class Rater:
    """One CSM's judgements. `gaps` are pulse minus computed score in points, of customers that have both."""

    user: User
    levels: Counter[int] = field(default_factory=Counter)
    expired: int = 0
    gaps: list[Decimal] = field(default_factory=list)
    due: Counter[int] = field(default_factory=Counter)
    renewed: Counter[int] = field(default_factory=Counter)

    @property
    def customers(self) -> int:
        """Customers whose pulse in force is this CSM's."""
        return self.levels.total()

    @property
    def gap(self) -> Decimal | None:
        """Mean of pulse minus computed score; above 0 the CSM is more hopeful than the facts."""
        return sum(self.gaps, Decimal(0)) / len(self.gaps) if self.gaps else None

    @property
    def expired_share(self) -> Decimal | None:
        """Share of the pulses in force that are too old to count."""
        return Decimal(self.expired) / self.customers if self.customers else None

    @property
    def distribution(self) -> list[tuple[int, int]]:
        """(level, customers), the best first."""
        return [(level, self.levels[level]) for level in sorted(PULSE_POINTS, reverse=True)]

    @property
    def outcomes(self) -> list[LevelRow]:
        """Renewals per level, the best first."""
        return [
            LevelRow(level, self.due[level], self.renewed[level])
            for level in sorted(PULSE_POINTS, reverse=True)
        ]


def raters_for(user: User, *, today: date, now: datetime) -> list[Rater]:
    """Everybody whose pulses stand for customers the reader may see, by name."""
    visible = customers_for(user).active()
    rows = Pulse.objects.current().filter(customer__in=visible, occurred_at__lte=now)
    series: dict[int, list[Pulse]] = defaultdict(list)
    for row in rows.select_related("recorded_by").order_by("customer_id", "occurred_at", "seq"):
        series[row.customer_id].append(row)
    raters: dict[int, Rater] = {}
    _add_current(series, raters, today)
    outcomes = outcomes_of(RENEWING, horizon=HORIZON, first=today - LOOK_BACK, last=today, as_of=today)
    _add_outcomes(series, outcomes.rows, raters)
    return sorted(raters.values(), key=lambda rater: rater.user.name)


def _add_current(series: Mapping[int, Sequence[Pulse]], raters: dict[int, Rater], today: date) -> None:
    scores = {
        pk: (version, computed)
        for pk, version, computed in HealthScore.objects.filter(
            customer_id__in=series, to_at=None
        ).values_list("customer_id", "version_id", "computed")
    }
    lasting = _lasting({version for version, _ in scores.values()})
    zone = organisation.zone()
    for pk, pulses in series.items():
        pulse = pulses[-1]
        if pulse.level is None or pulse.recorded_by is None:
            continue
        rater = raters.setdefault(pulse.recorded_by.pk, Rater(pulse.recorded_by))
        rater.levels[pulse.level] += 1
        version, computed = scores.get(pk, (0, None))
        age = (today - pulse.occurred_at.astimezone(zone).date()).days
        if age >= lasting.get(version, LASTS):
            rater.expired += 1
        if computed is not None:
            rater.gaps.append(PULSE_POINTS[pulse.level] - computed)


def _add_outcomes(
    series: Mapping[int, Sequence[Pulse]], fates: Sequence[Fate], raters: dict[int, Rater]
) -> None:
    zone = organisation.zone()
    days = {pk: [row.occurred_at.astimezone(zone).date() for row in rows] for pk, rows in series.items()}
    for fate in fates:
        place = bisect_right(days.get(fate.customer, ()), fate.scored_on)
        pulse = series[fate.customer][place - 1] if place else None
        if pulse is None or pulse.level is None or pulse.recorded_by is None:
            continue
        if (fate.scored_on - days[fate.customer][place - 1]).days >= LASTS:
            continue
        rater = raters.setdefault(pulse.recorded_by.pk, Rater(pulse.recorded_by))
        rater.due[pulse.level] += 1
        rater.renewed[pulse.level] += not fate.churned


def _lasting(version_ids: set[int]) -> dict[int, int]:
    """{card version: days a pulse counts on it}."""
    cards = cards_of(ScorecardVersion.objects.filter(pk__in=version_ids))
    return {
        pk: measure.expires_after
        for pk, card in cards.items()
        for measure in card.measures
        if isinstance(measure, CardMeasure) and measure.key == PULSE and measure.expires_after
    }
