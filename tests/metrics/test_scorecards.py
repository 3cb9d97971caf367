"""The life of scorecard versions: drafts, review, going live, roll back, and what the database refuses."""

from datetime import datetime, time, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.queries.organisation import zone
from config.work import jobs
from config.work.models import AuditEntry, Job
from customers.models import StaleMark
from metrics import tasks
from metrics.formulas.health_cards import body_hash
from metrics.models import HealthScore, Scorecard, ScorecardVersion
from metrics.queries.scorecards import live_version, versions_of
from metrics.queries.scores import current_score
from metrics.queries.shown_customers import shown_customers
from metrics.services import promises, rescoring, scorecard_review, scorecards
from metrics.services.refresh import refresh_all_stale
from metrics.services.scorecard_review import NeedsAnotherPersonError, NotInReviewError
from metrics.services.scorecards import CannotPublishError, DraftChangedError, NotADraftError
from tests.factories.customers import NOW, make_pulse
from tests.factories.health import make_scored_customer, put_in_force, score_now, send_draft, starter
from tests.factories.users import make_user

pytestmark = pytest.mark.django_db

NOTE = "Support counts more since spring"
LATER = NOW + timedelta(minutes=5)


@pytest.fixture(autouse=True)
def frozen(time_machine):
    time_machine.move_to(LATER, tick=False)


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


def test_hc_2_going_live_gives_the_next_number_and_closes_the_version_before(vera):
    live = put_in_force(changed_draft(vera), by=vera, now=LATER)
    before, now = versions_of(live.scorecard_id).order_by("number")
    assert (before.number, before.state, before.live_from, before.live_to) == (1, "superseded", NOW, LATER)
    assert (now.number, now.state, now.live_from, now.live_to) == (2, "live", LATER, None)
    assert (now.sent_by, now.approved_by.name, now.approved_alone) == (vera, "Second Admin", "")
    actions = (
        AuditEntry.objects.filter(object_id=str(live.pk)).order_by("pk").values_list("action", flat=True)
    )
    assert list(actions)[-3:] == [
        "scorecard.sent_to_review",
        "scorecard.approved",
        "scorecard.published",
    ]


def test_going_live_starts_one_job_that_scores_everybody_and_marks_nobody_stale(vera):
    customers = [make_scored_customer() for _ in range(3)]
    score_now()
    StaleMark.objects.all().delete()
    live = put_in_force(changed_draft(vera), by=vera, now=LATER)
    assert StaleMark.objects.count() == 0
    job = rescoring.job_of(live)
    assert (job.state, job.title) == ("queued", "Scores under Core v2")
    jobs.run(job.pk)
    job.refresh_from_db()
    assert (job.state, job.result["changed"], job.progress_done) == ("done", 3, 3)
    assert {current_score(one.pk).version for one in customers} == {live}


def test_a_run_is_slices_that_any_worker_takes_and_the_last_look_judges_the_promise(vera, monkeypatch):
    monkeypatch.setattr(rescoring, "RESCORE_BATCH", 2)
    monkeypatch.setattr(rescoring, "BUDGET_S", 0)
    for _ in range(5):
        make_scored_customer()
    score_now()
    job = rescoring.job_of(put_in_force(changed_draft(vera), by=vera, now=LATER))
    jobs.run(job.pk)
    job.refresh_from_db()
    assert (job.state, job.progress_done, job.progress_total) == ("queued", 2, 5)
    slices = Job.objects.filter(kind=rescoring.SLICE_KIND)
    assert slices.count() == 3
    jobs.run(slices.filter(state="queued").first().pk)  # as another worker would
    for _ in range(2):
        Job.objects.filter(pk=job.pk).update(due_at=NOW)
        jobs.run(job.pk)
    job.refresh_from_db()
    assert (job.state, job.progress_done, job.result["changed"]) == ("done", 5, 5)


def test_a_run_says_which_slice_failed(vera, monkeypatch):
    make_scored_customer()
    score_now()
    job = rescoring.job_of(put_in_force(changed_draft(vera), by=vera, now=LATER))

    def fail(**_anything):
        raise ValueError("no room")

    monkeypatch.setattr(rescoring, "rescore", fail)
    monkeypatch.setattr(jobs, "MAX_UNEXPECTED", 1)
    jobs.run(job.pk)
    job.refresh_from_db()
    assert (job.state, "no room" in job.last_error) == ("dead", True)


def test_hc_7_old_scores_keep_their_version(vera):
    customer = make_scored_customer()
    score_now()
    old = current_score(customer.pk)
    frozen = HealthScore.objects.values().get(pk=old.pk)
    live = put_in_force(changed_draft(vera), by=vera, now=LATER)
    score_now(now=LATER)
    new = current_score(customer.pk)
    assert (new.version, new.score > old.score) == (live, True)
    after = HealthScore.objects.values().get(pk=old.pk)
    assert after == {**frozen, "to_at": LATER}


def test_hc_2_numbers_have_no_gaps(vera):
    for support, moment in ((20, LATER), (30, LATER + timedelta(minutes=1))):
        put_in_force(changed_draft(vera, support=support), by=vera, now=moment)
    numbers = ScorecardVersion.objects.order_by("number").values_list("number", "state")
    assert list(numbers) == [(1, "superseded"), (2, "superseded"), (3, "live")]


def test_two_versions_at_the_same_instant_leave_one_live(vera):
    for support in (20, 30):
        put_in_force(changed_draft(vera, support=support), by=vera)
    assert live_version().number == 3


@pytest.mark.parametrize(
    ("support", "note", "said"),
    [(40, "too short", "at least 10 characters"), (10, NOTE, "equals v1"), (-1, NOTE, "below 0")],
)
def test_hc_3_a_draft_that_breaks_a_rule_is_not_sent(vera, support, note, said):
    draft = changed_draft(vera, support=support)
    with pytest.raises(CannotPublishError, match=said):
        send_draft(draft, by=vera, note=note)
    assert ScorecardVersion.objects.get(pk=draft.pk).state == "draft"


def test_hc_3_a_card_without_any_weight_is_not_sent(vera):
    live = starter()
    draft = scorecards.start_draft(scorecard=live.scorecard, by=vera, now=NOW)
    weights = {group["key"]: 0 for group in draft.body["groups"]}
    draft = scorecards.save_draft(
        draft=draft, group_weights=weights, measure_weights={}, version=1, by=vera, now=NOW
    )
    with pytest.raises(CannotPublishError, match="All weights are 0"):
        send_draft(draft, by=vera)


def send(draft, by, **changes):
    asked = {"version": draft.version, "note": NOTE, "effective_on": NOW.date(), "now": LATER}
    return scorecard_review.send_to_review(draft=draft, by=by, **(asked | changes))


def test_hc_3_every_warning_needs_a_note(vera):
    draft = changed_draft(vera)
    scorecards.note_preview(draft=draft, summary={}, now=NOW)
    with pytest.raises(CannotPublishError, match="No backtest of this body"):
        send(draft, vera)
    scorecards.acknowledge(draft=draft, notes={"L-21:": "  first release "}, by=vera, now=NOW)
    assert send(draft, vera).acknowledged == {"L-21:": "first release"}


def test_hc_3_the_preview_is_of_this_body_and_of_today(vera):
    draft = changed_draft(vera)
    scorecards.acknowledge(draft=draft, notes={"L-21:": "first release"}, by=vera, now=NOW)
    with pytest.raises(CannotPublishError, match="not been previewed"):
        send(draft, vera)
    assert scorecards.note_preview(draft=draft, summary={"customers": 3}, now=NOW).preview["customers"] == 3
    with pytest.raises(CannotPublishError, match="older than 24 hours"):
        send(draft, vera, now=NOW + timedelta(hours=25), effective_on=NOW.date() + timedelta(days=9))
    changed = scorecards.save_body(
        draft=draft, body={**draft.body, "min_coverage": 6_000}, version=draft.version, by=vera, now=NOW
    )
    with pytest.raises(CannotPublishError, match="changed after its last preview"):
        send(changed, vera)
    assert scorecards.note_preview(draft=draft, summary={}, now=NOW) is None  # of a body that is gone


def test_hc_3_a_version_is_not_in_force_in_the_past(vera):
    draft = changed_draft(vera)
    with pytest.raises(CannotPublishError, match="in the past"):
        send_draft(draft, by=vera, on=NOW.date() - timedelta(days=1))


def test_what_was_not_previewed_is_not_sent(vera):
    draft = changed_draft(vera)
    with pytest.raises(DraftChangedError):
        send(draft, vera, version=draft.version - 1)


def test_hc_1_a_draft_in_review_cannot_be_saved_and_comes_back_with_a_note(vera, mia):
    sent = send_draft(changed_draft(vera), by=vera)
    with pytest.raises(NotADraftError):
        scorecards.save_body(draft=sent, body=sent.body, version=sent.version, by=vera, now=LATER)
    with pytest.raises(CannotPublishError, match="what has to change"):
        scorecard_review.send_back(version=sent, note=" ", by=mia, now=LATER)
    back = scorecard_review.send_back(version=sent, note="Support is too heavy", by=mia, now=LATER)
    assert (back.state, back.review_note) == ("draft", "Support is too heavy")
    scorecards.save_body(draft=back, body=back.body, version=back.version, by=vera, now=LATER)


def test_hc_4_somebody_else_with_the_grant_approves(vera, mia):
    sent = send_draft(changed_draft(vera), by=vera)
    with pytest.raises(CannotPublishError, match="may not publish"):
        scorecard_review.approve(version=sent, by=mia, now=LATER)
    mia.grants = [*mia.grants, "publish_scorecard"]
    mia.save()
    with pytest.raises(NeedsAnotherPersonError, match="Ask Mia Holm"):
        scorecard_review.approve(version=sent, by=vera, now=LATER, alone_reason="I am in a hurry today")
    assert scorecard_review.approve(version=sent, by=mia, now=LATER).state == "live"


def test_hc_4_the_only_approver_needs_a_reason_that_stays(vera, mia):
    mia.grants, mia.is_active = [*mia.grants, "publish_scorecard"], False
    mia.save()
    sent = send_draft(changed_draft(vera), by=vera)
    with pytest.raises(CannotPublishError, match="only one who may approve"):
        scorecard_review.approve(version=sent, by=vera, now=LATER, alone_reason="hurry")
    live = scorecard_review.approve(
        version=sent, by=vera, now=LATER, alone_reason="Mia is away until the first of May"
    )
    assert (live.state, live.approved_alone) == ("live", "Mia is away until the first of May")
    entry = AuditEntry.objects.get(action="scorecard.approved")
    assert entry.after["approved_alone"] == live.approved_alone


def test_hc_1_a_later_day_waits_until_its_midnight(vera):
    tomorrow = NOW.date() + timedelta(days=1)
    waiting = put_in_force(changed_draft(vera), by=vera, on=tomorrow)
    assert (waiting.state, live_version().number) == ("scheduled", 1)
    midnight = datetime.combine(tomorrow, time.min, zone())
    assert scorecard_review.put_live_due(now=midnight - timedelta(seconds=1)) == 0
    assert scorecard_review.put_live_due(now=midnight) == 1
    assert scorecard_review.put_live_due(now=midnight) == 0
    live = live_version()
    assert (live.pk, live.number, live.live_from) == (waiting.pk, 2, midnight)
    assert rescoring.job_of(live) is not None


def test_hc_1_a_scheduled_version_is_withdrawn(vera):
    waiting = put_in_force(changed_draft(vera), by=vera, on=NOW.date() + timedelta(days=1))
    gone = scorecard_review.withdraw(version=waiting, by=vera, now=LATER)
    assert (gone.state, gone.number) == ("withdrawn", None)
    assert scorecard_review.put_live_due(now=NOW + timedelta(days=3)) == 0
    with pytest.raises(NotInReviewError):
        scorecard_review.withdraw(version=waiting, by=vera, now=LATER)


def test_hc_6_roll_back_is_a_new_version_with_the_numbers_of_the_old_one(vera, mia):
    customer = make_scored_customer()
    score_now()
    first = current_score(customer.pk)
    put_in_force(changed_draft(vera), by=vera, now=LATER)
    score_now(now=LATER)
    old = ScorecardVersion.objects.get(number=1)
    with pytest.raises(CannotPublishError, match="at least 10"):
        scorecard_review.roll_back(to=old, reason="oops", by=vera, now=LATER)
    with pytest.raises(CannotPublishError, match="Only admins"):
        scorecard_review.roll_back(to=old, reason=NOTE, by=mia, now=LATER)
    moment = LATER + timedelta(minutes=5)
    back = scorecard_review.roll_back(to=old, reason="Half of the book turned red", by=vera, now=moment)
    assert (back.number, back.state, back.rollback_of, back.live_from) == (3, "live", old, moment)
    assert back.note == "Back to v1: Half of the book turned red"
    jobs.run(rescoring.job_of(back).pk)
    now = current_score(customer.pk)
    assert (now.version, now.score, now.lines) == (back, first.score, first.lines)
    with pytest.raises(CannotPublishError, match="v3 says the same"):
        scorecard_review.roll_back(to=old, reason="Once more to be sure", by=vera, now=moment)


def test_customers_whom_a_run_missed_are_found_by_the_ticker(vera):
    make_scored_customer()
    score_now()
    live = put_in_force(changed_draft(vera), by=vera, now=LATER)
    assert not rescoring.start_if_left(now=LATER)  # the run is waiting
    Job.objects.update(state="done", finished_at=LATER, created_at=LATER - timedelta(hours=1))
    assert tasks.put_live() == 1
    jobs.run(Job.objects.get(state="queued").pk)
    assert tasks.put_live() == 0
    assert HealthScore.objects.get(to_at=None).version == live


def test_hv_6_what_was_promised_is_compared_with_what_came(vera):
    anchor, mover = make_scored_customer(name="Alder"), make_scored_customer(name="Birch", mrr="300.00")
    refresh_all_stale(as_of=NOW.date(), now=NOW)
    draft = changed_draft(vera, support=1)
    summary = promises.promise(
        customers=shown_customers(),
        before={anchor.pk: "healthy", mover.pk: "healthy"},
        after={anchor.pk: "healthy", mover.pk: "moderate"},
        coverage=Decimal("0.9"),
        as_of=NOW.date(),
    )
    assert summary["movers"] == {str(mover.pk): "moderate"}
    sent = send_draft(draft, by=vera)
    ScorecardVersion.objects.filter(pk=sent.pk).update(preview={**sent.preview, **summary})
    sent.refresh_from_db()
    make_pulse(mover, level=5)
    score_now(now=LATER)
    second = make_user("Second Admin", "admin")
    live = scorecard_review.approve(version=sent, by=second, now=LATER + timedelta(seconds=5))
    job = rescoring.job_of(live)
    jobs.run(job.pk)
    job.refresh_from_db()
    promise = job.result["promise"]
    assert promise["promised"]["moderate"] == {"customers": 1, "mrr": "300.00000000"}
    came = HealthScore.objects.get(customer=mover, to_at=None).band
    assert came == "healthy"
    assert promise["other"] == 1
    assert promise["differences"] == [
        {"customer": mover.pk, "promised": "moderate", "came": came, "facts": ["CSM pulse"]}
    ]


def test_hc_1_a_new_card_offers_actions_and_weights_and_copies(vera):
    actions = scorecards.new_card(title="Product led", kind="actions", by=vera, now=NOW)
    assert (actions.kind, actions.scorecard.key, actions.body["actions"]) == ("actions", "product-led", [])
    weighted = scorecards.new_card(title="Product led", kind="weighted", by=vera, now=NOW)
    assert (weighted.kind, weighted.scorecard.key) == ("weighted", "product-led-2")
    copy = scorecards.new_card(title="Rules", kind="weighted", by=vera, now=NOW, source=starter())
    assert (copy.scorecard.key, copy.body_hash) == ("rules-2", starter().body_hash)
    assert {one.state for one in (actions, weighted, copy)} == {"draft"}
    again = scorecards.start_draft(scorecard=copy.scorecard, by=vera, now=NOW, base=copy)
    assert again.base == copy


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


@pytest.mark.parametrize("column", ["body = '{}'", "body_hash = 'x'", "kind = 'actions'"])
def test_hc_2_sql_cannot_change_what_is_in_review(vera, column):
    sent = send_draft(changed_draft(vera), by=vera)
    with pytest.raises(IntegrityError, match="final once published"), transaction.atomic():
        execute(f"UPDATE metrics_scorecardversion SET {column} WHERE id = %s", [sent.pk])
    with pytest.raises(IntegrityError, match="final once published"), transaction.atomic():
        execute("DELETE FROM metrics_scorecardversion WHERE id = %s", [sent.pk])
