"""Every identity holds for a sound company, and names the one row that breaks it."""

import io
import json
from datetime import UTC, date, datetime

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from metrics.rollups import checks
from surveys.models import Message
from tests.factories.customers import make_contact, make_customer
from tests.factories.ledgers import make_rate, make_version, mark
from tests.factories.surveys import answer, make_sent_message

pytestmark = pytest.mark.django_db
TODAY = datetime(2025, 3, 10, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def today(time_machine):
    time_machine.move_to(TODAY)


@pytest.fixture
def kestrel(anna):
    make_rate("USD", date(2024, 1, 1), "1.25")
    larch = make_customer(name="Larch", owner=anna, since=date(2024, 1, 1), region="north", now=TODAY)
    oak = make_customer(name="Oak", since=date(2024, 1, 1), now=TODAY)
    make_contact(larch, now=TODAY)
    make_version(larch, date(2024, 1, 15), date(2024, 2, 10), "100.5", plan="basic")
    make_version(larch, date(2024, 2, 10), None, "300", plan="pro")
    make_version(oak, date(2024, 1, 20), date(2024, 9, 5), "50", currency="USD")
    for customer in (larch, oak):
        mark(customer)
    call_command("recompute", stdout=io.StringIO())
    return larch, oak


def integrity(*arguments):
    out = io.StringIO()
    try:
        call_command("integrity", "--json", *arguments, stdout=out, stderr=io.StringIO())
    except SystemExit as left:
        return left.code, json.loads(out.getvalue())
    return 0, json.loads(out.getvalue())


def test_a_sound_company_keeps_every_identity(kestrel):
    code, found = integrity()
    assert (code, found["ok"], found["failed"]) == (0, True, []), found
    assert [item["id"] for item in found["checks"]] == checks.names()
    assert all(item["rows"] for item in found["checks"] if item["id"] in {"IC-01", "IC-02", "IC-07", "IC-09"})


SECOND_REGION = """
INSERT INTO customers_attributevalue
    (customer_id, key, value, from_on, source, source_key, voids, backfilled, recorded_at, seq)
SELECT customer_id, key, 'south', from_on, source, 'x', false, false, recorded_at, seq
FROM customers_attributevalue WHERE key = 'region'
"""
OLD_LEASE = """
INSERT INTO work_job (kind, args, title, dedupe_key, state, due_at, lease_until, lease_token, attempts, progress_done,
    note, result, result_url, last_error, created_at)
VALUES ('x', '{}', '', '', 'running', now(), '2025-03-10 11:00+00', 'a', 1, 0, '', '{}', '', '', now())
"""
FAULTS = {
    "IC-01": ("UPDATE metrics_companymonth SET kept = kept + 1 WHERE month = '2024-05-01'", "2024-05-01"),
    "IC-02": (
        "UPDATE metrics_companymonth SET opening = opening + 1 WHERE month = '2024-05-01'",
        "2024-05-01",
    ),
    "IC-02 segments": ("UPDATE metrics_linesegment SET mrr = mrr + 1 WHERE to_on IS NULL", "2025-03-01"),
    "IC-03": ("UPDATE metrics_companymonth SET new_n = 9 WHERE month = '2024-05-01'", "2024-05-01"),
    "IC-03 kind": ("UPDATE metrics_movement SET churn_kind = '' WHERE kind = 'churn'", None),
    "IC-04": (SECOND_REGION, None),
    "IC-07": ("UPDATE customers_customersummary SET owner_id = NULL", None),
    "IC-08": ("UPDATE metrics_cohortmonth SET paying = 9 WHERE k = 3", None),
    "IC-09": ("UPDATE metrics_healthscore SET computed = 1, reason = ''", None),
    "IC-11": ("UPDATE metrics_movement SET customer_id = 0 WHERE kind = 'churn'", None),
    "IC-11b": ("SELECT setval(pg_get_serial_sequence('customers_customer', 'id'), 1, false)", None),
    "IC-13": (OLD_LEASE, None),
    "IC-13b": ("UPDATE metrics_companymonth SET ever_paid = 9 WHERE month = '2024-05-01'", None),
}


@pytest.mark.parametrize("name", FAULTS)
def test_each_identity_names_its_planted_fault(kestrel, name):
    statement, key = FAULTS[name]
    planted(statement)
    code, found = integrity()
    assert code == 1
    assert name.split()[0] in found["failed"]
    broken = next(item for item in found["checks"] if item["id"] == name.split()[0])
    assert broken["violations"] >= 1
    assert all(example["table"] and example["detail"] for example in broken["examples"])
    if key:
        assert key in {example["id"] for example in broken["examples"]}


def planted(*statements):
    """Changes behind every trigger and check."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for name in ("adds_up", "logos_add_up"):
            cursor.execute(
                f"ALTER TABLE metrics_companymonth DROP CONSTRAINT IF EXISTS metrics_companymonth_{name}"
            )
        for table in ("metrics_healthscore", "surveys_response", "surveys_message", "surveys_suppression"):
            cursor.execute(
                f"SELECT conname FROM pg_constraint WHERE contype = 'c' AND conrelid = '{table}'::regclass"
            )
            for (name,) in cursor.fetchall():
                cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
        cursor.execute(
            "ALTER TABLE customers_attributevalue DROP CONSTRAINT IF EXISTS customers_attributevalue_no_overlap"
        )
        cursor.execute("SET session_replication_role = replica")
        for statement in statements:
            cursor.execute(statement)
        cursor.execute("SET session_replication_role = DEFAULT")


def test_some_identities_and_a_sample(kestrel):
    code, found = integrity("--only", "IC-01,IC-09", "--sample", "0.5")
    assert (code, [item["id"] for item in found["checks"]]) == (0, ["IC-01", "IC-09"])
    for wrong in (("--only", "IC-99"), ("--sample", "2"), ("--sample", "much")):
        with pytest.raises(CommandError) as refused:
            call_command("integrity", *wrong)
        assert refused.value.returncode == 2
    out = io.StringIO()
    call_command("integrity", "--only", "IC-03", stdout=out)
    assert out.getvalue().startswith("IC-03 customers add up, and every churn has exactly one kind: ")


SURVEY_FAULTS = {
    "IC-05": "UPDATE surveys_response SET score = 99",
    "IC-05 funnel": "UPDATE surveys_message SET accepted_at = NULL, delivery_state = 'bounced'",
    "IC-06": "UPDATE surveys_wave SET eligible_count = eligible_count + 5",
    "IC-06 code": "UPDATE surveys_message SET reply_code = NULL",
    "IC-06 block": (
        "INSERT INTO surveys_suppression (email_hash, scope, reason, source, occurred_at, lift_reason, recorded_at)"
        " SELECT email_hash, 'all', 'unsubscribed', 'x', created_at, '', '2025-01-01' FROM surveys_invitation"
    ),
}


@pytest.fixture
def asked(anna, vera):
    message, _ = make_sent_message(anna, by=vera, now=TODAY)
    Message.objects.filter(pk=message.pk).update(claimed_at=TODAY)
    answer(message, 9, now=TODAY)
    return message


def test_a_sound_campaign_keeps_every_identity(asked):
    assert integrity("--only", "IC-05,IC-06")[1]["failed"] == []


@pytest.mark.parametrize("name", SURVEY_FAULTS)
def test_each_identity_of_surveys_names_its_planted_fault(asked, name):
    planted(SURVEY_FAULTS[name])
    code, found = integrity("--only", "IC-05,IC-06")
    assert code == 1
    broken = next(item for item in found["checks"] if item["id"] == name.split()[0])
    assert broken["examples"], found
