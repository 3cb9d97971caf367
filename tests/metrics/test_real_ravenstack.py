"""A made-up SaaS company whose three notions of churn disagree: imported by command, and recounted."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

import pytest

from customers.models import LineVersion, Ticket, UsageEvent
from tests.factories.ledgers import DATA
from tests.factories.real_data import (
    Line,
    Recount,
    assert_cohorts_agree,
    assert_ledger_agrees,
    assert_months_agree,
    bring,
    installation,
    rows_of,
    table,
)

FOLDER = DATA / "ravenstack_saas"
UNTIL = date(2024, 12, 31)
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(not FOLDER.exists(), reason="the shared data folder is not beside the repository"),
]


def file(name):
    return FOLDER / f"ravenstack_{name}.csv"


@pytest.fixture(scope="module")
def company(django_db_setup, django_db_blocker):
    """Imported by command; the answers of the imports by their names."""
    with installation(django_db_blocker, "USD"):
        yield {
            "customers": bring("customers", file("accounts"), "ravenstack_customers"),
            "lines": bring(
                "subscriptions",
                file("subscriptions"),
                "ravenstack_subscriptions",
                *("--set", "currency=USD", "--skip-bad"),
            ),
            "usage": bring("usage", file("feature_usage"), "ravenstack_usage"),
            "tickets": bring("tickets", file("support_tickets"), "ravenstack_tickets"),
        }


@pytest.fixture(scope="module")
def lines():
    return [(number, row) for number, row in rows_of(file("subscriptions"))]


@pytest.fixture(scope="module")
def recount(lines):
    def day(text):
        return date.fromisoformat(text) if text else None

    return Recount(
        [
            Line(row["account_id"], day(row["start_date"]), day(row["end_date"]), Fraction(row["mrr_amount"]))
            for _, row in lines
            if row["is_trial"] == "FALSE" and row["start_date"] != row["end_date"]
        ],
        until=UNTIL,
    )


def test_every_row_is_taken_or_named(company, lines):
    nothing = [number for number, row in lines if row["start_date"] == row["end_date"]]
    assert [(error["row"], error["column"]) for error in company["lines"]["errors"]] == [
        (number, "end_date") for number in nothing
    ]
    counts = {name: (item["rows"], item["created"], item["rejected"]) for name, item in company.items()}
    assert counts == {
        "customers": (500, 500, 0),
        "lines": (5000, 5000 - len(nothing), len(nothing)),
        "usage": (25_000, 25_000, 0),
        "tickets": (2000, 2000, 0),
    }
    assert LineVersion.objects.filter(status="trial").count() == sum(
        row["is_trial"] == "TRUE" and number not in nothing for number, row in lines
    )


def test_months_ledger_and_cohorts_are_what_a_recount_finds(company, recount):
    rows = table("metrics", "--from", "2023-01", "--to", "2024-12")
    assert_months_agree(rows, recount)
    assert_ledger_agrees(table("movements", "--to", UNTIL), recount)
    assert_cohorts_agree(table("cohorts"), recount, UNTIL)


def test_the_three_notions_of_churn_disagree_and_the_lines_decide(company, recount):
    flagged = {row["account_id"] for _, row in rows_of(file("accounts")) if row["churn_flag"] == "TRUE"}
    events = {row["account_id"] for _, row in rows_of(file("churn_events"))}
    paying = recount.closing(UNTIL)
    assert (len(flagged), len(events), len(flagged & events), len(paying)) == (110, 352, 75, 500)
    (last,) = table("metrics", "--from", "2024-12", "--to", "2024-12")
    assert int(last["close_logos"]) == len(paying)


def test_usage_finds_its_account_through_the_subscription(company, lines):
    owner = {row["subscription_id"]: row["account_id"] for _, row in lines}
    wanted = Counter()
    for _, row in rows_of(file("feature_usage")):
        wanted[owner[row["subscription_id"]], row["usage_date"], row["feature_name"]] += int(
            row["usage_count"]
        )
    stored = Counter()
    fields = ("customer__external_ids__value", "day", "feature", "count")
    for name, day, feature, count in UsageEvent.objects.values_list(*fields):
        stored[name, day.isoformat(), feature] += count
    assert stored == wanted


def test_tickets_keep_their_hours_and_scores(company):
    wanted = {}
    for _, row in rows_of(file("support_tickets")):
        opened = datetime.fromisoformat(row["submitted_at"]).replace(tzinfo=UTC)
        first = opened + timedelta(minutes=int(row["first_response_time_minutes"]))
        score = int(row["satisfaction_score"]) if row["satisfaction_score"] else None
        solved = opened + timedelta(hours=int(row["resolution_time_hours"]))
        wanted[row["ticket_id"]] = (opened, solved, first, score, row["escalation_flag"] == "TRUE")
    fields = ("source_key", "opened_at", "solved_at", "first_response_at", "csat", "escalated")
    assert {key: tuple(rest) for key, *rest in Ticket.objects.values_list(*fields)} == wanted
