"""Revenue and usage on the customer page: what they show, and that strangers find nothing."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.urls import reverse

from customers.services.subscriptions import change_line
from metrics.formulas.money import total
from metrics.services.recompute import recompute_all
from tests.factories.customers import NOW, make_customer, make_subscription, make_usage
from tests.factories.users import make_organisation

pytestmark = pytest.mark.django_db

TODAY = date(2026, 3, 16)


@pytest.fixture(autouse=True)
def frozen(time_machine):
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def larch(anna):
    """Pays 100 since June 2025 and 150 since January 2026, for 10 seats."""
    make_organisation(name="Kestrel", currency="EUR", time_zone="UTC")
    customer = make_customer(owner=anna, name="Larch")
    line = make_subscription(customer, mrr="100", from_on=date(2025, 6, 10), quantity=Decimal(10))
    change_line(line=line, from_on=date(2026, 1, 12), amount=Decimal(150), by=None, now=NOW)
    return customer


def recompute():
    recompute_all(as_of=TODAY, now=NOW, usage_from=date(2025, 1, 1))


def panel(client, user, name, customer):
    client.force_login(user)
    url = reverse(f"metrics:{name}", args=[customer.pk])
    return client.get(url, headers={"HX-Request": "true", "HX-Target": name.replace("_", "-")})


def test_revenue_closes_over_its_months(client, anna, larch):
    recompute()
    revenue = panel(client, anna, "revenue_panel", larch).context["revenue"]
    assert (revenue.mrr, revenue.arr) == (150, 1800)
    assert revenue.opening + total(amount for _, amount in revenue.parts) == revenue.mrr
    assert dict(revenue.parts)["expansion"] == 50
    assert len(revenue.months) == 13


def test_revenue_names_lines_and_movements_with_their_reason(client, anna, larch):
    recompute()
    response = panel(client, anna, "revenue_panel", larch)
    assert response.context["revenue"].lines_in_force == 1
    assert [row["words"] for row in response.context["movements"]] == ["Expansion", "New"]
    assert "MRR from €0 in Mar 2025 to €150 in Mar 2026" in response.content.decode()


def test_without_a_subscription_the_revenue_panel_leads_to_imports(client, anna):
    customer = make_customer(owner=anna, name="Empty")
    assert "No subscription yet" in panel(client, anna, "revenue_panel", customer).content.decode()


def test_people_are_counted_once_per_week_and_once_per_month(client, anna, larch):
    for back, user in ((0, "u1"), (1, "u1"), (1, "u2"), (8, "u3")):
        make_usage(larch, day=TODAY - timedelta(days=back), user=user, event="report")
    recompute()
    usage = panel(client, anna, "usage_panel", larch).context["usage"]
    assert usage.basis == "people"
    assert [count for _, count in usage.weeks[-3:]] == [1, 2, 1]
    assert usage.weeks[0][1] is None
    assert (usage.mau, usage.last_seen_on) == (3, TODAY)
    assert usage.licence_use.value == Decimal("0.3")
    assert [(feature.name, feature.uses, feature.people) for feature in usage.features] == [("report", 4, 3)]


def test_a_feed_of_totals_shows_its_busiest_day(client, anna, larch):
    for back, users in ((0, 4), (8, 9), (9, 7)):
        make_usage(larch, day=TODAY - timedelta(days=back), user="", event="", users=users, count=20)
    recompute()
    usage = panel(client, anna, "usage_panel", larch).context["usage"]
    assert (usage.basis, usage.mau) == ("totals", None)
    assert [count for _, count in usage.weeks[-3:]] == [9, 0, 4]


def test_without_usage_the_panel_says_what_feeds_it(client, anna, larch):
    recompute()
    assert "No usage yet" in panel(client, anna, "usage_panel", larch).content.decode()


@pytest.mark.parametrize("name", ["revenue_panel", "usage_panel"])
def test_a_panel_of_a_foreign_customer_is_404_as_part_and_as_page(client, carl, larch, name):
    assert panel(client, carl, name, larch).status_code == 404
    assert client.get(reverse(f"metrics:{name}", args=[larch.pk])).status_code == 404
    assert client.get(reverse(f"metrics:{name}", args=[10**9])).status_code == 404


@pytest.mark.parametrize("name", ["revenue_panel", "usage_panel"])
def test_a_panel_opened_directly_is_a_page_with_the_same_panel(client, anna, larch, name):
    recompute()
    part = panel(client, anna, name, larch).content.decode()
    assert part.lstrip().startswith(f'<section class="card" id="{name.replace("_", "-")}"')
    page = client.get(reverse(f"metrics:{name}", args=[larch.pk])).content.decode()
    assert "<html" in page
    assert f'id="{name.replace("_", "-")}"' in page


@pytest.mark.parametrize("name", ["revenue_panel", "usage_panel"])
def test_the_number_of_queries_does_not_grow_with_rows(
    client, anna, larch, name, django_assert_max_num_queries
):
    recompute()
    panel(client, anna, name, larch)
    with django_assert_max_num_queries(20) as few:
        panel(client, anna, name, larch)
    for number in range(3):
        make_subscription(larch, mrr="10", from_on=date(2026, 1, 1 + number), product=f"Add-on {number}")
        make_usage(larch, day=TODAY - timedelta(days=number), user=f"u{number}", event=f"report {number}")
    recompute()
    with django_assert_max_num_queries(len(few)):
        panel(client, anna, name, larch)
