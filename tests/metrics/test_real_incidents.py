"""A real service desk's log: one row per update, so the last one is the state of the incident."""

import csv
import gzip
from collections import Counter
from datetime import UTC, datetime
from fractions import Fraction

import pytest

from customers.models import Customer, Ticket
from tests.factories.ledgers import DATA
from tests.factories.real_data import bring, installation, rounded, table

FILE = DATA / "itsm_incidents_uci" / "incident_event_log.csv.gz"
PRIORITY = {"1 - Critical": "urgent", "2 - High": "high", "3 - Moderate": "normal", "4 - Low": "low"}
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(not FILE.exists(), reason="the shared data folder is not beside the repository"),
]


def moment(text):
    return None if text == "?" else datetime.strptime(text, "%d/%m/%Y %H:%M").replace(tzinfo=UTC)


@pytest.fixture(scope="module")
def states():
    """The last row of each incident with its row number."""
    found = {}
    with gzip.open(FILE, "rt") as file:
        for number, row in enumerate(csv.DictReader(file), start=2):
            held = found.get(row["number"])
            if held is None or int(row["sys_mod_count"]) >= int(held[1]["sys_mod_count"]):
                found[row["number"]] = (number, row)
    return found


@pytest.fixture(scope="module")
def desk(django_db_setup, django_db_blocker):
    with installation(django_db_blocker, "USD"):
        yield {
            "customers": bring("customers", FILE, "itsm_incidents_customers"),
            "tickets": bring("tickets", FILE, "itsm_incidents_tickets", "--skip-bad"),
        }


def test_every_row_is_taken_left_out_or_named(desk, states):
    nobody = sorted(number for number, row in states.values() if row["caller_id"] == "?")
    tickets, customers = desk["tickets"], desk["customers"]
    assert (tickets["rows"], tickets["created"]) == (20_769, 20_769 - len(nobody))
    assert [(error["row"], error["column"]) for error in tickets["errors"]] == [
        (number, "caller_id") for number in nobody
    ]
    assert [(item["reason"], item["rows"]) for item in tickets["left_out"]] == [
        ("a later row has the same number", 119_998 - 20_769)
    ]
    assert [item["rows"] + customers["rows"] for item in customers["left_out"][1:]] == [119_998 - 29]
    assert Customer.objects.count() == customers["created"] == 4828


def test_tickets_are_the_last_states_of_the_incidents(desk, states):
    wanted = {
        key: (
            row["caller_id"],
            moment(row["opened_at"]),
            moment(row["resolved_at"]) or moment(row["closed_at"]),
            int(row["reopen_count"]),
            row["reassignment_count"] != "0",
            PRIORITY[row["priority"]],
        )
        for key, (_, row) in states.items()
        if row["caller_id"] != "?"
    }
    fields = ("source_key", "customer__name", "opened_at", "solved_at", "reopened", "transferred", "priority")
    assert {key: tuple(rest) for key, *rest in Ticket.objects.values_list(*fields)} == wanted


def test_resolution_at_first_contact_is_what_a_recount_finds(desk, states):
    solved, first = Counter(), Counter()
    for _, row in states.values():
        done = moment(row["resolved_at"]) or moment(row["closed_at"])
        if row["caller_id"] != "?":
            solved[done.month] += 1
            first[done.month] += row["reassignment_count"] == row["reopen_count"] == "0"
    assert sum(solved.values()) == 20_766
    for row in table("metrics", "--from", "2016-03", "--to", "2016-05"):
        month = int(row["month"][5:7])
        assert Fraction(row["fcr_rate"]) == rounded(Fraction(first[month], solved[month]), 6), month
