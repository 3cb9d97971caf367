"""Follow-ups: the list by tab, finishing, reopening, moving; and Today."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from django.urls import reverse as url
from django.utils import timezone

from customers.models import FollowUp
from customers.queries.follow_ups import due_days
from customers.queries.today import day_of
from customers.services import summaries
from tests.factories.customers import make_customer, make_follow_up
from tests.factories.users import make_organisation

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
def alder(anna):
    return make_customer(owner=anna, name="Alder")


def titles(response):
    return [item["row"].title for item in response.context["rows"]]


def test_tabs_hold_mine_others_nobodys_and_done(client, anna, ben, alder, now):
    from customers.services import follow_ups

    make_follow_up(alder, title="mine", owner=anna)
    make_follow_up(alder, title="his", owner=ben)
    make_follow_up(alder, title="free", owner=None)
    done = make_follow_up(alder, title="over", owner=anna)
    follow_ups.complete(follow_up=done, outcome="won", by=anna, now=now)
    client.force_login(anna)
    for tab, expected in (
        ("mine", "mine"),
        ("team", "his"),
        ("unassigned", "free"),
        ("done", "over"),
        ("x", "mine"),
    ):
        assert titles(client.get(url("customers:follow_ups"), {"tab": tab})) == [expected], tab


def test_a_stranger_sees_none_and_cannot_touch_one(client, anna, carl, alder):
    row = make_follow_up(alder, title="Call back", owner=anna)
    client.force_login(carl)
    assert titles(client.get(url("customers:follow_ups"), {"tab": "team"})) == []
    assert client.get(url("customers:follow_up_change", args=[row.pk])).status_code == 404
    for name in ("follow_up_done", "follow_up_reopen", "follow_up_change"):
        assert client.post(url(f"customers:{name}", args=[row.pk])).status_code == 404
    row.refresh_from_db()
    assert row.state == "open"


def test_done_keeps_who_when_and_what_came_of_it_and_twice_is_refused(client, anna, alder):
    row = make_follow_up(alder, title="Call back", owner=anna)
    client.force_login(anna)
    href = url("customers:follow_up_done", args=[row.pk])
    htmx = {"HX-Request": "true"}
    response = client.post(href, {"outcome": "Renewed"}, headers=htmx)
    assert response.headers["HX-Trigger"] == "customer-changed"
    assert b"Done: Call back" in response.content
    row.refresh_from_db()
    assert (row.state, row.outcome, row.done_by) == ("done", "Renewed", anna)
    again = client.post(href, {"outcome": "Lost"}, headers=htmx)
    assert b"is done already" in again.content
    row.refresh_from_db()
    assert row.outcome == "Renewed"
    undo = url("customers:follow_up_reopen", args=[row.pk])
    assert f'hx-post="{undo}"'.encode() in response.content
    assert b"Undo" not in again.content
    client.post(undo)
    row.refresh_from_db()
    assert (row.state, row.outcome) == ("open", "")


def test_the_answer_goes_back_to_our_own_pages_only(client, anna, alder):
    client.force_login(anna)
    for wanted, expected in (
        ("/portfolio/", "/portfolio/"),
        ("https://evil.example/", "/follow-ups/"),
        ("//evil.example", "/follow-ups/"),
    ):
        row = make_follow_up(alder, owner=anna)
        response = client.post(url("customers:follow_up_done", args=[row.pk]), {"next": wanted})
        assert response.url == expected


def test_moving_and_reassigning(client, anna, ben, alder):
    row = make_follow_up(alder, owner=anna, due_on=date(2026, 3, 16))
    client.force_login(anna)
    href = url("customers:follow_up_change", args=[row.pk])
    assert client.post(href, {"due_on": "32.13.", "owner": ben.pk}).status_code == 422
    client.post(href, {"due_on": "2026-04-01", "owner": ben.pk})
    row.refresh_from_db()
    assert (row.due_on, row.owner) == (date(2026, 4, 1), ben)


def test_a_new_follow_up_is_opened_once_though_the_form_is_sent_twice(client, anna, alder):
    client.force_login(anna)
    sent = {
        "title": "Send the offer",
        "due_on": "2026-03-20",
        "owner": anna.pk,
        "kind": "call",
        "priority": "high",
        "once": uuid4().hex,
    }
    for _ in range(2):
        client.post(url("customers:follow_up_form", args=[alder.pk]), sent)
    assert FollowUp.objects.filter(title="Send the offer").count() == 1


def test_the_form_proposes_the_csm_of_the_customer(client, mia, anna, alder):
    client.force_login(mia)
    form = client.get(url("customers:follow_up_form", args=[alder.pk])).context["form"]
    assert form.initial["owner"] == anna


def test_overdue_is_judged_where_the_owner_lives(anna, ben, alder):
    midnight = datetime(
        2026, 3, 16, 23, 30, tzinfo=UTC
    )  # already the 17th in Berlin, still the 16th in New York
    ben.time_zone = "America/New_York"
    ben.save()
    here = make_follow_up(alder, owner=anna, due_on=date(2026, 3, 16))
    there = make_follow_up(alder, owner=ben, due_on=date(2026, 3, 16))
    assert due_days(here, now=midnight, zone=BERLIN) == -1
    assert due_days(there, now=midnight, zone=BERLIN) == 0


def test_the_list_sorts_by_its_columns_and_ignores_others(client, anna, alder):
    make_follow_up(alder, title="b", owner=anna, due_on=date(2026, 3, 1), priority="low")
    make_follow_up(alder, title="a", owner=anna, due_on=date(2026, 3, 2), priority="high")
    client.force_login(anna)
    href = url("customers:follow_ups")
    assert titles(client.get(href)) == ["b", "a"]
    assert titles(client.get(href, {"sort": "title"})) == ["a", "b"]
    assert titles(client.get(href, {"sort": "priority"})) == ["a", "b"]
    assert titles(client.get(href, {"sort": "owner__password", "page": "x"})) == ["b", "a"]


def test_today_orders_work_by_priority_and_leaves_out_what_is_far(client, anna, alder, now):
    make_organisation(currency="EUR")
    birch = make_customer(owner=anna, name="Birch")
    summaries.publish(
        {
            alder.pk: {"mrr": Decimal(10), "score": Decimal(90), "tone": "green", "renewal_on": None},
            birch.pk: {"mrr": Decimal(900), "score": Decimal(20), "tone": "red", "renewal_on": now.date() + timedelta(days=20)},
        }
    )  # fmt: skip
    make_follow_up(alder, title="calm", owner=anna, due_on=now.date())
    make_follow_up(birch, title="pressing", owner=anna, due_on=now.date() + timedelta(days=1))
    make_follow_up(birch, title="far", owner=anna, due_on=now.date() + timedelta(days=8))
    found = day_of(anna, today=now.date(), now=now, zone=ZoneInfo("UTC"))
    assert [item.follow_up.title for item in found.work] == ["pressing", "calm"]
    assert found.next_due.title == "far"
    assert [row.name for row in found.renewals] == ["Birch"]


def test_today_of_a_stranger_holds_nothing_of_anna(client, anna, carl, alder):
    today = timezone.now().date()
    summaries.publish({alder.pk: {"renewal_on": today + timedelta(days=5), "score": Decimal(40), "trend_30d": Decimal(-20), "tone": "red"}})  # fmt: skip
    make_follow_up(alder, title="Call Alder", owner=anna, due_on=today)
    client.force_login(carl)
    assert b"Alder" not in client.get(url("customers:today")).content
    client.force_login(anna)
    assert client.get(url("customers:today")).content.count(b"Alder") >= 3


def test_today_with_nothing_due_names_the_next_item(client, anna, alder):
    make_follow_up(alder, title="Far away", owner=anna, due_on=timezone.now().date() + timedelta(days=30))
    client.force_login(anna)
    assert "Nothing due. Next: “Far away”" in client.get(url("customers:today")).content.decode()
