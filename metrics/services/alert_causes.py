"""What moved a score, for alerts: pairs of stored scores, the exact split between them, and short words for it."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any, NamedTuple

from django.db.models import F, Q

from config.web.money import percent, signed
from config.work.pg import Among
from metrics.formulas.health import Reading
from metrics.formulas.health_bands import is_mostly_config, rests_on
from metrics.formulas.health_cards import Card
from metrics.formulas.health_change import CONFIG, COVERAGE, DATA, DECAY, OVERRIDE, Change, attribute
from metrics.formulas.health_change_shown import Shown, shown_change
from metrics.formulas.health_measures import MeasureVersion
from metrics.formulas.health_numbers import MICRO, plain
from metrics.models import HealthScore, ScorecardVersion
from metrics.queries.measures import Catalog
from metrics.queries.score_changes import state_of_score
from metrics.queries.scores import cards_of

MOST_CAUSES = 5
LAST_SCORE = "last score"  # asks for the last row with a score before the one in force
LOOK_BACK = timedelta(days=30)

Since = datetime | str
Wanted = tuple[int, Since]


class Stretch(NamedTuple):
    """A stored score, as far as choosing one goes."""

    pk: int
    to_at: datetime | None
    score: Decimal | None


@dataclass(frozen=True)
class Moved:
    """Two stored scores of a customer."""

    before: HealthScore
    after: HealthScore
    cards: tuple[Card, Card]

    @cached_property
    def change(self) -> Change:
        """The split of the change between them; worked out when somebody asks, for it takes 16 scorings."""
        return attribute(
            state_of_score(self.before, self.cards[0]), state_of_score(self.after, self.cards[1])
        )

    @cached_property
    def is_config(self) -> bool:
        """Whether the scorecard did it rather than the customer (at least half of the absolute change)."""
        if self.before.version_id != self.after.version_id and self._reads_the_same():
            return True
        if self.change.lines:
            return is_mostly_config(self.change)
        return self.before.version_id != self.after.version_id

    def _reads_the_same(self) -> bool:
        """Whether nothing but the card differs: one day, one override, equal readings of the measures on both cards."""
        then, now = self.before, self.after
        if then.as_of != now.as_of or then.override_id != now.override_id:
            return False
        if any(then.inputs[name] != now.inputs[name] for name in ("phase", "tenure_months")):
            return False
        read, reads = (_readings(score, card) for score, card in zip((then, now), self.cards, strict=True))
        return all(read[key] == reads[key] for key in read.keys() & reads.keys())

    def rests_on(self, feeds: Collection[str], measures: Catalog) -> bool:
        """Whether at least half of it lies on measures of these feeds."""
        keys = {
            one.key
            for card in self.cards
            for one in card.measures
            if measures[one.key, one.version].feed in feeds
        }
        if self.change.lines:
            return rests_on(self.change, keys)
        found = [difference.key in keys for difference in self.change.differences]
        return bool(found) and all(found)


def moves(wanted: Iterable[Wanted], *, now: datetime) -> dict[Wanted, Moved]:
    """{(customer id, moment): the change from the score in force then to the one in force}. Three queries.

    Without a score at the moment the first one after it counts; nothing is returned for a score that did not change.
    """
    asked = set(wanted)
    if not asked:
        return {}
    floor = min([now - LOOK_BACK, *(since for _, since in asked if isinstance(since, datetime))])
    history = _history({pk for pk, _ in asked}, floor)
    pairs = {one: pair for one in asked if (pair := _pair(history.get(one[0], ()), one[1]))}
    ids = {pk for pair in pairs.values() for pk in pair}
    rows = HealthScore.objects.filter(Among(F("pk"), list(ids))).select_related("override").in_bulk()
    named = {score.version_id for score in rows.values()}
    versions = ScorecardVersion.objects.filter(pk__in=named).select_related("scorecard").in_bulk()
    cards = cards_of(versions.values())
    for score in rows.values():
        score.version = versions[score.version_id]  # one body read per version, not per score
    return {one: _moved(rows[first], rows[last], cards) for one, (first, last) in pairs.items()}


def _moved(before: HealthScore, after: HealthScore, cards: dict[int, Card]) -> Moved:
    return Moved(before, after, (cards[before.version_id], cards[after.version_id]))


def _readings(score: HealthScore, card: Card) -> dict[tuple[str, int], tuple[Any, ...]]:
    columns = zip(score.inputs["values"], score.inputs["days"], score.inputs["reasons"], strict=True)
    return {
        (measure.key, measure.version): found for measure, found in zip(card.measures, columns, strict=True)
    }


def _history(customer_ids: Collection[int], floor: datetime) -> dict[int, list[Stretch]]:
    found = defaultdict(list)
    rows = HealthScore.objects.filter(
        Among(F("customer_id"), list(customer_ids)), Q(to_at=None) | Q(to_at__gt=floor)
    )
    columns = ("customer_id", "pk", "to_at", "score")
    for customer_id, *rest in rows.order_by("customer_id", "from_at").values_list(*columns):
        found[customer_id].append(Stretch(*rest))
    return found


def _pair(history: Sequence[Stretch], since: Since) -> tuple[int, int] | None:
    if not history or history[-1].to_at is not None:
        return None
    last = history[-1].pk
    if isinstance(since, str):
        scored = [one.pk for one in history[:-1] if one.score is not None]
        return (scored[-1], last) if scored else None
    first = next((one.pk for one in history if one.to_at is None or one.to_at > since), last)
    return (first, last) if first != last else None


def cause_rows(moved: Moved, measures: Catalog) -> list[dict[str, Any]]:
    """The largest parts of a change as an alert keeps them: cause, words, and points as text."""
    if not moved.change.lines:
        rows = [_difference(moved, one.key, one.after, measures) for one in moved.change.differences]
        return rows[:MOST_CAUSES]
    return [
        {
            "cause": bar.cause,
            "text": _words(moved, bar, measures),
            "points": signed(Decimal(bar.points) / MICRO),
        }
        for bar in shown_change(moved.change)[:MOST_CAUSES]
    ]


def _difference(moved: Moved, key: str, reason: str, measures: Catalog) -> dict[str, Any]:
    said = {"counts": "has a reading now", "not_on_card": "is not on the card"}.get(reason)
    title = _title(moved, key, measures)
    return {"cause": COVERAGE, "text": f"{title}: {said or reason.replace('_', ' ')}", "points": ""}


def _words(moved: Moved, bar: Shown, measures: Catalog) -> str:
    if bar.cause == DATA:
        old, new = (_value(moved, bar.key, end, measures) for end in (0, 1))
        return f"{_title(moved, bar.key, measures)} {old} → {new}"
    if bar.cause == CONFIG:
        return _config_words(moved)
    titles = ", ".join(dict.fromkeys(_title(moved, part.key, measures) for part in bar.parts[:2]))
    words = {DECAY: "older readings", COVERAGE: "readings came or went", OVERRIDE: "override"}
    said = words.get(bar.cause, bar.cause)
    return said if bar.cause == OVERRIDE or not titles else f"{said}: {titles}"


def _config_words(moved: Moved) -> str:
    old, new = moved.before.version, moved.after.version
    if old.scorecard_id != new.scorecard_id:
        rule = moved.after.rule
        return f"other card: {new.scorecard.title}" + ("" if rule is None else f", rule {rule + 1}")
    if old.pk != new.pk:
        return f"config {old.label} → {new.label}"
    phases = moved.before.inputs["phase"], moved.after.inputs["phase"]
    return (
        f"phase {phases[0] or 'none'} → {phases[1] or 'none'}"
        if phases[0] != phases[1]
        else "segment or tenure"
    )


def _declared(moved: Moved, key: str, measures: Catalog) -> MeasureVersion | None:
    found = next((one for card in moved.cards[::-1] for one in card.measures if one.key == key), None)
    return None if found is None else measures[found.key, found.version]


def _title(moved: Moved, key: str, measures: Catalog) -> str:
    measure = _declared(moved, key, measures)
    return measure.title if measure else key.replace("_", " ").capitalize()


def _value(moved: Moved, key: str, end: int, measures: Catalog) -> str:
    state = state_of_score((moved.before, moved.after)[end], moved.cards[end])
    places = [one.key for one in moved.cards[end].measures]
    reading: Reading | None = state.readings[places.index(key)] if key in places else None
    if reading is None or reading.value is None:
        return "none"
    measure, value = _declared(moved, key, measures), Decimal(reading.value) / MICRO
    unit = measure.unit if measure else "number"
    if unit == "share":
        return percent(value)
    if unit == "percent":
        return f"{signed(value, 0)} %"
    return plain(reading.value, 0 if value == int(value) else 1)
