"""Why a score is another one than it was: the stored scores of two days and the exact split between them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.db.models import Q

from accounts.queries.organisation import local_day
from config.web.errors import DomainError
from metrics.formulas.health import Reading
from metrics.formulas.health_cards import Action, Card, CardMeasure
from metrics.formulas.health_change import Change, State, attribute
from metrics.formulas.health_change_shown import Shown, shown_change
from metrics.formulas.health_measures import MeasureVersion
from metrics.formulas.health_numbers import MICRO
from metrics.models import HealthScore
from metrics.queries.health_inputs import arithmetic_of
from metrics.queries.measures import Catalog, catalog
from metrics.queries.overrides import arithmetic_override
from metrics.queries.scores import cards_of, midnights_after

MOMENT = timedelta(microseconds=1)


class NoScoreError(DomainError):
    """A day from before the first stored score."""

    code = "no_score"


@dataclass(frozen=True, slots=True)
class End:
    """One end of a change: the stored score in force at the end of a local day, as known then."""

    day: date
    score: HealthScore
    card: Card
    state: State

    def measure(self, key: str) -> CardMeasure | Action | None:
        """The measure of the card with this key."""
        return next((one for one in self.card.measures if one.key == key), None)

    def reading(self, key: str) -> Reading | None:
        """The reading of a measure; None when it is not on the card."""
        measures: Sequence[CardMeasure | Action] = self.card.measures
        rows = zip(measures, self.state.readings, strict=True)
        return next((reading for one, reading in rows if one.key == key), None)


@dataclass(frozen=True, slots=True)
class ScoreChange:
    """Both ends, the exact parts, and the bars people see."""

    before: End
    after: End
    change: Change
    bars: tuple[Shown, ...]
    measures: Catalog

    def declared(self, key: str) -> MeasureVersion | None:
        """The measure behind a line, as the later end knows it; None for other lines."""
        found = self.after.measure(key) or self.before.measure(key)
        return None if found is None else self.measures[found.key, found.version]


def state_of_score(score: HealthScore, card: Card) -> State:
    """A stored score as the arithmetic compares it."""
    readings, subject = arithmetic_of(score.inputs, score.as_of)
    return State(
        card=card,
        readings=readings,
        subject=subject,
        override=arithmetic_override(score.override),
        computed=_micro(score.computed),
        score=_micro(score.score),
    )


def change_between(customer_id: int, *, first: date, last: date, now: datetime) -> ScoreChange:
    """The change of one customer from the end of one local day to the end of a later one, as known then.

    Raises DomainError for days in the wrong order or ahead, and NoScoreError for a day without a stored score. Three
    queries.
    """
    today = local_day(now)
    if last > today:
        raise DomainError(f"{last} lies ahead.", hint=f"Choose a day up to {today}.", field="to")
    if first >= last:
        raise DomainError(
            "The first day is not before the last one.", hint="Choose two days in order.", field="from"
        )
    scores = [_in_force(customer_id, day, now) for day in (first, last)]
    cards = cards_of(score.version for score in scores)
    before, after = (
        End(day, score, cards[score.version_id], state_of_score(score, cards[score.version_id]))
        for day, score in zip((first, last), scores, strict=True)
    )
    change = attribute(before.state, after.state)
    return ScoreChange(before, after, change, shown_change(change), catalog())


def first_scored_day(customer_id: int) -> date | None:
    """The local day of the first stored score."""
    rows = HealthScore.objects.filter(customer_id=customer_id).order_by("from_at")
    found = rows.values_list("from_at", flat=True).first()
    return None if found is None else local_day(found)


def score_on(customer_id: int, day: date, now: datetime) -> HealthScore | None:
    """The stored score in force at the end of a local day, today at this moment."""
    moment = min(midnights_after(day, day)[0] - MOMENT, now)
    scores = HealthScore.objects.filter(Q(to_at=None) | Q(to_at__gt=moment), from_at__lte=moment)
    rows = scores.filter(customer_id=customer_id)
    return rows.select_related("version__scorecard", "rules", "override").first()


def _in_force(customer_id: int, day: date, now: datetime) -> HealthScore:
    found = score_on(customer_id, day, now)
    if found is None:
        since = first_scored_day(customer_id)
        hint = (
            f"The first score is of {since}: choose that day or a later one." if since else "Score it first."
        )
        raise NoScoreError(f"There was no score yet at the end of {day}.", hint=hint)
    return found


def _micro(points: Decimal | None) -> int | None:
    return None if points is None else int(points * MICRO)
