"""Every file of the corpus: a named problem and nothing written, or every row taken and the second time unchanged."""

from datetime import date

import pytest
from django.apps import apps
from django.db import connection

from accounts.models import Organisation
from config.work.pg import analyze
from customers.connectors.table import Columns
from customers.models import Customer
from customers.services.imports.run import Request, run_import
from tests.factories.corpus import RIGHT, WRONG_FILES, WRONG_ROWS
from tests.factories.customers import make_contact, make_customer, make_subscription

pytestmark = pytest.mark.django_db


@pytest.fixture
def known():
    """Two customers that files may name, one with a stored line."""
    first = make_customer(name="Known", external_ids={"import": "k1"})
    make_customer(name="Also known", external_ids={"import": "k2"})
    make_subscription(first, product="Stored", from_on=date(2024, 1, 1), to_on=date(2025, 1, 1))


def bring(case, tmp_path, now, **more):
    path = tmp_path / "file.csv"
    path.write_bytes(case.data)
    request = Request(
        kind=case.kind,
        path=path,
        file_name="file.csv",
        columns=Columns(fields=case.columns, constants=case.constants),
        options=case.options,
        **more,
    )
    return run_import(request=request, by=None, now=now)


def rows_of_all_tables():
    with connection.cursor() as cursor:
        tables = [model._meta.db_table for model in apps.get_models()]
        counts = {}
        for table in tables:
            cursor.execute(f"SELECT count(*) FROM {connection.ops.quote_name(table)}")
            counts[table] = cursor.fetchone()[0]
    return counts


@pytest.mark.parametrize("case", [*WRONG_FILES, *WRONG_ROWS], ids=str)
def test_wrong_file_is_named_by_place_with_a_fix_and_nothing_is_written(case, known, tmp_path, now):
    before = rows_of_all_tables()
    outcome = bring(case, tmp_path, now)
    assert rows_of_all_tables() == before
    first = outcome.problems[0]
    assert case.says in f"{first.reason} {first.fix}"
    assert first.fix
    assert outcome.is_refused
    assert (outcome.batch, outcome.counts.created, outcome.counts.updated) == (None, 0, 0)
    if case.row is not None:
        assert first.row == case.row
    if case.column is not None:
        assert first.column == case.column


@pytest.mark.parametrize("case", WRONG_ROWS, ids=str)
def test_skipping_bad_rows_never_fails_and_takes_no_wrong_row(case, known, tmp_path, now):
    outcome = bring(case, tmp_path, now, may_skip_bad=True)
    assert outcome.problems
    total = outcome.counts.created + outcome.counts.updated + outcome.counts.unchanged + outcome.rejected
    assert outcome.is_refused or total == outcome.rows


@pytest.mark.parametrize("case", RIGHT, ids=str)
def test_odd_but_right_file_is_taken_and_is_unchanged_the_second_time(case, known, tmp_path, now):
    Organisation.objects.update_or_create(pk=1, defaults={"currency": "EUR", "time_zone": "Europe/Berlin"})
    dry = bring(case, tmp_path, now, is_dry_run=True)
    outcome = bring(case, tmp_path, now)
    assert outcome.problems == []
    assert dry.counts == outcome.counts
    assert outcome.counts.created == case.taken
    again = bring(case, tmp_path, now)
    assert (again.counts.created, again.counts.updated) == (0, 0)
    assert again.counts.unchanged == again.rows


def test_ambiguous_column_is_asked_about_once(tmp_path, now):
    rows = "".join(f"c{n},0{n}/02/2025\n" for n in range(3, 9))
    path = tmp_path / "file.csv"
    path.write_text("customer_id,created_on\n" + rows)
    outcome = run_import(request=Request(kind="customers", path=path, file_name="file.csv"), by=None, now=now)
    assert (len(outcome.problems), outcome.rejected) == (1, 6)


def test_missing_local_hour_is_named(tmp_path, now):
    Organisation.objects.update_or_create(pk=1, defaults={"time_zone": "Europe/Berlin"})
    make_customer(external_ids={"import": "k1"})
    path = tmp_path / "file.csv"
    path.write_text("customer_id,occurred_at\nk1,2025-03-30 02:30:00\n")
    outcome = run_import(request=Request(kind="usage", path=path, file_name="file.csv"), by=None, now=now)
    assert "clocks went forward" in outcome.problems[0].reason


def test_file_beyond_the_limits_is_refused(settings, tmp_path, now):
    settings.IMPORT_MAX_ROWS = 2
    path = tmp_path / "file.csv"
    path.write_text("customer_id\nc1\nc2\nc3\n")
    request = Request(kind="customers", path=path, file_name="file.csv")
    assert "more than 2 rows" in run_import(request=request, by=None, now=now).problems[0].reason
    settings.IMPORT_MAX_BYTES = 10
    assert "larger than" in run_import(request=request, by=None, now=now).problems[0].reason


def table_reads():
    with connection.cursor() as cursor:
        cursor.execute("SELECT seq_scan FROM pg_stat_xact_user_tables WHERE relname = 'customers_customer'")
        return cursor.fetchone()[0]


def test_rows_that_point_at_new_customers_are_checked_by_key_though_there_were_few(tmp_path, now):
    known = make_customer(name="Known")
    analyze(Customer)
    for number in range(8):  # by now this connection keeps a plan for checking that a customer is there
        make_contact(known, f"robin{number}@known.example")
        connection.check_constraints()
    path = tmp_path / "file.csv"
    path.write_text("customer_id,name,segment\n" + "".join(f"c{n},Name {n},S{n % 5}\n" for n in range(300)))
    before = table_reads()
    request = Request(kind="customers", path=path, file_name="file.csv")
    assert run_import(request=request, by=None, now=now).counts.created == 300
    assert table_reads() - before < 50


def test_fifty_thousand_rows_are_taken(tmp_path, now):
    path = tmp_path / "file.csv"
    path.write_text(
        "customer_id,name,segment\n" + "".join(f"c{n},Name {n},S{n % 5}\n" for n in range(50_000))
    )
    request = Request(kind="customers", path=path, file_name="file.csv")
    assert run_import(request=request, by=None, now=now).counts.created == 50_000
