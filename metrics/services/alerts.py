"""Judge scores after they are stored: settle bands, decide which changes are worth an alert, hand them to the post.

A change that rests on a held feed waits: neither its band nor its rules move until the feed is back. One that the
scorecard made gives no single alert but one summary per CSM.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import F

from accounts.queries import organisation
from config.work.pg import Among
from customers.models import CustomerSummary
from metrics.choices import AlertKind
from metrics.formulas.health_bands import DropState, drop_step, is_red_before_renewal
from metrics.formulas.health_numbers import MICRO
from metrics.formulas.health_rules import segment_of
from metrics.models import AlertRule
from metrics.queries.holds import lost_feeds
from metrics.queries.scores import midnight_after, midnights_after
from metrics.rollups.health_scores import ScoreRow
from metrics.scoring.history import Histories
from metrics.services import settled
from metrics.services.alert_causes import LAST_SCORE, Moved, Since, moves
from metrics.services.alert_post import Message, send, tell_of_cards
from metrics.services.score_columns import ScoredColumns
from metrics.services.score_rows import Setting
from metrics.services.settled import Verdict

MOVES = {"worse": AlertKind.BAND_WORSE, "better": AlertKind.BAND_BETTER, "unscored": AlertKind.UNSCORED}
ENDED_BY = {  # a move ends the open alerts of these kinds
    "worse": {AlertKind.BAND_BETTER},
    "better": {AlertKind.BAND_WORSE},
    "scored": {AlertKind.UNSCORED},
}
RED_LOOK_BACK = timedelta(days=30)


@dataclass(slots=True)
class Turn:
    """What one evaluation of a customer led to. `fires` are the rules that speak, each with where to look from."""

    verdict: Verdict
    row: ScoreRow
    labels: Collection[str]
    renewal_on: date | None
    zone: ZoneInfo
    fires: list[tuple[AlertRule, Since]] = field(default_factory=list)
    ended: set[int] = field(default_factory=set)  # rules whose open alert is over

    @property
    def wanted(self) -> list[tuple[int, Since]]:
        """The changes that must be known before anything is decided."""
        asked = [since for _, since in self.fires]
        if self.verdict.is_moved and not asked:
            asked = [_before_streak(self)]
        return [(self.row.customer_id, since) for since in asked]


def rules_in_force() -> list[AlertRule]:
    """The rules that are on."""
    return list(AlertRule.objects.filter(is_on=True).order_by("pk"))


def first_day(rules: Sequence[AlertRule], day: date) -> date:
    """The earliest day at whose end rules look at stored scores."""
    return day - timedelta(days=max((rule.days for rule in rules if rule.kind == AlertKind.DROP), default=0))


def judge(
    *, scored: ScoredColumns, rules: Sequence[AlertRule], history: Histories, setting: Setting, now: datetime
) -> None:
    """Settle the bands of these customers and send what is worth it. The same scores again change nothing.

    `history` holds their stored scores as far back as the rules look. A fixed number of queries for any number of
    customers of whom nothing is to be told.
    """
    ids = [row.customer_id for row in scored.rows]
    remembered = settled.remembered(ids, today=setting.as_of)
    renewals = _renewals(ids, rules)
    cards = {one.version.pk: one.card for one in setting.cards.all}
    turns, zone = [], organisation.zone()
    for row in scored.rows:
        stored = remembered.get(row.customer_id)
        bands = cards[row.version_id].bands
        verdict = stored and settled.evaluate(stored, bands=bands, score=row.score, day=setting.as_of)
        if verdict:
            held = scored.labels[row.customer_id]
            turns.append(Turn(verdict, row, held, renewals.get(row.customer_id), zone))
    for rule in rules:
        _apply(rule, turns, history, setting.as_of)
    _tell(turns, setting, now)


def _renewals(ids: Collection[int], rules: Sequence[AlertRule]) -> dict[int, date | None]:
    if not any(rule.kind == AlertKind.RED_BEFORE_RENEWAL for rule in rules):
        return {}
    rows = CustomerSummary.objects.filter(Among(F("customer_id"), ids))
    return dict(rows.values_list("customer_id", "renewal_on"))


def _apply(rule: AlertRule, turns: Sequence[Turn], history: Histories, day: date) -> None:
    scope = segment_of(rule.scope)
    inside = [turn for turn in turns if all(label in turn.labels for label in scope)] if scope else turns
    if rule.kind == AlertKind.DROP:
        _apply_drop(rule, inside, history, day)
        return
    for turn in inside:
        if rule.kind == AlertKind.RED_BEFORE_RENEWAL:
            _apply_renewal(rule, turn)
        elif MOVES.get(turn.verdict.move) == rule.kind:
            unscored = rule.kind == AlertKind.UNSCORED
            _fire(rule, turn, LAST_SCORE if unscored else _before_streak(turn))
        elif rule.kind in ENDED_BY.get(turn.verdict.move, ()):
            turn.ended.add(rule.pk)


def _fire(rule: AlertRule, turn: Turn, since: Since) -> None:
    """A rule speaks once per day and band of a customer, whatever the score does in between."""
    memory = turn.verdict.memory.setdefault(str(rule.pk), {})
    told = [turn.verdict.day.isoformat(), turn.verdict.after.band]
    if memory.get("told") != told:
        memory["told"] = told
        turn.fires.append((rule, since))


def _before_streak(turn: Turn) -> datetime:
    """The end of the last day on which the score lay in the band it has left."""
    start = turn.verdict.start
    back = 1 + (abs(start.streak) if start else 0)
    return midnight_after(turn.verdict.day - timedelta(days=back), turn.zone)


def _apply_renewal(rule: AlertRule, turn: Turn) -> None:
    left = None if turn.renewal_on is None else (turn.renewal_on - turn.verdict.day).days
    is_on = is_red_before_renewal(turn.verdict.tone, left, within=rule.days)
    memory = turn.verdict.memory.setdefault(str(rule.pk), {})
    was_on, memory["on"] = memory.get("on", False), is_on
    if is_on and not was_on:
        day = turn.verdict.day - RED_LOOK_BACK
        _fire(rule, turn, midnight_after(day, turn.zone))
    elif was_on and not is_on:
        turn.ended.add(rule.pk)


def _apply_drop(rule: AlertRule, turns: Sequence[Turn], history: Histories, day: date) -> None:
    """The drop rule; only of customers who fell far enough, or whom it has spoken of, is every day looked at."""
    points, first = int(rule.points * MICRO), first_day([rule], day)
    moments = midnights_after(first, day)
    highest = history.highest(moments[0])
    fallen = [
        turn
        for turn in turns
        if turn.row.score is not None
        and (
            highest.get(turn.row.customer_id, turn.row.score) - turn.row.score >= points
            or turn.verdict.memory.get(str(rule.pk), {}).get("drop")
        )
    ]
    days = history.samples([turn.row.customer_id for turn in fallen], moments[:-1])
    for turn, scores in zip(fallen, days, strict=True):
        samples = [
            (first.toordinal() + place, score) for place, score in enumerate(scores) if score is not None
        ]
        _step_drop(rule, turn, [*samples, (day.toordinal(), turn.row.score or 0)])


def _step_drop(rule: AlertRule, turn: Turn, samples: Sequence[tuple[int, int]]) -> None:
    memory = turn.verdict.memory.setdefault(str(rule.pk), {})
    before = DropState(*memory.get("drop", (None, None)))
    after, fires = drop_step(before, samples, points=int(rule.points * MICRO), days=rule.days)
    if after != before:
        memory["drop"] = [after.low, after.since]
    if fires:
        since = before.since or 0
        start = max((one for one in samples if one[0] >= since), key=lambda one: (one[1], one[0]))[0]
        top = date.fromordinal(start)
        _fire(rule, turn, midnight_after(top, turn.zone))
    elif after.is_armed and not before.is_armed:
        turn.ended.add(rule.pk)


def _tell(turns: Sequence[Turn], setting: Setting, now: datetime) -> None:
    found = moves([one for turn in turns for one in turn.wanted], now=now)
    lost = lost_feeds(now) if found else set()
    kept: list[Turn] = []
    messages: list[Message] = []
    by_cards: list[tuple[Verdict, Moved]] = []
    for turn in turns:
        changes = [found.get(one) for one in turn.wanted]
        known = [change for change in changes if change is not None]
        if turn.row.held and any(change.rests_on(setting.holds, setting.catalog) for change in known):
            continue  # it waits for the feed
        kept.append(turn)
        if any(change.is_config for change in known):
            by_cards.append((turn.verdict, next(change for change in known if change.is_config)))
        messages += _messages(turn, changes, lost, setting)
    settled.keep(turn.verdict for turn in kept)
    ended = {(pk, turn.row.customer_id) for turn in kept for pk in turn.ended}
    send(messages, ended=ended, measures=setting.catalog, now=now)
    tell_of_cards(by_cards, now=now)


def _messages(
    turn: Turn, changes: Sequence[Moved | None], lost: Collection[str], setting: Setting
) -> list[Message]:
    """One message per rule that speaks, but for changes by the scorecard and by a feed that was given up."""
    found: list[Message] = []
    for (rule, _), change in zip(turn.fires, changes, strict=False):
        if change is not None and (change.is_config or change.rests_on(lost, setting.catalog)):
            continue
        found.append(Message(rule, turn.verdict, turn.renewal_on, change))
    return found
