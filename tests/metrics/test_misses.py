"""The miss ledger: pages filled from history, labels, the manager's day, the chart, and who sees it."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from config.work.pg import recorded_at
from customers.models import FollowUp
from metrics.models import HealthScore, Miss, Movement
from metrics.queries.misses import quarters_of, waiting_misses
from metrics.services.misses import MissError, find_misses, label_miss, what_was_known
from metrics.services.refresh import refresh_all_stale
from tests.factories.customers import NOW, make_customer, make_follow_up, make_touchpoint
from tests.factories.health import TODAY, make_scored_customer, score_now

pytestmark = pytest.mark.django_db
NOTE = "The sponsor had left in autumn."


@pytest.fixture(autouse=True)
def frozen(time_machine):
    time_machine.move_to(NOW, tick=False)


def make_loss(customer, *, days_ago=0, mrr="100", left="0", churn_kind="left"):
    """The customer paid `mrr` and pays `left` from a day on."""
    return Movement.objects.create(
        customer=customer,
        day=TODAY - timedelta(days=days_ago),
        kind="churn" if left == "0" else "contraction",
        churn_kind=churn_kind if left == "0" else "",
        amount=Decimal(left) - Decimal(mrr),
        mrr_before=Decimal(mrr),
        mrr_after=Decimal(left),
    )


def make_miss(owner, *, days_ago=0, mrr="100", name=""):
    customer = make_customer(owner=owner, name=name)
    make_loss(customer, days_ago=days_ago, mrr=mrr)
    find_misses(today=TODAY, now=NOW)
    return Miss.objects.get(customer=customer)


def test_hd_3_a_page_opens_for_every_churn_and_every_large_loss_once(anna):
    gone, smaller, slightly, paused = (make_customer(owner=anna) for _ in range(4))
    make_loss(gone)
    make_loss(smaller, mrr="3000", left="1999.99", days_ago=3)
    make_loss(slightly, mrr="3000", left="2000")
    make_loss(paused, churn_kind="paused")
    assert find_misses(today=TODAY, now=NOW) == 2
    assert find_misses(today=TODAY, now=NOW) == 0
    found = {row.customer: (row.is_churn, row.lost_mrr, row.day) for row in Miss.objects.all()}
    assert found == {
        gone: (True, Decimal(100), TODAY),
        smaller: (False, Decimal("1000.01"), TODAY - timedelta(days=3)),
    }
    assert set(Miss.objects.first().history) == {"180", "90", "60", "30"}


def test_hd_3_real_movements_are_found(anna):
    customer = make_customer(owner=anna, mrr="50", until=TODAY - timedelta(days=40))
    refresh_all_stale(as_of=TODAY, now=NOW)
    assert find_misses(today=TODAY, now=NOW) == 1
    assert Miss.objects.get().customer == customer


def test_hd_3_history_says_what_was_known_then_and_not_more(anna):
    with recorded_at(NOW):
        customer = make_scored_customer(owner=anna)
        make_follow_up(customer, owner=anna)
    FollowUp.objects.update(created_at=NOW)
    score_now()
    later = NOW + timedelta(days=31)
    day = TODAY + timedelta(days=1)
    (known,) = what_was_known([customer.pk], day=day, now=later).values()
    score = HealthScore.objects.get(customer=customer, to_at=None)
    assert Decimal(known["score"]) == Decimal(known["computed"]) == score.score
    assert Decimal(known["coverage"]) == score.coverage
    assert (known["pulse"], known["tickets"], known["follow_ups"], known["touchpoints"]) == ("4", "0", 1, 1)
    (before,) = what_was_known([customer.pk], day=TODAY - timedelta(days=90), now=later).values()
    assert (before["score"], before["pulse"], before["follow_ups"], before["touchpoints"]) == (
        None,
        None,
        0,
        0,
    )


def test_hd_3_a_follow_up_is_open_until_it_is_done_and_a_touchpoint_counts_for_30_days(anna):
    customer = make_customer(owner=anna)
    make_follow_up(customer, owner=anna)
    FollowUp.objects.update(created_at=NOW - timedelta(days=50), state="done", done_at=NOW)
    with recorded_at(NOW - timedelta(days=40)):
        make_touchpoint(customer, occurred_at=NOW - timedelta(days=40))
    for days_ago, waiting in ((60, 0), (20, 1), (0, 0)):
        day = TODAY - timedelta(days=days_ago)
        assert what_was_known([customer.pk], day=day, now=NOW)[customer.pk]["follow_ups"] == waiting
    for days_ago, touches in ((41, 0), (40, 1), (11, 1), (10, 0)):
        day = TODAY - timedelta(days=days_ago)
        assert what_was_known([customer.pk], day=day, now=NOW)[customer.pk]["touchpoints"] == touches


def test_hd_3_many_losses_of_a_day_are_read_at_once(anna):
    make_loss(make_customer(owner=anna))
    with CaptureQueriesContext(connection) as one:
        find_misses(today=TODAY, now=NOW)
    for _ in range(3):
        make_loss(make_customer(owner=anna), days_ago=1)
    with CaptureQueriesContext(connection) as three:
        assert find_misses(today=TODAY, now=NOW) == 3
    assert len(three) <= len(one)


def test_hd_3_a_loss_taken_back_loses_its_page_unless_it_has_a_label(anna):
    open_one, labelled, kept = (make_miss(anna, days_ago=days) for days in (1, 2, 3))
    label_miss(miss=labelled, label="not_visible", note=NOTE, by=anna, now=NOW)
    Movement.objects.exclude(customer=kept.customer).delete()
    Movement.objects.update(amount=-120, mrr_before=120)
    find_misses(today=TODAY, now=NOW)
    assert Miss.objects.filter(pk=labelled.pk).exists()
    kept.refresh_from_db()
    assert kept.lost_mrr == 120
    make_loss(make_customer(), days_ago=9)
    find_misses(today=TODAY, now=NOW)
    assert not Miss.objects.filter(pk=open_one.pk).exists()


def test_hd_4_one_label_with_a_note(anna):
    row = make_miss(anna)
    for label, note in (("", NOTE), ("nothing", NOTE), ("not_visible", "short")):
        with pytest.raises(MissError):
            label_miss(miss=row, label=label, note=note, by=anna, now=NOW)
    done = label_miss(miss=row, label="seen_acted", note=NOTE, by=anna, now=NOW)
    assert (done.label, done.labelled_by, done.labelled_at) == ("seen_acted", anna, NOW)


def test_hd_4_open_ones_older_than_30_days_are_on_the_managers_day(client, anna, carl, mia):
    old = make_miss(anna, days_ago=31, name="Oldloss")
    make_miss(anna, days_ago=30, name="Newloss")
    make_miss(carl, days_ago=40, name="Strangeloss")
    assert waiting_misses(mia, today=TODAY) == ([old], 1)
    panel = reverse("metrics:open_misses_panel")
    for user, shown in ((mia, True), (anna, False)):
        client.force_login(user)
        assert (panel in client.get(reverse("customers:today")).content.decode()) is shown
    client.force_login(mia)
    text = client.get(panel, headers={"HX-Request": "true"}).content.decode()
    assert "Oldloss" in text
    assert "Newloss" not in text
    assert "Strangeloss" not in text
    label_miss(miss=old, label="outside_control", note=NOTE, by=mia, now=NOW)
    assert waiting_misses(mia, today=TODAY) == ([], 0)


def test_hd_5_labels_per_quarter_by_number_and_mrr(client, anna):
    first, second = make_miss(anna, days_ago=5, mrr="100"), make_miss(anna, days_ago=100, mrr="40")
    make_miss(anna, days_ago=6, mrr="7")
    for row in (first, second):
        label_miss(miss=row, label="present_not_scored", note=NOTE, by=anna, now=NOW)
    quarters = {one.start.isoformat(): one for one in quarters_of(anna, today=TODAY)}
    assert len(quarters) == 8
    running = quarters["2026-01-01"]
    assert dict(running.count) == {"present_not_scored": 1, "": 1}
    assert dict(running.mrr) == {"present_not_scored": Decimal(100), "": Decimal(7)}
    assert dict(quarters["2025-10-01"].mrr) == {"present_not_scored": Decimal(40)}
    client.force_login(anna)
    text = client.get(reverse("metrics:misses")).content.decode()
    assert "MRR lost per quarter by label, from Q2 24 to Q1 26" in text


def test_hd_5_what_was_present_and_not_scored_leads_to_a_new_measure(client, anna, vera):
    row = make_miss(anna)
    client.force_login(vera)
    address = reverse("metrics:miss", args=[row.pk])
    assert "Add a measure" not in client.get(address).content.decode()
    label_miss(miss=row, label="present_not_scored", note=NOTE, by=vera, now=NOW)
    assert "Add a measure" in client.get(address).content.decode()


def test_hd_4_the_ledger_is_for_the_own_book_the_team_and_admins(client, anna, ben, carl, mia, vera, vic):
    row = make_miss(anna, name="Zyxalder")
    page, one = reverse("metrics:misses"), reverse("metrics:miss", args=[row.pk])
    for user, status, found in (
        (anna, 200, 200), (mia, 200, 200), (vera, 200, 200), (ben, 200, 404), (carl, 200, 404), (vic, 403, 403),
    ):  # fmt: skip
        client.force_login(user)
        answer = client.get(page)
        assert answer.status_code == status
        assert ("Zyxalder" in answer.content.decode()) is (found == 200)
        assert client.get(one).status_code == found
        assert client.post(one).status_code == (422 if found == 200 else found)
    client.force_login(anna)
    assert client.post(one, {"label": "not_visible", "note": NOTE}).status_code == 302
    row.refresh_from_db()
    assert (row.label, row.labelled_by) == ("not_visible", anna)
    assert "Zyxalder" in client.get(page, {"label": "not_visible"}).content.decode()
    assert "Zyxalder" not in client.get(page, {"label": "none"}).content.decode()


def test_three_losses_cost_as_much_as_one(client, anna):
    row = make_miss(anna)
    client.force_login(anna)
    pages = [
        reverse("metrics:misses"),
        reverse("metrics:miss", args=[row.pk]),
        reverse("metrics:open_misses_panel"),
    ]
    one = [queries_of(client, page) for page in pages]
    make_miss(anna, days_ago=3)
    make_miss(anna, days_ago=50)
    assert [queries_of(client, page) for page in pages] == one
    assert max(one) <= 12


def queries_of(client, page):
    client.get(page)
    with CaptureQueriesContext(connection) as counted:
        assert client.get(page).status_code == 200
    return len(counted)
