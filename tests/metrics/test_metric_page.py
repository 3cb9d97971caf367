"""The page of a metric: its value, what it is made of, whose rows are shown, its parts, its past, and its files."""

import csv
import io
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from openpyxl import load_workbook

from config.work.pg import recorded_at
from customers.models import Order
from customers.services.subscriptions import change_line, end_line
from metrics.catalog import METRICS
from metrics.formulas.periods import Period
from metrics.queries import definitions
from metrics.queries.metric_answers import TABLES, answers_of, keys_of, lead_of
from metrics.queries.questions import Question
from metrics.queries.row_catalog import ROWS, receipt_of
from metrics.queries.rows import Ask
from metrics.services.closing import close_month, restate
from metrics.services.recompute import recompute_all
from metrics.views.overview import SECTIONS
from tests.factories.customers import (
    NOW,
    make_customer,
    make_follow_up,
    make_subscription,
    make_ticket,
    make_touchpoint,
)
from tests.factories.operations import make_cost
from tests.factories.users import make_organisation

pytestmark = pytest.mark.django_db

TODAY = date(2026, 3, 16)
EARLY = datetime(2025, 1, 3, tzinfo=UTC)  # when most facts were recorded
SPAN = {"from": "2025-01", "to": "2026-03"}
FEBRUARY = Period(date(2026, 2, 1), date(2026, 3, 1))
QUARTER = Period(date(2025, 10, 1), date(2026, 1, 1))
PERIODS = [FEBRUARY, QUARTER, Period(date(2026, 3, 1), date(2026, 4, 1))]


@pytest.fixture(autouse=True)
def frozen(time_machine):
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def ledger(anna, carl):
    """Anna: Larch grows and shrinks, Alder leaves and returns. Carl: Spruce leaves. All since January 2025."""
    make_organisation(name="Kestrel", currency="EUR", time_zone="UTC")
    with recorded_at(EARLY):
        larch = make_customer(owner=anna, name="Larch", tier="A")
        line = make_subscription(larch, mrr="100.10", from_on=date(2025, 1, 10))
        change_line(line=line, from_on=date(2025, 5, 3), amount=Decimal("150.40"), by=None, now=NOW)
        change_line(line=line, from_on=date(2026, 1, 20), amount=Decimal("120.00"), by=None, now=NOW)
        alder = make_customer(owner=anna, name="Alder")
        first = make_subscription(alder, mrr="50.00", from_on=date(2025, 1, 1))
        end_line(line=first, on=date(2025, 9, 15), by=None, now=NOW)
        make_subscription(alder, mrr="60.00", from_on=date(2026, 2, 2), product="Again")
        spruce = make_customer(owner=carl, name="Spruce", tier="B")
        other = make_subscription(spruce, mrr="200.00", from_on=date(2025, 1, 1))
        end_line(line=other, on=date(2026, 2, 10), by=None, now=NOW, reason="too dear")
    recompute_all(as_of=TODAY, now=NOW)
    return {"larch": larch, "alder": alder, "spruce": spruce}


@pytest.fixture
def facts(ledger, anna):
    """The same with a ticket, a contact, a follow-up and two orders."""
    for customer in ledger.values():
        make_ticket(customer, opened_at=NOW - timedelta(days=25), solved_at=NOW - timedelta(days=20))
        make_touchpoint(customer, by=anna, occurred_at=NOW - timedelta(days=22))
        make_follow_up(customer, owner=anna, due_on=date(2026, 2, 20))
        for day in (date(2026, 2, 3), date(2026, 2, 9)):
            named = f"{customer.name} {day}"
            Order.objects.create(
                customer=customer, day=day, amount=Decimal("12.50"), currency="EUR", source_key=named
            )
    return ledger


def get(client, user, name, *args, headers=None, **params):
    client.force_login(user)
    return client.get(reverse(f"metrics:{name}", args=args), params, headers=headers or {})


def names_on(response):
    return [row["customer"] for row in response.context["rows"].page.rows]


def test_every_metric_of_the_catalogue_has_a_page(client, vera, facts):
    for key, metric in METRICS.items():
        response = get(client, vera, "metric", key, **SPAN)
        assert response.status_code == 200, key
        assert metric.title in response.content.decode()


def numbers():
    return sorted({key for name in METRICS for key in keys_of(name) if key in ROWS} | (set(ROWS) - TABLES))


@pytest.mark.parametrize("period", PERIODS)
def test_the_rows_of_every_number_make_the_number(facts, period):
    question = Question([period], TODAY, definitions.current())
    keys = [key for key in numbers() if lead_of(key) == key]
    (values,) = answers_of(question, keys=keys)
    made = {}
    for key in keys:
        receipt = receipt_of(Ask(question, key))
        made[key] = receipt.made([source.sums(None) for source in receipt.sources])
    wrong = {key: (made[key], values[key]) for key in keys if made[key].value != values[key].value}
    assert wrong == {}


@pytest.mark.parametrize(
    ("key", "names"),
    [
        ("mrr", ["Larch", "Alder"]),
        ("nrr_12m", ["Spruce", "Larch", "Alder"]),
        ("grr_12m", ["Spruce", "Larch", "Alder"]),
        ("logo_churn_rate", ["Spruce", "Larch"]),
        ("arpa_close", ["Larch", "Alder"]),
        ("churn_mrr", ["Spruce"]),
    ],
)
def test_a_metric_opens_the_customers_it_is_made_of(client, vera, ledger, key, names):
    assert names_on(get(client, vera, "metric", key, **SPAN)) == names


def test_the_sums_of_the_rows_are_the_parts_of_the_number(client, vera, ledger):
    rows = get(client, vera, "metric", "nrr_12m", **SPAN).context["rows"]
    assert rows.totals == ["€350.10", "€150.10", "€180.00"]
    assert rows.made == "51.4\N{NO-BREAK SPACE}%"


def test_rows_of_a_company_metric_are_those_of_the_own_book(client, anna, ledger):
    response = get(client, anna, "metric", "nrr_12m", **SPAN, whose="company")
    rows = response.context["rows"]
    assert "Spruce" not in response.content.decode()
    assert (rows.hidden, rows.hidden_totals[0], rows.totals[0]) == (1, "€200.00", "€350.10")


def test_costs_are_listed_for_readers_of_the_company_only(client, anna, vera, ledger):
    make_cost(date(2025, 1, 1), 90, months=1)
    january = {"from": "2025-01", "to": "2025-01"}
    theirs = get(client, anna, "metric", "cac", **january, whose="company").context["rows"]
    assert (theirs.hidden, theirs.page.rows, theirs.made) == (1, [], "€30")
    assert not get(client, vera, "metric", "cac", **january).context["rows"].hidden


def test_single_answers_are_no_reading_of_a_viewer(client, vic, ledger):
    response = get(client, vic, "metric", "nps", **SPAN)
    assert response.context["rows"].page.rows == []


def test_rows_are_sorted_by_any_column_and_nonsense_sorts_as_usual(client, vera, ledger):
    assert names_on(get(client, vera, "metric", "mrr", **SPAN, sort="customer")) == ["Alder", "Larch"]
    assert names_on(get(client, vera, "metric", "mrr", **SPAN, sort="closing; drop")) == ["Larch", "Alder"]


def test_the_rows_are_a_part_of_their_own(client, vera, ledger):
    headers = {"HX-Request": "true", "HX-Target": "metric-rows"}
    body = get(client, vera, "metric", "mrr", **SPAN, headers=headers).content.decode()
    assert body.lstrip().startswith('<section class="card" id="metric-rows"')


def test_the_definition_panel_says_how_it_is_counted(client, vera, ledger):
    response = get(client, vera, "metric", "logo_churn_rate", **SPAN)
    body = response.content.decode()
    assert "customers lost / customers paying at opening" in body
    assert ("logo_churn_formula", "standard") in [row[:2] for row in response.context["variants"]]
    assert "Definition of the defaults" in body
    assert "As of 16 Mar 2026" in body.replace('<time datetime="2026-03-16">', "").replace("</time>", "")


def test_a_number_that_is_not_kept_says_what_is_missing(client, vera, ledger):
    body = get(client, vera, "metric", "outcome_attainment", **SPAN).content.decode()
    assert "does not keep success plans" in body


def test_parts_by_a_field_sum_to_the_whole(client, vera, ledger):
    response = get(client, vera, "metric_split", "mrr", **{"from": "2025-12", "to": "2026-01"}, by="tier")
    lines = {line.name: line.value for line in response.context["lines"]}
    assert lines == {"A": "€120", "B": "€200", "unknown": "€0"}
    assert [(line.name, line.value) for line in response.context["totals"]] == [
        ("Sum of the parts", "€320"),
        ("All", "€320"),
    ]


def test_every_kind_of_metric_can_be_split(client, vera, facts):
    for key in ("nps", "fcr_rate", "logo_churn_rate", "ltv", "contact_frequency"):
        response = get(client, vera, "metric_split", key, **SPAN, by="csm_email")
        assert len(response.context["lines"]) == 2, key


def test_as_of_a_past_day_nothing_later_counts(client, vera, ledger):
    past = get(client, vera, "metric", "mrr", as_of="2026-02-05")
    assert past.context["span"].last == date(2026, 2, 1)
    feb = get(client, vera, "metric", "mrr", **{"from": "2026-02", "to": "2026-02"}, as_of="2026-02-05")
    assert feb.context["number"]["value"] == "€380"
    assert "look back" in feb.content.decode()
    assert "as_of=2026-02-05" in feb.context["state"]


def test_as_known_before_anything_was_recorded_there_is_nothing(client, vera, ledger):
    response = get(client, vera, "metric", "mrr", **SPAN, known="2025-01-01")
    assert response.context["number"]["value"] == "€0"
    assert get(client, vera, "metric", "mrr", **SPAN).context["number"]["value"] == "€180"


@pytest.mark.parametrize(
    ("name", "text"), [("as_of", "2027-01-01"), ("known", "2026-02-30"), ("as_of", "\x00")]
)
def test_a_wrong_day_is_named_and_left_out(client, vera, ledger, name, text):
    response = get(client, vera, "metric", "mrr", **SPAN, **{name: text})
    assert response.context["span"].as_of is None
    assert response.context["span_form"].errors


@pytest.fixture
def restated(ledger, vera):
    """February 2026 is closed; then a line of Larch that began in it becomes known."""
    close_month(month=date(2026, 2, 1), by=vera, now=NOW)
    with recorded_at(NOW + timedelta(minutes=5)):
        make_subscription(ledger["larch"], mrr="30.00", from_on=date(2026, 2, 20), product="Late")
    recompute_all(as_of=TODAY, now=NOW)
    assert restate(now=NOW)
    return ledger


def test_a_closed_month_shows_three_columns_and_the_facts(client, vera, restated):
    response = get(client, vera, "metric", "mrr", **SPAN)
    (row,) = response.context["reported"]
    assert (row.as_reported, row.restated, row.difference) == ("€180.00", "€210.00", "+€30.00")
    assert [fact["customer"] for fact in row.facts] == ["Larch"]
    assert response.context["number"]["value"] == "€210"


def test_as_reported_is_a_choice_in_the_url(client, vera, restated):
    response = get(client, vera, "metric", "mrr", **SPAN, shown="reported")
    assert response.context["number"]["value"] == "€180"
    assert "shown=reported" in response.context["state"]
    bridge = get(client, vera, "dashboard", **SPAN, shown="reported").context["bridge"]
    assert bridge[-2]["closing"].text == "€180.00"


def test_facts_of_customers_outside_the_book_have_no_name(client, carl, restated):
    response = get(client, carl, "metric", "mrr", **SPAN, whose="company")
    assert response.context["reported"]
    assert "Larch" not in response.content.decode()


def test_each_section_of_the_overview_loads_apart(client, vera, facts):
    for name in SECTIONS:
        headers = {"HX-Request": "true", "HX-Target": f"metric-section-{name}"}
        response = get(client, vera, "metric_section", name, **SPAN, headers=headers)
        start = f'<section class="card" id="metric-section-{name}"'
        assert response.content.decode().lstrip().startswith(start)
        assert all(line.value or line.reason or line.key in TABLES for line in response.context["lines"])


def test_an_unknown_section_is_404(client, vera):
    assert get(client, vera, "metric_section", "made-up").status_code == 404


def test_few_customers_carry_a_low_n_mark(client, vera, ledger):
    lines = {
        line.key: line for line in get(client, vera, "metric_section", "retention", **SPAN).context["lines"]
    }
    assert lines["logo_churn_rate"].low_n
    assert lines["grr_12m"].hint.source


def test_rows_leave_as_csv_with_their_sum(client, vera, ledger):
    body = get(client, vera, "metric_rows_export", "mrr", "csv", **SPAN).getvalue().decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(body)))
    assert [row["customer"] for row in rows] == ["Larch", "Alder", "sum of all rows"]
    assert sum(Decimal(row["closing"]) for row in rows[:2]) == Decimal(rows[2]["closing"]) == Decimal(180)


def test_rows_leave_as_a_spreadsheet_without_formulas(client, anna, ledger):
    ledger["larch"].name = "=1+1"
    ledger["larch"].save()
    response = get(client, anna, "metric_rows_export", "mrr", "xlsx", **SPAN)
    sheet = load_workbook(io.BytesIO(response.content)).active
    cell = sheet["A2"]
    assert (cell.value, cell.data_type) == ("=1+1", "s")
    assert sheet["B2"].value == 120


def test_the_series_leaves_with_numerators_and_reasons(client, vera, ledger):
    body = get(client, vera, "metric_series_export", "grr_12m", "csv", **SPAN).getvalue().decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(body)))
    assert (rows[0]["grr_12m"], rows[0]["grr_12m_reason"]) == ("", "immature")
    assert Decimal(rows[-2]["grr_12m_numerator"]) == Decimal("150.10")


def test_files_need_the_right_to_export(client, vic, vera, ledger):
    assert get(client, vic, "metric_rows_export", "mrr", "csv").status_code == 403
    assert get(client, vera, "metric_rows_export", "mrr", "pdf").status_code == 404


def test_the_number_of_queries_does_not_grow_with_customers(
    client, anna, ledger, django_assert_max_num_queries
):
    get(client, anna, "metric", "nrr_12m", **SPAN)
    with django_assert_max_num_queries(40) as few:
        get(client, anna, "metric", "nrr_12m", **SPAN)
    for number in range(3):
        make_customer(owner=anna, name=f"Pine {number}", mrr="10.00")
    recompute_all(as_of=TODAY, now=NOW)
    with django_assert_max_num_queries(len(few)):
        get(client, anna, "metric", "nrr_12m", **SPAN)
