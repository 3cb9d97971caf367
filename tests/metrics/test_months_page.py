"""The months pages: closing, and what was reported beside what the numbers are today."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.urls import reverse

from config.work.jobs import run
from config.work.models import AuditEntry, Job
from config.work.pg import recorded_at
from customers.services import subscriptions
from metrics import tasks  # noqa: F401 - registers the kinds of jobs
from metrics.models import ClosedMonth
from metrics.services import closing, closing_jobs, definition_previews
from metrics.services.definitions import draft_of, publish
from metrics.services.recompute import bring_up_to_date
from tests.factories.customers import make_customer
from tests.factories.ledgers import make_payer
from tests.factories.users import make_user

NOW = datetime(2025, 3, 16, 10, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
EARLY = datetime(2024, 12, 3, tzinfo=UTC)
JAN, FEB = date(2025, 1, 1), date(2025, 2, 1)
MONTHS, CLOSE = reverse("metrics:months"), reverse("metrics:close_month_now")
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def frozen(time_machine):
    time_machine.move_to(LATER, tick=False)


@pytest.fixture
def larch():
    customer = make_payer("Larch")
    start(customer, date(2024, 12, 10), 100)
    refresh()
    return customer


def start(customer, day, amount, *, at=EARLY, product="Tend"):
    with recorded_at(at):
        return subscriptions.start_line(
            customer=customer, from_on=day, by=None, now=at, amount=amount, currency="EUR", product=product
        )


def refresh():
    bring_up_to_date(as_of=NOW.date(), now=NOW)


def restated(customer, day=date(2025, 1, 5)):
    """January is closed, then a line is recorded that began in it."""
    closing.close_month(month=JAN, by=None, now=NOW)
    start(customer, day, 30, at=LATER, product="Late")
    refresh()
    assert closing.restate(now=NOW)


def text_of(response):
    return " ".join(response.content.decode().split())


def page(client, user, month="2025-01", **query):
    client.force_login(user)
    return client.get(reverse("metrics:closed_month", args=[month]), query)


def test_the_first_month_to_close_is_chosen_then_one_after_the_other(client, vera, larch):
    client.force_login(vera)
    assert client.get(MONTHS).context["choices"] == [FEB, JAN, date(2024, 12, 1)]
    assert client.post(CLOSE, {"month": "2025-01"}).url == MONTHS
    response = client.get(MONTHS)
    assert [(line.month.month, bool(line.closed), line.is_next) for line in response.context["lines"]] == [
        (3, False, False),
        (2, False, True),
        (1, True, False),
    ]
    assert "Months before January 2025 were never closed" in text_of(response)
    assert "Close February 2025" in text_of(response)
    client.post(CLOSE, {"month": "2025-02"})
    assert "No month is over that could be closed" in text_of(client.get(MONTHS))
    assert AuditEntry.objects.filter(action="month.closed").count() == 2
    assert ClosedMonth.objects.get(month=FEB).closed_by == vera


@pytest.mark.parametrize(
    ("month", "words"),
    [
        ("2025-01", "closed already"),
        ("2025-03", "not over yet"),
        ("2025-13", "Choose the month"),
        ("", "Choose the month"),
        ("0000-01", "Choose the month"),
        ("²025-01", "Choose the month"),
    ],
)
def test_what_cannot_be_closed_says_why(client, vera, larch, month, words):
    closing.close_month(month=JAN, by=None, now=NOW)
    client.force_login(vera)
    response = client.post(CLOSE, {"month": month})
    assert response.status_code == 422
    assert words in text_of(response)


def test_with_many_customers_a_worker_closes_the_month(client, vera, larch, monkeypatch):
    monkeypatch.setattr(definition_previews, "AT_ONCE", 0)
    client.force_login(vera)
    client.post(CLOSE, {"month": "2025-01"})
    assert "Waiting for a worker" in text_of(client.get(MONTHS))
    run(Job.objects.get(kind=closing_jobs.JOB_KIND).pk)
    assert ClosedMonth.objects.get().closed_by == vera


def test_only_admins_close_and_nobody_reopens(client, mia, anna, vic, larch):
    for user in (mia, anna, vic):
        client.force_login(user)
        assert client.post(CLOSE, {"month": "2025-01"}).status_code == 403
        assert "Close now" not in text_of(client.get(MONTHS))
    assert not ClosedMonth.objects.exists()


def test_a_viewer_of_less_than_the_company_does_not_see_its_months(client, larch):
    client.force_login(make_user("Narrow", "viewer", read_scope="own"))
    assert client.get(MONTHS).status_code == 403


def test_t_6_three_columns_and_the_facts_behind_the_difference(client, vera, larch):
    restated(larch)
    response = page(client, vera)
    rows = {row["key"]: row for row in response.context["rows"]}
    closing_row = rows["closing"]
    assert (closing_row["as_reported"], closing_row["restated"], closing_row["difference"]) == (
        "€100.00",
        "€130.00",
        "+€30.00",
    )
    assert [one["cause"] for one in closing_row["causes"]] == ["late facts"]
    assert 'href="#cause-1"' in response.content.decode()
    assert f'href="{reverse("customers:customer", args=[larch.pk])}">Larch</a>' in response.content.decode()
    assert "opening" not in rows
    everything = {row["key"]: row for row in page(client, vera, show="all").context["rows"]}
    assert everything["opening"]["difference"] == ""
    listed = client.get(MONTHS)
    assert next(line for line in listed.context["lines"] if line.closed).restated == len(rows)


def test_a_customer_outside_the_scope_is_not_named(client, anna, carl):
    customer = make_customer(owner=anna, name="Larch")
    start(customer, date(2024, 12, 10), 100)
    refresh()
    restated(customer)
    text = text_of(page(client, carl))
    assert "A customer outside your scope" in text
    assert "Larch" not in text


def test_a_month_without_differences_shows_all_its_numbers(client, vic, larch):
    closing.close_month(month=JAN, by=None, now=NOW)
    response = page(client, vic)
    assert "Nothing differs from what was reported" in text_of(response)
    assert len(response.context["rows"]) > 40


@pytest.mark.parametrize("month", ["2025-02", "2025-99", "x", "2025-1", "20250-1"])
def test_an_open_or_silly_month_is_404(client, vera, larch, month):
    assert page(client, vera, month).status_code == 404


def test_a_month_of_another_definition_says_so(client, vera, larch):
    closing.close_month(month=JAN, by=None, now=NOW)
    publish(draft=draft_of(values={"csat_cut": "5"}), by=vera, now=NOW)
    assert "Another definition is in force now" in text_of(page(client, vera))


def test_restate_false_is_explained(client, vera, larch):
    publish(draft=draft_of(values={"restate": "false"}), by=vera, now=NOW)
    client.force_login(vera)
    assert "booked in the first open month" in text_of(client.get(MONTHS))


def test_the_export_holds_all_digits_and_the_causes(client, vera, vic, larch):
    restated(larch)
    url = reverse("metrics:closed_month_export", args=["2025-01"])
    client.force_login(vic)
    assert client.get(url).status_code == 403
    client.force_login(vera)
    lines = b"".join(client.get(url).streaming_content).decode().splitlines()
    closing_line = next(line for line in lines if line.startswith("2025-01,closing,"))
    assert closing_line.startswith("2025-01,closing,Closing MRR,100,130,30,,no,late facts,line version")


def test_the_pages_take_few_queries(client, vera, larch, django_assert_max_num_queries):
    restated(larch)
    client.force_login(vera)
    with django_assert_max_num_queries(16):
        client.get(MONTHS)
    with django_assert_max_num_queries(16):
        page(client, vera)
