"""The queue of disagreements: who is listed, how an entry closes, which view was right, and who sees it."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from config.work.models import Job
from metrics import tasks
from metrics.formulas.health_measures import DAY_ZERO, NO_DAY
from metrics.models import CurrentReading, Disagreement, Movement
from metrics.queries.disagreements import facts_since, queue_of, view_rows
from metrics.services.disagreements import DisagreementError, close, find, start_day
from metrics.services.refresh import fill_company, refresh_all_stale
from metrics.services.scorecards import start_draft
from tests.factories.customers import NOW, make_pulse, make_subscription
from tests.factories.health import TODAY, make_answer, make_scored_customer, score_now, starter
from tests.metrics.test_overrides import override

pytestmark = pytest.mark.django_db
WEEK = timedelta(days=7)


@pytest.fixture(autouse=True)
def frozen(time_machine):
    time_machine.move_to(NOW, tick=False)


def make_torn_customer(owner, *, level=1, name="", mrr="100"):
    """Usage has doubled, and the CSM expects to lose it."""
    customer = make_scored_customer(owner=owner, level=level, name=name, mrr=mrr)
    refresh_all_stale(as_of=TODAY, now=NOW)
    return customer


def find_on(day):
    return find(today=day, now=NOW + (day - TODAY))


def listed(user, day=TODAY + WEEK):
    return [row.customer for row in queue_of(user, today=day)[0]]


def test_hd_1_two_views_two_tones_apart_for_a_week_are_listed_by_mrr(anna, mia):
    small, large = make_torn_customer(anna), make_torn_customer(anna, mrr="900")
    make_torn_customer(anna, level=3)
    find_on(TODAY)
    find_on(TODAY + timedelta(days=6))
    assert listed(anna, TODAY + timedelta(days=6)) == []
    find_on(TODAY + WEEK)
    find_on(TODAY + WEEK)
    assert listed(anna) == listed(mia) == [large, small]
    row = Disagreement.objects.get(customer=small)
    assert (row.views["pulse"], row.views["usage"]) == (
        ["red", TODAY.isoformat()],
        ["green", TODAY.isoformat()],
    )
    assert (row.since, row.seen_on) == (TODAY, TODAY + WEEK)


def test_hd_1_the_survey_of_the_customer_is_a_view(anna):
    customer = make_scored_customer(owner=anna, level=5)
    make_answer(customer, 2)
    refresh_all_stale(as_of=TODAY, now=NOW)
    find_on(TODAY)
    assert Disagreement.objects.get(customer=customer).views["survey"][0] == "red"


def test_hd_1_the_computed_score_counts_and_an_expired_pulse_does_not(anna):
    customer = make_torn_customer(anna, level=5)
    row = CurrentReading.objects.get(customer=customer)
    row.days[5] = (TODAY - DAY_ZERO).days - 90
    row.reasons[1], row.values[1], row.days[1] = 1, 0, NO_DAY
    row.save()
    customer.summary.tone = "red"
    customer.summary.save()
    find_on(TODAY)
    assert not Disagreement.objects.exists()
    row.days[5] += 1
    row.save()
    find_on(TODAY)
    assert Disagreement.objects.get().views["score"][0] == "red"


def test_hd_1_an_override_does_not_change_the_view_of_the_computed_score(anna):
    customer = make_torn_customer(anna)
    computed = customer.summary.tone
    override(customer, anna, value="5")
    customer.summary.refresh_from_db()
    assert customer.summary.tone == "red" != computed
    find_on(TODAY)
    assert Disagreement.objects.get().views["score"][0] == computed


def test_hd_1_the_look_starts_once_per_day_after_the_readings_of_it(anna):
    assert start_day(today=TODAY) is None
    fill_company(as_of=TODAY, now=NOW)
    customer = make_torn_customer(anna)
    job = start_day(today=TODAY)
    assert tasks.compare_views(job)["opened"] == 1
    Job.objects.update(state="done")
    assert Disagreement.objects.get().customer == customer
    assert start_day(today=TODAY) is None


def test_hd_2_views_that_agree_again_close_it_with_the_reading_named(anna):
    listed_one, new = make_torn_customer(anna), make_torn_customer(anna)
    find_on(TODAY)
    Disagreement.objects.filter(customer=listed_one).update(since=TODAY - WEEK)
    for customer in (listed_one, new):
        make_pulse(customer, level=4, by=anna, now=NOW + timedelta(minutes=1))
    score_now(now=NOW + timedelta(minutes=2))
    find_on(TODAY)
    row = Disagreement.objects.get()  # what was never listed leaves no trace
    assert (row.customer, row.closing, row.closed_by) == (listed_one, "evidence", None)
    assert row.evidence == "reading pulse"
    assert row.note == "pulse went from red to green"


def shown(customer):
    find_on(TODAY)
    row = Disagreement.objects.get(customer=customer)
    row.since = TODAY - WEEK
    row.save()
    return row


def refuses(entry, by, closing, link="", note=""):
    with pytest.raises(DisagreementError):
        close(entry=entry, closing=closing, link=link, note=note, by=by, now=NOW)


def test_hd_2_an_entry_closes_by_a_linked_fact_only_of_the_customer(anna):
    customer, other = make_torn_customer(anna), make_torn_customer(anna)
    entry = shown(customer)
    foreign = facts_since(other.pk, TODAY - WEEK)[0].name
    for link in ("", "pulse 0", foreign):
        refuses(entry, anna, "evidence", link)
    refuses(entry, anna, "nothing")
    fact = facts_since(customer.pk, entry.since)[0].name
    closed = close(entry=entry, closing="evidence", link=fact, note="", by=anna, now=NOW)
    assert (closed.evidence, closed.closed_by, closed.closed_at, closed.rests_until) == (
        fact,
        anna,
        NOW,
        None,
    )
    refuses(entry, anna, "evidence", fact)


def test_hd_2_an_override_needs_one_in_force_and_rests_until_it_ends(anna):
    customer = make_torn_customer(anna)
    entry = shown(customer)
    refuses(entry, anna, "override")
    set_ = override(customer, anna)
    closed = close(entry=entry, closing="override", link="", note="", by=anna, now=NOW)
    assert (closed.evidence, closed.rests_until) == (f"override {set_.pk}", set_.ends_on)


def test_hd_2_a_change_of_the_scorecard_needs_a_draft(anna, vera):
    entry = shown(make_torn_customer(anna))
    refuses(entry, anna, "card_change", "draft 0")
    draft = start_draft(scorecard=starter().scorecard, by=vera, now=NOW)
    closed = close(entry=entry, closing="card_change", link=f"draft {draft.pk}", note="", by=anna, now=NOW)
    assert closed.evidence == f"draft {draft.pk}"


def test_hd_2_both_right_needs_a_note_and_rests_for_90_days(anna):
    entry = shown(make_torn_customer(anna))
    refuses(entry, anna, "both_right", note="short")
    close(entry=entry, closing="both_right", link="", note="New owners, heavy use", by=anna, now=NOW)
    find_on(TODAY + timedelta(days=89))
    assert not Disagreement.objects.filter(closed_at=None).exists()
    CurrentReading.objects.update(days=[(TODAY - DAY_ZERO).days + 80] * 24)
    find_on(TODAY + timedelta(days=90))
    assert Disagreement.objects.filter(closed_at=None).exists()


def test_hd_2_the_later_outcome_confirms_the_red_or_the_green_view(anna):
    lost, kept = make_torn_customer(anna), make_torn_customer(anna)
    find_on(TODAY)
    since = TODAY - timedelta(days=200)
    for row in Disagreement.objects.all():
        row.since = since
        row.views = {view: [tone, since.isoformat()] for view, (tone, _) in row.views.items()}
        row.save()
    Movement.objects.create(
        customer=lost,
        day=since + timedelta(days=100),
        kind="churn",
        churn_kind="left",
        amount=-100,
        mrr_before=100,
        mrr_after=0,
    )
    ended = since + timedelta(days=50)
    make_subscription(
        kept, product="Extra", from_on=ended.replace(year=ended.year - 1), to_on=ended, external_id="a"
    )
    make_subscription(kept, product="Extra", from_on=ended, external_id="b")
    refresh_all_stale(as_of=TODAY, now=NOW)
    find_on(TODAY)
    assert Disagreement.objects.get(customer=kept).confirmed == "usage"
    rows = {row.view: row for row in view_rows(anna, today=TODAY)}
    assert (rows["usage"].decided, rows["usage"].confirmed) == (2, 1)
    assert (rows["pulse"].decided, rows["pulse"].confirmed) == (2, 1)


def test_hd_2_the_queue_is_for_the_own_book_the_team_and_admins(client, anna, ben, carl, mia, vera, vic):
    entry = shown(make_torn_customer(anna, name="Zyxalder"))
    page, form = reverse("metrics:disagreements"), reverse("metrics:close_disagreement", args=[entry.pk])
    for user, status, found in (
        (anna, 200, 200), (mia, 200, 200), (vera, 200, 200), (ben, 200, 404), (carl, 200, 404), (vic, 403, 403),
    ):  # fmt: skip
        client.force_login(user)
        answer = client.get(page)
        assert answer.status_code == status
        assert ("Zyxalder" in answer.content.decode()) is (found == 200)
        assert client.get(form).status_code == found
        assert client.post(form).status_code == (422 if found == 200 else found)
    client.force_login(anna)
    data = {"closing": "both_right", "note": "New owners, heavy use"}
    assert client.post(form, data).status_code == 302
    entry.refresh_from_db()
    assert entry.closed_by == anna
    assert "rests until" in client.get(page).content.decode()


def test_three_entries_cost_as_much_as_one(client, anna):
    shown(make_torn_customer(anna))
    client.force_login(anna)
    one = queries_of(client)
    for _ in range(2):
        shown(make_torn_customer(anna))
    assert queries_of(client) == one <= 12


def queries_of(client):
    client.get(reverse("metrics:disagreements"))
    with CaptureQueriesContext(connection) as counted:
        assert client.get(reverse("metrics:disagreements")).status_code == 200
    return len(counted)
