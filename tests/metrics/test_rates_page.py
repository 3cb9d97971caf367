"""The rates pages: currencies in use, how old their rates are, what is left out, and correcting a rate."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.urls import reverse

from config.work.models import AuditEntry
from customers.models import FxRate, StaleMark
from metrics.services.recompute import bring_up_to_date
from tests.factories.ledgers import make_payer, make_rate, make_version
from tests.factories.operations import make_cost

NOW = datetime(2025, 6, 16, 10, tzinfo=UTC)
RATES = reverse("metrics:rates")
pytestmark = pytest.mark.django_db
FIELDS = {"day": "2025-06-16", "currency": "usd", "rate": "1.25", "base": "eur"}


@pytest.fixture(autouse=True)
def frozen(time_machine):
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def payers():
    """Customers in dollars, francs and pounds."""
    for name, currency in (("Larch", "USD"), ("Oak", "USD"), ("Elm", "CHF"), ("Ash", "GBP")):
        make_version(make_payer(name), date(2025, 1, 1), currency=currency)


def text_of(response):
    return " ".join(response.content.decode().split())


def used(client, user):
    client.force_login(user)
    return {row.currency: row for row in client.get(RATES).context["used"]}


def test_currencies_show_their_newest_rate_and_its_age(client, vic, payers):
    make_rate("USD", date(2025, 6, 1), "1.20")
    make_rate("USD", date(2025, 6, 12), "1.25")
    make_rate("CHF", date(2025, 6, 8), "0.95")
    make_cost(date(2025, 1, 1), 10, currency="SEK")
    rows = used(client, vic)
    assert list(rows) == ["USD", "CHF", "GBP", "SEK"]
    assert (rows["USD"].customers, rows["USD"].shown, rows["USD"].age_days) == (2, "1.25", 4)
    assert (rows["USD"].is_old, rows["CHF"].is_old) == (False, True)
    assert rows["GBP"].rate is None


def test_a_rate_through_a_base_is_as_old_as_its_older_leg(client, vera):
    make_version(make_payer(), date(2025, 1, 1), currency="GBP")
    for currency, day in (("GBP", 10), ("EUR", 5)):
        FxRate.objects.create(currency=currency, base="USD", day=date(2025, 6, day), rate=Decimal("0.8"))
    make_version(make_payer("Oak"), date(2025, 1, 1), currency="USD")
    rows = used(client, vera)
    assert (rows["GBP"].age_days, rows["GBP"].base) == (11, "USD")
    assert (rows["USD"].age_days, rows["USD"].shown) == (11, "1")


def test_a_missing_rate_is_counted_in_a_banner(client, vera, payers):
    make_rate("USD", date(2025, 3, 1), "1.20")
    make_rate("CHF", date(2025, 1, 1), "0.9")
    bring_up_to_date(as_of=NOW.date(), now=NOW)
    client.force_login(vera)
    text = text_of(client.get(RATES))
    assert "USD: 2 customers, on days before the first rate; GBP: 1 customer, no rate at all" in text


def test_one_currency_needs_no_rates(client, vera):
    make_version(make_payer(), date(2025, 1, 1))
    client.force_login(vera)
    assert "Only one currency is used" in text_of(client.get(RATES))


def test_an_admin_adds_and_corrects_a_rate(client, vera, payers):
    StaleMark.objects.all().delete()
    client.force_login(vera)
    url = reverse("metrics:rates_of_currency", args=["USD"])
    assert client.post(RATES, FIELDS).url == url
    assert client.post(RATES, FIELDS | {"rate": "1.26"}).url == url
    page = client.get(url)
    assert [row.shown for row in page.context["page"].rows] == ["1.26"]
    assert FxRate.objects.count() == 2
    assert StaleMark.objects.exists()
    assert AuditEntry.objects.filter(action="rates.recorded").count() == 2
    link = client.get(url, {"day": "2025-06-16", "base": "EUR", "rate": "1.26"})
    assert link.context["form"].initial == {
        "day": date(2025, 6, 16), "currency": "USD", "base": "EUR", "rate": Decimal("1.26"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("rate", "0"),
        ("rate", "-1"),
        ("rate", "NaN"),
        ("rate", "1e12"),
        ("day", "0001-01-01"),
        ("day", "x"),
        ("currency", "ZZZ"),
        ("currency", ""),
        ("base", "USD"),
        ("base", "ZZZ"),
    ],
)
def test_what_does_not_fit_is_named_at_its_field(client, vera, field, value):
    client.force_login(vera)
    response = client.post(RATES, FIELDS | {field: value})
    assert response.status_code == 422
    assert list(response.context["form"].errors) == [field]
    assert not FxRate.objects.exists()


def test_only_admins_write(client, mia, anna, vic):
    for user in (mia, anna, vic):
        client.force_login(user)
        assert client.post(RATES, FIELDS).status_code == 403
        text = text_of(client.get(RATES))
        assert "Admins enter rates" in text
        assert ("Import rates" in text) == (user == mia)
    assert not FxRate.objects.exists()


@pytest.mark.parametrize("currency", ["usd", "US", "USDX", "U1D", "ÜSD"])
def test_what_is_no_code_is_404(client, vera, currency):
    client.force_login(vera)
    assert client.get(reverse("metrics:rates_of_currency", args=[currency])).status_code == 404


@pytest.mark.parametrize(
    "query", [{"day": "x"}, {"rate": "x", "base": "y" * 99}, {"rate": "NaN"}, {"page": "-1"}]
)
def test_a_silly_link_is_no_error(client, vera, query):
    client.force_login(vera)
    assert client.get(reverse("metrics:rates_of_currency", args=["USD"]), query).status_code == 200


def test_many_rates_are_paged_in_few_queries(client, vera, django_assert_max_num_queries):
    for day in range(1, 29):
        for month in (1, 2, 3):
            make_rate("USD", date(2025, month, day), "1.1")
    client.force_login(vera)
    with django_assert_max_num_queries(14):
        response = client.get(reverse("metrics:rates_of_currency", args=["USD"]), {"page": 2})
    assert len(response.context["page"].rows) == 34
    with django_assert_max_num_queries(20):
        client.get(RATES)
