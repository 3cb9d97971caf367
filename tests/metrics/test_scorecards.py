"""Drafts, publishing, and what the database refuses on scorecard versions."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from config.work.models import AuditEntry
from customers.models import StaleMark
from metrics.formulas.health_cards import body_hash
from metrics.models import HealthScore, Scorecard, ScorecardVersion
from metrics.queries.scorecards import live_version, versions_of
from metrics.queries.scores import current_score
from metrics.services import scorecards
from metrics.services.scorecards import CannotPublishError, DraftChangedError, NotADraftError
from tests.factories.customers import NOW
from tests.factories.health import make_scored_customer, score_now, starter

pytestmark = pytest.mark.django_db

NOTE = "Support counts more since spring"
LATER = NOW + timedelta(minutes=5)


def changed_draft(by, *, support=40, now=NOW):
    live = starter()
    draft = scorecards.start_draft(scorecard=live.scorecard, by=by, now=now)
    return scorecards.save_draft(
        draft=draft,
        group_weights={"support": support * 10_000},
        measure_weights={},
        version=draft.version,
        by=by,
        now=now,
    )


def weight_of(version, group):
    return next(one["weight"] for one in version.body["groups"] if one["key"] == group) // 10_000


def test_the_starter_card_is_installed_once():
    first = starter()
    assert starter() == first
    assert (first.number, first.state, first.scorecard.is_default) == (1, "live", True)
    assert first.body_hash == body_hash(first.body)
    assert ScorecardVersion.objects.count() == Scorecard.objects.count() == 1


def test_a_draft_starts_as_the_version_in_force_without_a_number(vera):
    live = starter()
    draft = scorecards.start_draft(scorecard=live.scorecard, by=vera, now=NOW)
    assert (draft.number, draft.state, draft.base, draft.body) == (None, "draft", live, live.body)
    assert live_version() == live


def test_saving_a_draft_changes_weights_and_nothing_else(vera):
    draft = changed_draft(vera)
    live = live_version()
    assert (weight_of(draft, "support"), weight_of(live, "support")) == (40, 10)
    assert draft.body_hash == body_hash(draft.body) != live.body_hash
    expected = live.body
    expected["groups"][3]["weight"] = 400_000
    assert draft.body == expected
    assert StaleMark.objects.count() == 0


def test_rc_9_the_second_editor_is_told_and_nothing_is_overwritten(vera, anna):
    draft = changed_draft(vera)
    with pytest.raises(DraftChangedError) as caught:
        scorecards.save_draft(
            draft=draft,
            group_weights={"support": 1},
            measure_weights={},
            version=draft.version - 1,
            by=anna,
            now=LATER,
        )
    assert weight_of(caught.value.current, "support") == 40
    assert weight_of(ScorecardVersion.objects.get(pk=draft.pk), "support") == 40
    assert "Vera" in str(caught.value)


def test_publishing_gives_the_next_number_and_closes_the_version_before(vera):
    draft = changed_draft(vera)
    live = scorecards.publish(draft=draft, version=draft.version, note=NOTE, by=vera, now=LATER)
    before, now = versions_of(live.scorecard_id).order_by("number")
    assert (before.number, before.state, before.live_from, before.live_to) == (1, "superseded", NOW, LATER)
    assert (now.number, now.state, now.live_from, now.live_to) == (2, "live", LATER, None)
    assert (now.note, now.approved_by) == (NOTE, vera)
    assert AuditEntry.objects.filter(action="scorecard.published", actor=vera).count() == 1


def test_publishing_marks_every_customer_stale_in_the_same_transaction(vera):
    customers = [make_scored_customer() for _ in range(3)]
    StaleMark.objects.all().delete()
    draft = changed_draft(vera)
    scorecards.publish(draft=draft, version=draft.version, note=NOTE, by=vera, now=LATER)
    marks = StaleMark.objects.order_by("customer_id").values_list("customer_id", "cause", "from_day")
    assert list(marks) == [(customer.pk, "scorecard", LATER.date()) for customer in customers]


def test_hc_7_old_scores_keep_their_version(vera):
    customer = make_scored_customer()
    score_now()
    old = current_score(customer.pk)
    frozen = HealthScore.objects.values().get(pk=old.pk)
    draft = changed_draft(vera)
    live = scorecards.publish(draft=draft, version=draft.version, note=NOTE, by=vera, now=LATER)
    score_now(now=LATER)
    new = current_score(customer.pk)
    assert (new.version, new.score > old.score) == (live, True)
    after = HealthScore.objects.values().get(pk=old.pk)
    assert after == {**frozen, "to_at": LATER}


def test_publishing_twice_gives_numbers_without_gaps(vera):
    for support, moment in ((20, LATER), (30, LATER + timedelta(minutes=1))):
        draft = changed_draft(vera, support=support)
        scorecards.publish(draft=draft, version=draft.version, note=NOTE, by=vera, now=moment)
    numbers = ScorecardVersion.objects.order_by("number").values_list("number", "state")
    assert list(numbers) == [(1, "superseded"), (2, "superseded"), (3, "live")]


def test_two_publications_at_the_same_instant_leave_one_live(vera):
    for support in (20, 30):
        draft = changed_draft(vera, support=support)
        scorecards.publish(draft=draft, version=draft.version, note=NOTE, by=vera, now=NOW)
    assert live_version().number == 3


@pytest.mark.parametrize(
    ("support", "note", "said"),
    [(40, "too short", "at least 10 characters"), (10, NOTE, "equals v1"), (-1, NOTE, "below 0")],
)
def test_a_draft_that_breaks_a_rule_is_not_published(vera, support, note, said):
    draft = changed_draft(vera, support=support)
    with pytest.raises(CannotPublishError, match=said):
        scorecards.publish(draft=draft, version=draft.version, note=note, by=vera, now=LATER)
    assert live_version().number == 1
    assert StaleMark.objects.count() == 0


def test_a_card_without_any_weight_is_not_published(vera):
    live = starter()
    draft = scorecards.start_draft(scorecard=live.scorecard, by=vera, now=NOW)
    weights = {group["key"]: 0 for group in draft.body["groups"]}
    draft = scorecards.save_draft(
        draft=draft, group_weights=weights, measure_weights={}, version=1, by=vera, now=NOW
    )
    with pytest.raises(CannotPublishError, match="All weights are 0"):
        scorecards.publish(draft=draft, version=draft.version, note=NOTE, by=vera, now=LATER)


def test_what_was_not_previewed_is_not_published(vera):
    draft = changed_draft(vera)
    with pytest.raises(DraftChangedError):
        scorecards.publish(draft=draft, version=draft.version - 1, note=NOTE, by=vera, now=LATER)


def test_a_published_or_discarded_draft_cannot_be_saved_again(vera):
    draft = changed_draft(vera)
    scorecards.publish(draft=draft, version=draft.version, note=NOTE, by=vera, now=LATER)
    with pytest.raises(NotADraftError):
        scorecards.publish(draft=draft, version=draft.version, note=NOTE, by=vera, now=LATER)
    other = changed_draft(vera, support=12)
    scorecards.discard_draft(draft=other, by=vera, now=LATER)
    with pytest.raises(NotADraftError):
        scorecards.save_draft(
            draft=other, group_weights={}, measure_weights={}, version=1, by=vera, now=LATER
        )


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE metrics_scorecardversion SET body = '{}' WHERE state = 'live'",
        "UPDATE metrics_scorecardversion SET body_hash = 'x' WHERE state = 'live'",
        "UPDATE metrics_scorecardversion SET number = 7 WHERE state = 'live'",
        "UPDATE metrics_scorecardversion SET state = 'draft', number = NULL WHERE state = 'live'",
        "UPDATE metrics_scorecardversion SET note = 'other' WHERE state = 'live'",
        "DELETE FROM metrics_scorecardversion WHERE state = 'live'",
    ],
)
def test_sql_cannot_change_a_published_version(change):
    starter()
    with pytest.raises(IntegrityError, match="final once published"), transaction.atomic():
        execute(change)


def test_hc_5_a_second_live_version_is_refused_by_the_database(vera):
    draft = changed_draft(vera)
    with pytest.raises(IntegrityError, match=r"one_live|no_overlap"), transaction.atomic():
        execute(
            "UPDATE metrics_scorecardversion SET state = 'live', number = 2, live_from = now() WHERE id = %s",
            [draft.pk],
        )


def execute(sql, values=None):
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
