"""A telephone company without dates: a stated reference day, and the known churn of 26.5 per cent."""

import csv
import os
from calendar import monthrange
from datetime import date
from fractions import Fraction

import pytest

from tests.factories.ledgers import DATA
from tests.factories.real_data import (
    Line,
    Recount,
    assert_ledger_agrees,
    assert_months_agree,
    bring,
    installation,
    rounded,
    rows_of,
    table,
)

FILE = DATA / "telco_churn_ibm" / "Telco-Customer-Churn.csv"
REFERENCE = date(2019, 12, 31)
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(not FILE.exists(), reason="the shared data folder is not beside the repository"),
]


def began(tenure):
    """The reference day so many months earlier, clamped to the month's end."""
    year, month = divmod(REFERENCE.year * 12 + REFERENCE.month - 1 - int(tenure), 12)
    return date(year, month + 1, monthrange(year, month + 1)[1])


@pytest.fixture(scope="module")
def people():
    """All 7,043 with FULL_DATA=1, else every fourth."""
    rows = [row for _, row in rows_of(FILE)]
    return rows if os.environ.get("FULL_DATA") else rows[::4]


@pytest.fixture(scope="module")
def company(django_db_setup, django_db_blocker, tmp_path_factory, people):
    path = tmp_path_factory.mktemp("telco") / "customers.csv"
    with path.open("w", newline="") as file:
        out = csv.DictWriter(file, list(people[0]))
        out.writeheader()
        out.writerows(people)
    with installation(django_db_blocker, "USD"):
        yield [
            bring("customers", path, "telco_churn_customers"),
            bring("subscriptions", path, "telco_churn_subscriptions", "--set", "currency=USD"),
        ]


@pytest.fixture(scope="module")
def recount(people):
    return Recount(
        [
            Line(
                row["customerID"],
                began(row["tenure"]),
                REFERENCE if row["Churn"] == "Yes" else None,
                Fraction(row["MonthlyCharges"]),
            )
            for row in people
        ],
        until=REFERENCE,
    )


def test_every_row_is_taken(company, people):
    assert [(item["created"], item["errors"]) for item in company] == [(len(people), [])] * 2


def test_the_file_says_what_is_known_of_it():
    rows = [row for _, row in rows_of(FILE)]
    left = sum(row["Churn"] == "Yes" for row in rows)
    assert (len(rows), left, rounded(Fraction(left, len(rows)), 3)) == (7043, 1869, Fraction("0.265"))
    assert {row["Churn"] for row in rows if row["tenure"] == "0"} == {"No"}


def test_months_ledger_and_churn_are_what_a_recount_finds(company, people, recount):
    rows = table("metrics", "--from", "2013-12", "--to", "2019-12")
    assert_months_agree(rows, recount)
    assert_ledger_agrees(table("movements", "--to", REFERENCE), recount)
    last, left = rows[-1], sum(row["Churn"] == "Yes" for row in people)
    assert int(last["churn_n"]) == left
    assert Fraction(last["survival_to_date"]) == rounded(1 - Fraction(left, len(people)), 6)
    base = sum(row["tenure"] != "0" for row in people)
    assert Fraction(last["logo_churn_rate"]) == rounded(Fraction(left, base), 6)
