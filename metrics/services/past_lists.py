"""A user's portfolio as of a past day, as known then or as known now (AS-1 to AS-3).

Listed are the customers that the reader may read today and that stood on that day in a book the reader may read, so that
neither a customer given away since nor one taken over since shows what the reader may not see.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.db.models import Min

from accounts.models import User
from accounts.queries.scope import book_owner_ids
from customers.models import Assignment
from customers.queries.access import customers_for
from metrics.formulas.health_cards import INSUFFICIENT
from metrics.models import ScorecardVersion
from metrics.queries import definitions
from metrics.queries.past_scores import PastScore, past_scores
from metrics.queries.scores import cards_of, label_of, tone_of
from metrics.rollups import past_lists
from metrics.rollups.past_lists import Stood
from metrics.services.past_scores import scores_of_day

MOST_COMPUTED = 500  # customers whose scores a page works out as known now; more would not answer at once
TONES = {"red": "risk", "amber": "watch", "green": "good", "blue": "good"}
RANK = {"risk": 0, "watch": 1, "good": 2, "none": 3}


@dataclass(frozen=True, slots=True)
class PastRow:
    """One customer of the list: how it stood, and its score of that day; `tone` as the portfolio names tones."""

    stood: Stood
    score: Decimal | None
    computed: Decimal | None
    override_until: date | None
    tone: str
    label: str
    coverage: Decimal
    card: str
    held: bool


@dataclass(frozen=True, slots=True)
class PastList:
    """All rows of the list; without `is_scored` scores are worked out for the shown page only."""

    rows: Sequence[PastRow]
    is_scored: bool


@dataclass(frozen=True, slots=True)
class When:
    """A past day, its last instant, the moment of asking, and whether only what was known then counts."""

    day: date
    end: datetime
    now: datetime
    then: bool


def past_portfolio(user: User, when: When, *, only_book: bool) -> PastList:
    """The customers of a reader as of a day, by name, with their scores of that day."""
    owner_ids = book_owner_ids(user)
    ids = None if owner_ids is None else list(customers_for(user).values_list("pk", flat=True))
    stood = _stood(user, when, ids=ids, owner_ids=owner_ids)
    if only_book:
        stood = [row for row in stood if row.in_book]
    if not when.then and len(stood) > MOST_COMPUTED:
        return PastList([_row(one, None) for one in stood], is_scored=False)
    return PastList(with_scores(stood, when), is_scored=True)


def past_customer(user: User, pk: int, when: When) -> PastRow | None:
    """One customer that the reader may read today, as it stood on a day; None when it was not known then."""
    rows = with_scores(_stood(user, when, ids=[pk], owner_ids=None), when)
    return rows[0] if rows else None


def with_scores(stood: Sequence[Stood], when: When) -> list[PastRow]:
    """The same customers with their scores of the day."""
    ids = [one.pk for one in stood]
    if when.then:
        found = past_scores(ids, when.end)
    else:
        computed = scores_of_day(ids, day=when.day, end=when.end, now=when.now, then=False)
        found = {pk: PastScore.of(score) for pk, score in computed.items()}
    versions = ScorecardVersion.objects.filter(pk__in={score.version_id for score in found.values()})
    by_id = {version.pk: version for version in versions.select_related("scorecard")}
    cards = cards_of(by_id.values())
    words = {
        (pk, band): (TONES.get(tone_of(cards[pk], band), "none"), label_of(cards[pk], band))
        for pk, band in {(score.version_id, score.band) for score in found.values()}
    }
    return [
        _row(one, score, words[score.version_id, score.band], by_id[score.version_id].scorecard.title)
        if (score := found.get(one.pk))
        else _row(one, None)
        for one in stood
    ]


def first_day_known(user: User) -> date | None:
    """The first day on which anybody looked after a customer the reader may read."""
    visible = customers_for(user)
    held = Assignment.objects.filter(customer__in=visible).aggregate(day=Min("from_on"))["day"]
    made = visible.aggregate(day=Min("created_on"))["day"]
    return min((day for day in (held, made) if day), default=None)


def _stood(user: User, when: When, *, ids: Sequence[int] | None, owner_ids: set[int] | None) -> list[Stood]:
    return past_lists.read(
        customer_ids=ids,
        owner_ids=owner_ids,
        user_id=user.pk,
        day=when.day,
        end=when.end,
        known_at=when.end if when.then else None,
        definition=definitions.current(),
    )


def _row(
    stood: Stood, score: PastScore | None, words: tuple[str, str] = ("none", ""), card: str = ""
) -> PastRow:
    if score is None:
        return PastRow(stood, None, None, None, "none", "", Decimal(0), "", held=False)
    has = score.score is not None and score.band != INSUFFICIENT
    return PastRow(
        stood=stood,
        score=score.score,
        computed=score.computed,
        override_until=score.override_until,
        tone=words[0] if has else "none",
        label=words[1] if has else "",
        coverage=score.coverage,
        card=card,
        held=score.held,
    )
