"""Pages of alerts and feeds: who sees what, what the buttons do, and what it costs."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from config.work.models import AuditEntry
from customers.choices import AlertState
from customers.models import Alert, CustomerSummary
from customers.queries.alerts import BUDGET, alert_groups_of
from customers.services import summaries
from metrics.models import AlertRule, FeedHold, FeedWatch
from metrics.queries.alert_rules import rules_with_precision
from metrics.services.alert_rules import install_alert_rules
from tests.factories.customers import make_assignment, make_customer, make_follow_up

pytestmark = pytest.mark.django_db

ADMIN_PAGES = ("alert_rules", "new_alert_rule", "feeds")
CAUSES = [{"cause": "data", "text": "Zyxcause 5 → 1", "points": "-20.0"}]


def make_alert(receiver, customer=None, *, title="Health fell to Watch", rule="1", at=None, **fields):
    key = f"{rule} {customer.pk if customer else title}"
    return Alert.objects.create(
        receiver=receiver, customer=customer, kind="band_worse", rule=rule, dedupe_key=key, title=title,
        causes=CAUSES, link="/portfolio/", opened_at=at or timezone.now(), **fields,
    )  # fmt: skip


def page(client, user, name, *args, **query):
    client.force_login(user)
    return client.get(reverse(name, args=args), query)


@pytest.mark.parametrize("name", ADMIN_PAGES)
def test_rules_and_feeds_are_for_admins(client, anna, mia, vera, vic, name):
    install_alert_rules()
    statuses = {
        user.name: page(client, user, f"metrics:{name}").status_code for user in (anna, mia, vic, vera)
    }
    assert statuses == {"Anna Berg": 403, "Mia Holm": 403, "Vic Ray": 403, "Vera Lund": 200}


def test_switching_holding_and_editing_are_for_admins(client, anna, mia, vic):
    install_alert_rules()
    rule = AlertRule.objects.first()
    places = [("switch_alert", rule.pk), ("alert_rule", rule.pk), ("hold_feed", "usage")]
    for user in (anna, mia, vic):
        client.force_login(user)
        for name, arg in places:
            assert client.post(reverse(f"metrics:{name}", args=[arg])).status_code == 403
    assert not AuditEntry.objects.filter(action__startswith="alert_rule").exists()


def test_hl_4_an_admin_changes_a_rule(client, vera):
    install_alert_rules()
    rule = AlertRule.objects.get(kind="drop")
    client.force_login(vera)
    href = reverse("metrics:alert_rule", args=[rule.pk])
    data = {
        "title": "Fell 15 in a week",
        "kind": "drop",
        "points": "15",
        "days": "7",
        "receivers": ["owner", "manager"],
    }
    wrong = client.post(href, {**data, "scope": "gold"})
    assert (wrong.status_code, "is no label" in wrong.content.decode()) == (422, True)
    assert client.post(href, {**data, "receivers": []}).status_code == 422
    assert client.post(href, {**data, "scope": "tier=gold&region=EU"}).status_code == 302
    rule.refresh_from_db()
    assert (rule.points, rule.days, rule.scope, rule.is_on) == (15, 7, "tier=gold & region=EU", False)
    client.post(reverse("metrics:switch_alert", args=[rule.pk]), {"on": "1"})
    rule.refresh_from_db()
    assert rule.is_on
    assert client.post(reverse("metrics:new_alert_rule"), data).status_code == 302
    assert AlertRule.objects.count() == 6
    actions = AuditEntry.objects.filter(action__startswith="alert_rule").order_by("pk")
    assert list(actions.values_list("action", flat=True)) == [
        "alert_rule.changed", "alert_rule.switched_on", "alert_rule.added",
    ]  # fmt: skip


def test_hl_7_precision_is_the_share_of_useful_alerts_with_a_follow_up(client, anna, vera, now):
    install_alert_rules()
    rule = AlertRule.objects.get(kind="drop")
    customers = [make_customer(owner=anna) for _ in range(4)]
    for customer, useful in zip(customers, (True, True, False, None), strict=True):
        make_alert(anna, customer, rule=str(rule.pk), useful=useful, at=now - timedelta(days=1))
    for customer in (customers[0], customers[2]):
        make_follow_up(customer, owner=anna, now=now)
    row = next(row for row in rules_with_precision() if row.rule == rule)
    assert (row.sent, row.open, row.useful, row.useless, row.followed, row.hit) == (4, 4, 2, 1, 2, 1)
    assert "25" in page(client, vera, "metrics:alert_rules").content.decode()


def test_hl_4_today_shows_alerts_with_causes_to_their_receiver_alone(client, anna, ben, mia):
    customer = make_customer(owner=anna, name="Zyxalder")
    make_alert(anna, customer)
    for user, sees in ((anna, True), (ben, False), (mia, False)):
        text = page(client, user, "customers:today").content.decode()
        assert ("Zyxcause" in text) is sees
    for name in ("customer", "customer_facts"):
        assert "Zyxcause" in page(client, anna, f"customers:{name}", customer.pk).content.decode()
        assert "Zyxcause" not in page(client, mia, f"customers:{name}", customer.pk).content.decode()


def test_alerts_of_a_customer_who_went_to_another_csm_are_out_of_sight(client, anna, carl, now):
    customer = make_customer(owner=anna)
    alert = make_alert(anna, customer)
    make_assignment(customer, carl, from_on=timezone.now().date(), now=timezone.now())
    assert "Zyxcause" not in page(client, anna, "customers:today").content.decode()
    href = reverse("customers:alert_answer", args=[alert.pk])
    assert client.post(href, {"answer": "seen"}).status_code == 404


def test_al_2_and_al_3_alerts_merge_per_customer_and_keep_a_budget(anna):
    customers = [make_customer(owner=anna) for _ in range(BUDGET + 2)]
    for number, customer in enumerate(customers):
        summaries.publish({customer.pk: {"mrr": number * 100, "tone": "red" if number % 2 else "amber"}})
        make_alert(anna, customer)
        make_alert(anna, customer, rule="2")
    make_alert(anna, title="Core v8 moved 31 of your customers", rule="card")
    shown, held_back = alert_groups_of(anna)
    assert (len(shown), len(held_back)) == (BUDGET + 1, 2)
    assert [len(group.alerts) for group in shown] == [1] + [2] * BUDGET
    assert [int(group.rank) for group in shown[1:4]] == [450, 350, 250]


def test_thumbs_and_putting_away(client, anna, ben):
    alert = make_alert(anna, make_customer(owner=anna))
    href = reverse("customers:alert_answer", args=[alert.pk])
    client.force_login(ben)
    assert client.post(href, {"answer": "useful"}).status_code == 404
    client.force_login(anna)
    part = client.post(
        href, {"answer": "useful"}, headers={"HX-Request": "true", "HX-Target": "today-alerts"}
    )
    assert 'aria-pressed="true"' in part.content.decode()
    client.post(href, {"answer": "nonsense"})
    client.post(href, {"answer": "seen"})
    alert.refresh_from_db()
    assert (alert.useful, alert.state) == (True, AlertState.SEEN)
    assert client.post(href, {"answer": "seen"}).status_code == 404


def test_hk_2_the_banner_counts_what_the_reader_may_read(client, anna, carl):
    now = timezone.now()
    assert (
        "held"
        not in page(client, anna, "metrics:held_feeds")
        .content.decode()
        .split("</title>")[1]
        .split("held-feeds")[1]
    )
    customers = [make_customer(owner=owner) for owner in (anna, anna, carl)]
    CustomerSummary.objects.update(held=True)
    FeedHold.objects.create(
        feed="usage", from_at=now - timedelta(hours=30), noted_at=now, reason="usage: silent"
    )
    mine = page(client, anna, "metrics:held_feeds").content.decode()
    assert "Usage feed silent since" in mine
    assert "2 scores held" in mine
    one = page(client, anna, "metrics:held_feeds", customer=customers[0].pk).content.decode()
    assert ", held." in one
    assert page(client, anna, "metrics:held_feeds", customer=customers[2].pk).status_code == 404
    assert page(client, anna, "metrics:held_feeds", customer="9" * 40).status_code == 200


def test_hk_3_the_feeds_page_holds_and_releases(client, vera):
    client.force_login(vera)
    href = reverse("metrics:hold_feed", args=["usage"])
    client.post(href, {"act": "start", "reason": "short"})
    assert not FeedHold.objects.exists()
    client.post(href, {"act": "start", "reason": "the exporter moves today"})
    assert "the exporter moves today" in page(client, vera, "metrics:feeds").content.decode()
    client.post(href, {"act": "end", "reason": "the exporter has moved"})
    assert FeedHold.objects.get().ended_by == vera
    client.post(
        reverse("metrics:hold_feed", args=["gossip"]), {"act": "start", "reason": "there is no such feed"}
    )
    assert FeedHold.objects.count() == 1


def test_pages_cost_the_same_for_one_row_and_for_many(client, vera, anna):
    install_alert_rules()
    places = ("metrics:alert_rules", "metrics:feeds", "metrics:held_feeds")

    def costs():
        found = []
        for name in places:
            page(client, vera, name)
            with CaptureQueriesContext(connection) as counted:
                client.get(reverse(name))
            found.append(len(counted))
        return found

    now = timezone.now()
    FeedHold.objects.create(feed="usage", from_at=now, noted_at=now, reason="usage: silent")
    FeedWatch.objects.create(feed="usage", checked_at=now)
    one = costs()
    for feed in ("tickets", "surveys"):
        FeedHold.objects.create(feed=feed, from_at=now, noted_at=now, reason="silent", started_by=vera)
        FeedWatch.objects.create(feed=feed, checked_at=now)
    for number in range(3):
        make_alert(anna, make_customer(owner=anna), rule=str(AlertRule.objects.first().pk), title=str(number))
    assert costs() == one
    assert max(one) <= 9
