"""Cohorts: the table, its blanks and weighted row, and the customers behind a cell."""

from datetime import date
from decimal import Decimal

import pytest
from django.urls import reverse

from customers.services.subscriptions import change_line, end_line
from metrics.services.recompute import recompute_all
from tests.factories.customers import NOW, make_customer, make_subscription
from tests.factories.users import make_organisation

pytestmark = pytest.mark.django_db

TODAY = date(2026, 3, 16)


@pytest.fixture(autouse=True)
def frozen(time_machine):
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def ledger(anna, carl):
    """December 2025: Larch (stays, grows), Alder (leaves in January), Spruce of Carl (stays). January: Pine of Anna."""
    make_organisation(name="Kestrel", currency="EUR", time_zone="UTC")
    larch = make_subscription(make_customer(owner=anna, name="Larch"), mrr="100", from_on=date(2025, 12, 5))
    change_line(line=larch, from_on=date(2026, 2, 1), amount=Decimal(150), by=None, now=NOW)
    alder = make_subscription(make_customer(owner=anna, name="Alder"), mrr="60", from_on=date(2025, 12, 9))
    end_line(line=alder, on=date(2026, 1, 20), by=None, now=NOW)
    make_subscription(make_customer(owner=carl, name="Spruce"), mrr="40", from_on=date(2025, 12, 1))
    make_subscription(make_customer(owner=anna, name="Pine"), mrr="10", from_on=date(2026, 1, 3))
    recompute_all(as_of=TODAY, now=NOW)


def get(client, user, name, *args, **params):
    client.force_login(user)
    return client.get(reverse(f"metrics:{name}", args=args), params)


def cells_of(response):
    return {row["word"]: [cell["text"] for cell in row["cells"]] for row in response.context["rows"]}


def test_cohorts_of_customers_end_with_the_last_month_that_is_over(client, vera, ledger):
    response = get(client, vera, "cohorts")
    assert cells_of(response) == {"Dec 2025": ["100", "67", "67"], "Jan 2026": ["100", "100"]}
    assert [cell["text"] for cell in response.context["average"]] == ["100", "75", "67"]


def test_cells_not_reached_are_blank_and_no_zero(client, vera, ledger):
    body = get(client, vera, "cohorts").content.decode()
    assert body.count('<th scope="col" aria-label="Month') == 3
    assert ">0</a>" not in body


@pytest.mark.parametrize(
    ("of", "december", "average"),
    [("kept", ["100", "70", "70"], ["100", "71", "70"]), ("mrr", ["100", "70", "95"], ["100", "71", "95"])],
)
def test_money_is_shown_before_and_with_expansion(client, vera, ledger, of, december, average):
    response = get(client, vera, "cohorts", of=of)
    assert cells_of(response)["Dec 2025"] == december
    assert [cell["text"] for cell in response.context["average"]] == average


def test_a_csm_sees_the_own_book_and_the_company_on_request(client, anna, ledger):
    assert cells_of(get(client, anna, "cohorts"))["Dec 2025"] == ["100", "50", "50"]
    assert cells_of(get(client, anna, "cohorts", whose="company"))["Dec 2025"] == ["100", "67", "67"]


def test_a_cell_opens_its_customers(client, vera, ledger):
    response = get(client, vera, "cohort_customers", "2025-12", 2)
    rows = {row["customer__name"]: (row["start"], row["now"]) for row in response.context["page"].rows}
    assert rows == {"Larch": (100, 150), "Alder": (60, 0), "Spruce": (40, 40)}
    assert sum(now > 0 for _, now in rows.values()) == response.context["cell"].paying


def test_customers_outside_the_book_are_counted_and_not_listed(client, anna, ledger):
    response = get(client, anna, "cohort_customers", "2025-12", 2, whose="company")
    assert {row["customer__name"] for row in response.context["page"].rows} == {"Larch", "Alder"}
    assert response.context["hidden"] == 1
    assert "Spruce" not in response.content.decode()


@pytest.mark.parametrize(("month", "k"), [("2025-12", 3), ("2024-01", 0), ("2025-13", 0), ("nonsense", 0)])
def test_a_cell_that_is_not_there_is_404(client, vera, ledger, month, k):
    assert get(client, vera, "cohort_customers", month, k).status_code == 404


def test_nonsense_in_the_url_shows_the_standing_table(client, vera, ledger):
    response = get(client, vera, "cohorts", of="tigers", whose="mine")
    assert response.context["of"] == "logos"


def test_without_any_cohort_the_page_says_when_one_begins(client, vera):
    assert "No cohort yet" in get(client, vera, "cohorts").content.decode()


def test_the_number_of_queries_does_not_grow_with_customers(
    client, anna, ledger, django_assert_max_num_queries
):
    get(client, anna, "cohorts")
    with django_assert_max_num_queries(20) as few:
        get(client, anna, "cohorts")
    for number in range(3):
        make_customer(owner=anna, name=f"Fir {number}", mrr="10.00", since=date(2025, 11, 1))
    recompute_all(as_of=TODAY, now=NOW)
    with django_assert_max_num_queries(len(few)):
        get(client, anna, "cohorts")


def test_the_customers_of_every_cell_add_up_to_it(client, vera, ledger):
    for row in get(client, vera, "cohorts", of="mrr").context["rows"]:
        for cell in row["cells"]:
            response = client.get(cell["href"])
            sums, shown = response.context["sums"], response.context["cell"]
            assert (sums["now"], sums["start"], sums["paying"]) == (shown.mrr, shown.initial, shown.paying)
            assert response.context["count"] == shown.size


def test_cohorts_are_compared_part_by_part_and_narrowed_to_one(client, vera, ledger):
    response = get(client, vera, "cohorts", by="csm_email")
    by_name = {row["name"]: [cell["text"] for cell in row["average"]] for row in response.context["parts"]}
    assert sorted(by_name.values()) == [["100", "100", "100"], ["100", "67", "50"]]
    carl = next(row for row in response.context["parts"] if "carl" in row["name"])
    narrowed = client.get(f"{reverse('metrics:cohorts')}?{carl['query']}")
    assert cells_of(narrowed) == {"Dec 2025": ["100", "100", "100"]}
    inside = client.get(narrowed.context["rows"][0]["cells"][0]["href"])
    assert [row["customer__name"] for row in inside.context["page"].rows] == ["Spruce"]


def test_a_field_that_is_not_offered_splits_nothing(client, vera, ledger):
    assert get(client, vera, "cohorts", by="password", part="x").context["parts"] == []
