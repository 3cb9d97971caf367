"""The metrics dashboard and the rows behind it: numbers that close, and whose rows are shown to whom."""

import csv
import io
from datetime import date
from decimal import Decimal
from itertools import pairwise

import pytest
from django.urls import reverse

from customers.services.subscriptions import change_line, end_line
from metrics.forms.dashboard import Span
from metrics.services.recompute import recompute_all
from tests.factories.customers import NOW, make_customer, make_subscription
from tests.factories.users import make_organisation

pytestmark = pytest.mark.django_db

TODAY = date(2026, 3, 16)
SPAN = {"from": "2025-01", "to": "2026-03"}


@pytest.fixture(autouse=True)
def frozen(time_machine):
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def ledger(anna, carl):
    """Anna: Larch grows and shrinks, Alder leaves and returns. Carl: Spruce leaves. All since January 2025."""
    make_organisation(name="Kestrel", currency="EUR", time_zone="UTC")
    larch = make_customer(owner=anna, name="Larch")
    line = make_subscription(larch, mrr="100.10", from_on=date(2025, 1, 10))
    change_line(line=line, from_on=date(2025, 5, 3), amount=Decimal("150.40"), by=None, now=NOW)
    change_line(line=line, from_on=date(2026, 1, 20), amount=Decimal("120.00"), by=None, now=NOW)
    alder = make_customer(owner=anna, name="Alder")
    first = make_subscription(alder, mrr="50.00", from_on=date(2025, 1, 1))
    end_line(line=first, on=date(2025, 9, 15), by=None, now=NOW)
    make_subscription(alder, mrr="60.00", from_on=date(2026, 2, 2), product="Again")
    spruce = make_customer(owner=carl, name="Spruce")
    other = make_subscription(spruce, mrr="200.00", from_on=date(2025, 1, 1))
    end_line(line=other, on=date(2026, 2, 10), by=None, now=NOW, reason="too dear")
    recompute_all(as_of=TODAY, now=NOW)
    return {"larch": larch, "alder": alder, "spruce": spruce}


def get(client, user, name, *args, headers=None, **params):
    client.force_login(user)
    return client.get(reverse(f"metrics:{name}", args=args), params, headers=headers or {})


def bridge_of(client, user, **params):
    body = get(client, user, "bridge_export", **SPAN | params).getvalue().decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(body)))


def test_every_month_closes_and_opens_where_the_last_one_closed(client, vera, ledger):
    rows = bridge_of(client, vera)
    assert len(rows) == 15
    for before, row in pairwise(rows):
        assert row["opening"] == before["closing"]
    for row in rows:
        moves = ("new", "reactivation", "expansion", "contraction", "churn", "fx")
        assert Decimal(row["opening"]) + sum(Decimal(row[kind]) for kind in moves) == Decimal(row["closing"])
        assert Decimal(row["gap"]) == 0
    assert Decimal(rows[-1]["closing"]) == Decimal("180.00")
    assert [row["incomplete"] for row in rows[-2:]] == ["no", "yes"]


def test_quarters_have_the_closings_of_their_last_months(client, vera, ledger):
    months = {row["close_day"]: row["closing"] for row in bridge_of(client, vera)}
    quarters = bridge_of(client, vera, grain="quarter")
    assert [row["period"] for row in quarters] == ["Q1 2025", "Q2 2025", "Q3 2025", "Q4 2025", "Q1 2026"]
    assert all(Decimal(row["closing"]) == Decimal(months[row["close_day"]]) for row in quarters)


def test_a_quarter_is_shown_whole_and_its_links_open_its_months(client, vera, ledger):
    response = get(client, vera, "dashboard", **{"from": "2025-08", "to": "2026-03"}, grain="quarter")
    span = response.context["span"]
    assert (span.first, span.last) == (date(2025, 7, 1), date(2026, 3, 1))
    losses = [cell.href for cell in response.context["bridge"][-1]["cells"] if "kind=churn" in cell.href]
    listed = client.get(losses[0])
    assert [row.customer.name for row in listed.context["page"].rows] == ["Spruce"]
    assert not listed.context["span_form"].errors


def test_a_month_that_runs_is_hatched_and_not_drawn_as_a_fall(client, vera, ledger):
    plot = get(client, vera, "dashboard", **SPAN).context["movements_plot"]
    assert [column.running for column in plot.columns] == [False] * 14 + [True]
    assert len(plot.dots) == 14


def test_a_csm_opens_with_the_own_book_and_may_look_at_company_totals(client, anna, ledger):
    own = get(client, anna, "dashboard", **SPAN)
    company = get(client, anna, "dashboard", **SPAN, whose="company")
    assert own.context["span"].whose == "book"
    assert own.context["figures"][-1].closing == Decimal("180.00")
    assert company.context["figures"][0].closing == Decimal("350.10")
    assert own.context["figures"][0].closing == Decimal("150.10")


def test_an_admin_sees_the_company_and_no_switch(client, vera, ledger):
    response = get(client, vera, "dashboard", **SPAN)
    assert [tab["words"] for tab in response.context["whose"]] == ["Company"]


def test_movements_sum_to_the_number_that_led_there(client, vera, ledger):
    dashboard = get(client, vera, "dashboard", **SPAN)
    for kind in ("new", "reactivation", "expansion", "contraction", "churn", "fx"):
        number = sum(getattr(f, kind) for f in dashboard.context["figures"])
        listed = get(client, vera, "movements", **SPAN, kind=kind)
        assert sum(row.amount for row in listed.context["page"].rows) == number
        assert listed.context["sums"].amount == number


def test_rows_outside_the_book_are_counted_and_not_listed(client, anna, ledger):
    response = get(client, anna, "movements", **SPAN, whose="company", kind="churn")
    assert [row.customer.name for row in response.context["page"].rows] == ["Alder"]
    assert response.context["sums"].rows == 2
    assert response.context["sums"].hidden_rows == 1
    assert response.context["sums"].hidden_amount == Decimal(-200)
    assert "Spruce" not in response.content.decode()
    assert "too dear" not in response.content.decode()


def test_a_ledger_of_a_foreign_customer_is_404(client, anna, carl, ledger):
    assert get(client, carl, "movements", customer=ledger["larch"].pk).status_code == 404
    assert get(client, anna, "movements", customer=ledger["larch"].pk).status_code == 200
    assert get(client, anna, "movements", customer="7x").status_code == 404


def test_tiles_put_the_parts_into_the_formula(client, vera, ledger):
    tiles = {
        tile.key: tile for strip in get(client, vera, "dashboard", **SPAN).context["strips"] for tile in strip
    }
    assert tiles["mrr"].value == "€180"
    assert tiles["nrr_12m"].numbers == "€180 / €350 = 51.4\N{NO-BREAK SPACE}%"
    assert tiles["grr_12m"].numbers == "€150 / €350 = 42.9\N{NO-BREAK SPACE}%"
    assert tiles["logo_churn_rate"].note == "1 of 2 customers"
    assert tiles["nps"].value == ""
    assert tiles["nps"].reason == "there are no answers yet"


def test_what_cannot_be_computed_says_why(client, vera, ledger):
    response = get(client, vera, "dashboard", **{"from": "2025-01", "to": "2025-03"})
    tiles = {tile.key: tile for strip in response.context["strips"] for tile in strip}
    assert tiles["nrr_12m"].value == ""
    assert tiles["nrr_12m"].reason == "there are not yet 12 months of history"
    assert tiles["quick_ratio"].reason == "nothing was lost in the period"


def test_tiles_speak_of_the_last_month_that_is_over(client, vera, ledger):
    response = get(client, vera, "dashboard", **SPAN)
    assert response.context["headline"] == {"word": "Feb 2026", "incomplete": False}
    assert "not over" in response.content.decode()
    running = get(client, vera, "dashboard", **{"from": "2026-03", "to": "2026-03"})
    assert running.context["headline"] == {"word": "Mar 2026", "incomplete": True}


def test_an_unknown_metric_is_404(client, vera, ledger):
    assert get(client, vera, "metric", "made_up").status_code == 404


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"from": "2026-13", "to": "2026-03"}, "is not a month"),
        ({"from": "2026-03", "to": "2025-03"}, "lies before the first"),
        ({"from": "1995-01", "to": "2026-03"}, "at most 60 months"),
        ({"from": "2026-01", "to": "2026-09"}, "has not begun"),
        ({"from": "0000-01", "to": "\x00"}, "is not a month"),
        ({"grain": "fortnight"}, "Select a valid choice"),
        ({"whose": "everybody"}, "Select a valid choice"),
    ],
)
def test_nonsense_in_the_url_is_named_and_the_standing_months_are_shown(client, vera, ledger, params, words):
    response = get(client, vera, "dashboard", **params)
    assert response.status_code == 200
    assert words in response.content.decode()
    assert response.context["span"].grain == "month"
    assert response.context["span"].whose == "company"


def test_a_csm_cannot_widen_the_rows_by_the_url(client, anna, ledger):
    response = get(client, anna, "movements", **SPAN, whose="company", size="200", sort="-amount")
    assert {row.customer.name for row in response.context["page"].rows} == {"Larch", "Alder"}


def test_months_without_revenue_lead_to_those_with_some(client, vera, ledger):
    response = get(client, vera, "dashboard", **{"from": "2023-01", "to": "2023-06"})
    assert "The ledger runs from Jan 2025 to Feb 2026" in response.content.decode()


def test_without_any_subscription_the_page_leads_to_imports(client, vera):
    response = get(client, vera, "dashboard")
    assert "No revenue yet" in response.content.decode()


def test_the_ledger_part_is_the_part_alone(client, vera, ledger):
    headers = {"HX-Request": "true", "HX-Target": "movements"}
    body = get(client, vera, "movements", **SPAN, headers=headers).content.decode()
    assert body.lstrip().startswith('<section class="card" id="movements"')
    assert "<html" not in body


def test_export_needs_the_right_to_export(client, vic, ledger):
    assert get(client, vic, "bridge_export").status_code == 403


def test_a_viewer_of_everything_reads_the_dashboard(client, vic, ledger):
    assert get(client, vic, "dashboard", **SPAN).status_code == 200


@pytest.mark.parametrize("name", ["dashboard", "movements"])
def test_the_number_of_queries_does_not_grow_with_customers(
    client, anna, ledger, name, django_assert_max_num_queries
):
    get(client, anna, name, **SPAN)
    with django_assert_max_num_queries(45) as few:
        get(client, anna, name, **SPAN)
    for number in range(3):
        make_customer(owner=anna, name=f"Pine {number}", mrr="10.00")
    recompute_all(as_of=TODAY, now=NOW)
    with django_assert_max_num_queries(len(few)):
        get(client, anna, name, **SPAN)


def test_years_of_the_pages_begin_with_the_fiscal_year():
    span = Span(date(2025, 5, 1), date(2025, 6, 1), grain="year", fiscal_start=4)
    assert [period.start for period in span.periods] == [date(2025, 4, 1)]
