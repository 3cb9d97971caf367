"""The costs page: entries, totals by month, and the metrics they feed with their warnings."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.urls import reverse

from config.work.models import AuditEntry
from customers.models import CostEntry
from metrics.formulas.periods import month_period
from metrics.formulas.result import known, unknown
from metrics.queries.cost_totals import Fed
from metrics.services.recompute import bring_up_to_date
from metrics.views.costs import fed_tiles
from tests.factories.ledgers import make_payer, make_version
from tests.factories.operations import make_cost
from tests.factories.users import make_user

NOW = datetime(2025, 6, 16, 10, tzinfo=UTC)
JAN = date(2025, 1, 1)
COSTS = reverse("metrics:costs")
pytestmark = pytest.mark.django_db
FIELDS = {
    "first_on": "2025-01-01", "last_on": "2025-03-31", "what": "acquisition/sales", "amount": "300",
    "currency": "eur", "segment": "", "channel": "",
}  # fmt: skip


@pytest.fixture(autouse=True)
def frozen(time_machine):
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def two_new():
    """Two customers won in the last complete quarter."""
    for name, day in (("Larch", date(2025, 1, 10)), ("Oak", date(2025, 2, 10))):
        make_version(make_payer(name), day, mrr="50")
    bring_up_to_date(as_of=NOW.date(), now=NOW)


def text_of(response):
    return " ".join(response.content.decode().split())


def tiles(response):
    return {tile.title: tile for tile in response.context["tiles"]}


def test_without_entries_the_page_says_that_nothing_is_set_up(client, vera, two_new):
    client.force_login(vera)
    response = client.get(COSTS)
    values = {title: tile.value for title, tile in tiles(response).items()}
    assert values.pop("LTV : CAC").startswith("n/a")
    assert set(values.values()) == {"n/a: it is not set up"}
    assert response.context["quarter"] == "Q1 2025"
    assert "No costs yet" in text_of(response)


def test_an_entry_makes_cac_and_taking_it_back_unmakes_it(client, mia, two_new):
    client.force_login(mia)
    assert client.post(COSTS, FIELDS).url == COSTS
    entry = CostEntry.objects.get()
    assert (entry.from_on, entry.to_on, entry.currency) == (JAN, date(2025, 4, 1), "EUR")
    assert tiles(client.get(COSTS))["Acquisition cost"].value == "€150.00"
    client.post(reverse("metrics:take_back_cost", args=[entry.pk]))
    assert tiles(client.get(COSTS))["Acquisition cost"].value == "n/a: it is not set up"
    assert set(AuditEntry.objects.values_list("action", flat=True)) >= {"cost.added", "cost.voided"}
    assert client.post(reverse("metrics:take_back_cost", args=[entry.pk])).status_code == 404


def test_a_correction_stands_in_the_place_of_the_entry(client, mia, two_new):
    entry = make_cost(JAN, 300, category="trade fairs")
    client.force_login(mia)
    url = reverse("metrics:cost", args=[entry.pk])
    form = client.get(url).context["form"]
    assert form.initial["what"] == "acquisition/trade fairs"
    sent = FIELDS | {"what": "acquisition/trade fairs", "amount": "200.50"}
    assert client.post(url, sent).url == COSTS
    (now,) = CostEntry.objects.current()
    assert (now.amount, now.category) == (Decimal("200.5"), "trade fairs")
    assert client.get(url).status_code == 404


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("first_on", "0001-01-01"),
        ("last_on", "2024-12-31"),
        ("last_on", "9999-12-31"),
        ("what", "bribes/x"),
        ("amount", "-1"),
        ("amount", "NaN"),
        ("amount", "1e30"),
        ("amount", "1000000000000"),
        ("currency", "ZZZ"),
        ("currency", "€"),
        ("segment", "x" * 101),
    ],
)
def test_what_does_not_fit_is_named_at_its_field(client, vera, field, value):
    client.force_login(vera)
    response = client.post(COSTS, FIELDS | {field: value})
    assert response.status_code == 422
    assert list(response.context["form"].errors) == [field]
    assert not CostEntry.objects.exists()


def test_who_reads_and_who_writes(client, vera, mia, anna, vic, two_new):
    entry = make_cost(JAN, 300)
    cost, back = (reverse(f"metrics:{name}", args=[entry.pk]) for name in ("cost", "take_back_cost"))
    for user in (anna, vic):
        client.force_login(user)
        response = client.get(COSTS)
        assert response.status_code == 200
        assert "Add a cost" not in text_of(response)
        assert [client.post(url, FIELDS).status_code for url in (COSTS, cost, back)] == [403] * 3
        assert client.get(cost).status_code == 403
    client.force_login(make_user("Narrow", "viewer", read_scope="own"))
    assert client.get(COSTS).status_code == 403
    assert CostEntry.objects.count() == 1


def test_months_are_spread_by_days_and_a_missing_rate_is_named(client, vera):
    make_cost(date(2025, 4, 1), 9100, months=3)
    make_cost(date(2025, 5, 1), 10, kind="retention", currency="CHF")
    client.force_login(vera)
    response = client.get(COSTS)
    months = {line.month.month: line for line in response.context["months"]}
    assert [months[month].acquisition.value for month in (4, 5, 6)] == [3000, 3100, 3000]
    assert (months[5].retention.reason, months[3].acquisition.reason) == ("missing_rate", "not_configured")
    assert "an exchange rate is missing" in text_of(response)


@pytest.mark.parametrize(
    ("ratio", "tone"),
    [(known("0.9"), "risk"), (known(1), "watch"), (known(3), ""), (unknown("no_churn"), "")],
)
def test_ltv_cac_warns_below_3_and_alarms_below_1(ratio, tone):
    values = {
        "cac": known(10),
        "cac_payback_months": known(1),
        "ltv_cac": ratio,
        "customer_retention_cost": known(10),
    }
    found = fed_tiles(Fed(month_period(JAN), values), "EUR")
    assert [tile.tone for tile in found] == ["", "", tone, ""]
    dear = values | {"ltv_cac": known(3), "customer_retention_cost": known(11)}
    assert fed_tiles(Fed(month_period(JAN), dear), "EUR")[3].warning.startswith(
        "Keeping a customer costs more"
    )


def test_the_page_takes_the_same_queries_whatever_the_entries(
    client, vera, two_new, django_assert_max_num_queries
):
    for month in (1, 2, 3):
        make_cost(date(2025, month, 1), 100, kind="retention")
        make_cost(date(2025, month, 1), 100)
    client.force_login(vera)
    with django_assert_max_num_queries(40):
        client.get(COSTS)
