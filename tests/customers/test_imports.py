"""Imports of each kind: what rows become, what a second file changes, and how a batch is taken back."""

import gzip
import json
import zipfile
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import BytesIO, StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone

from accounts.models import Organisation
from customers.connectors.table import Columns
from customers.models import (
    Assignment,
    AttributeValue,
    BatchItem,
    Contact,
    Customer,
    CustomerSummary,
    ExternalId,
    FxRate,
    ImportBatch,
    LineVersion,
    StaleMark,
    Subscription,
    Ticket,
    Touchpoint,
    UsageEvent,
)
from customers.services import custom_fields, customers, subscriptions
from customers.services.imports.run import Request, run_import
from customers.services.imports.undo import CannotUndoError, undo_import
from tests.factories.customers import make_contact, make_customer, make_touchpoint

pytestmark = pytest.mark.django_db


@pytest.fixture
def bring(tmp_path, now):
    """Import a text (or bytes) as a file and return the outcome."""

    def run(kind, content, *, by=None, fields=None, constants=None, options=None, at=now, **more):
        path = tmp_path / "file.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        request = Request(
            kind=kind,
            path=path,
            file_name="file.csv",
            columns=Columns(fields=fields, constants=constants or {}),
            options=options or {},
            **more,
        )
        return run_import(request=request, by=by, now=at)

    return run


def counts(outcome):
    return (outcome.counts.created, outcome.counts.updated, outcome.counts.unchanged, outcome.rejected)


def lines():
    return list(
        LineVersion.objects.current()
        .order_by("subscription__product", "from_on")
        .values_list("subscription__product", "from_on", "to_on", "mrr")
    )


def test_customer_comes_with_attributes_owner_parent_and_custom_fields(bring, anna, vera, now):
    custom_fields.define_custom_field(key="seats", label="Seats", kind="number", by=vera, now=now)
    outcome = bring(
        "customers",
        "customer_id,name,parent_id,segment,lifecycle_phase,phase_since,csm_email,created_on,cf_seats\n"
        "007,Larch,,Mid,adoption,2025-06-01,Anna@tend.example,2025-01-05,12\n"
        "008,Larch Nord,007,,,,,,\n",
    )
    assert (outcome.problems, counts(outcome)) == ([], (2, 0, 0, 0))
    larch = ExternalId.objects.get(value="007").customer
    assert (larch.name, larch.segment, larch.phase, larch.custom) == (
        "Larch",
        "Mid",
        "adoption",
        {"seats": "12"},
    )
    assert larch.phase_since == date(2025, 6, 1)
    assert Customer.objects.get(name="Larch Nord").parent == larch
    assert CustomerSummary.objects.get(customer=larch).owner == anna
    assert Assignment.objects.get().from_on == date(2025, 1, 5)
    assert "007" in larch.search_text
    assert StaleMark.objects.filter(customer=larch, from_day=date(2025, 1, 5)).exists()


def test_second_file_updates_what_differs_and_keeps_what_is_empty(bring, anna, ben):
    bring("customers", "customer_id,name,segment,csm_email\nc1,Larch,Mid,anna@tend.example\nc2,Beech,Mid,\n")
    outcome = bring(
        "customers", "customer_id,name,segment,csm_email\nc1,,Large,ben@tend.example\nc2,Beech,Mid,\n"
    )
    assert counts(outcome) == (0, 1, 1, 0)
    larch = ExternalId.objects.get(value="c1").customer
    assert (larch.name, larch.segment, larch.summary.owner) == ("Larch", "Large", ben)
    held = AttributeValue.objects.current().filter(customer=larch).order_by("from_on")
    assert [(row.value, row.to_on is None) for row in held] == [("Mid", False), ("Large", True)]


def test_contacts_are_matched_by_id_and_by_address(bring):
    customer = make_customer(external_ids={"import": "k1"})
    make_contact(customer, "ada@k1.example", name="Ada")
    first = "contact_id,customer_id,email,name,do_not_survey\np1,k1,ADA@k1.example,Ada L,yes\np2,k1,bo@k1.example,Bo,\n"
    assert counts(bring("contacts", first)) == (1, 1, 0, 0)
    ada = Contact.objects.get(external_id="p1")
    assert (ada.name, ada.do_not_survey, ada.source) == ("Ada L", True, "import")
    moved = bring("contacts", "contact_id,customer_id,email\np2,k1,ada@k1.example\n")
    assert "is the address of" in moved.problems[0].reason
    assert counts(bring("contacts", "contact_id,customer_id,email\np2,k1,new@k1.example\n")) == (0, 1, 0, 0)


def test_renewal_row_continues_its_line_and_a_swap_is_another_line(bring):
    make_customer(external_ids={"import": "k1"})
    outcome = bring(
        "subscriptions",
        "customer_id,start_date,end_date,product,mrr,quantity\n"
        "k1,2025-01-01,2025-02-01,basic,500,25\nk1,2025-02-01,2025-03-01,basic,500,25\n"
        "k1,2025-03-01,2025-04-01,premier,2000,100\n",
        constants={"currency": "USD"},
    )
    assert counts(outcome) == (3, 0, 0, 0)
    assert Subscription.objects.count() == 2
    assert lines() == [
        ("basic", date(2025, 1, 1), date(2025, 2, 1), Decimal(500)),
        ("basic", date(2025, 2, 1), date(2025, 3, 1), Decimal(500)),
        ("premier", date(2025, 3, 1), date(2025, 4, 1), Decimal(2000)),
    ]


def test_row_with_a_known_start_and_other_content_corrects_the_period(bring):
    make_customer(external_ids={"import": "k1"})
    header = "customer_id,start_date,end_date,amount,interval,currency\n"
    bring("subscriptions", header + "k1,2025-01-01,,1200,year,EUR\n")
    outcome = bring(
        "subscriptions",
        header + "k1,2025-01-01,2025-06-01,1200,year,EUR\nk1,2025-06-01,,2400,year,EUR\n",
    )
    assert counts(outcome) == (1, 1, 0, 0)
    assert lines() == [
        ("", date(2025, 1, 1), date(2025, 6, 1), Decimal(100)),
        ("", date(2025, 6, 1), None, Decimal(200)),
    ]
    assert LineVersion.objects.count() == 3


def test_discount_and_trial_are_kept_with_the_line(bring):
    make_customer(external_ids={"import": "k1"})
    bring(
        "subscriptions",
        "customer_id,start_date,amount,interval,currency,status,trial_end,discount_percent,discount_until,auto_renew\n"
        "k1,2025-01-01,300,quarter,EUR,trial,2025-01-15,50,2025-07-01,yes\n",
    )
    version = LineVersion.objects.get()
    assert (version.status, version.trial_end) == ("trial", date(2025, 1, 15))
    assert (version.mrr, version.mrr_after_discount) == (Decimal(50), Decimal(100))
    assert Subscription.objects.get().auto_renew is True


def test_raw_events_and_totals_are_stored_once_with_their_local_day(bring):
    Organisation.objects.update_or_create(pk=1, defaults={"time_zone": "America/New_York"})
    customer = make_customer(external_ids={"import": "k1"})
    events = "customer_id,occurred_at,user_id,event\nk1,2025-06-02T03:00:00Z,7,open\nk1,2025-06-02T03:00:00Z,7,open\n"
    assert counts(bring("usage", gzip.compress(events.encode()))) == (2, 0, 0, 0)
    assert {event.day for event in UsageEvent.objects.all()} == {date(2025, 6, 1)}
    assert counts(bring("usage", events)) == (0, 0, 2, 0)
    totals = "customer_id,day,count,users\nk1,2025-06-05,{},3\n"
    assert counts(bring("usage", totals.format(10))) == (1, 0, 0, 0)
    assert counts(bring("usage", totals.format(12))) == (0, 1, 0, 0)
    total = UsageEvent.objects.get(users=3)
    assert (total.count, total.day, total.occurred_at) == (
        12,
        date(2025, 6, 5),
        datetime(2025, 6, 5, 4, tzinfo=UTC),
    )
    assert StaleMark.objects.filter(customer=customer, cause="usage").count() == 3


def test_tickets_follow_their_newest_report(bring):
    customer = make_customer(external_ids={"import": "k1"})
    header = "ticket_id,customer_id,opened_at,solved_at,priority,csat\n"
    assert counts(bring("tickets", header + "t1,k1,2025-05-01T10:00:00Z,,high,\n")) == (1, 0, 0, 0)
    assert CustomerSummary.objects.get(customer=customer).open_tickets == 1
    solved = header + "t1,k1,2025-05-01T10:00:00Z,2025-05-02T10:00:00Z,high,5\n"
    assert counts(bring("tickets", solved)) == (0, 1, 0, 0)
    assert counts(bring("tickets", solved)) == (0, 0, 1, 0)
    assert [(t.csat, t.priority) for t in Ticket.objects.current()] == [(5, "high")]


def test_touchpoints_name_contact_and_author(bring, anna):
    customer = make_customer(owner=anna, external_ids={"import": "k1"})
    contact = make_contact(customer, "ada@k1.example")
    content = (
        "customer_id,occurred_at,kind,subject,body,contact_email,author_email\n"
        'k1,2025-05-01T10:00:00Z,call,Kick-off,"two\nlines",ADA@k1.example,anna@tend.example\n'
    )
    assert counts(bring("touchpoints", content)) == (1, 0, 0, 0)
    touchpoint = Touchpoint.objects.get()
    assert (touchpoint.contact, touchpoint.author, touchpoint.body) == (contact, anna, "two\nlines")
    assert counts(bring("touchpoints", content)) == (0, 0, 1, 0)
    assert CustomerSummary.objects.get(customer=customer).last_touch_at == touchpoint.occurred_at


def test_rates_are_kept_as_they_are_quoted_with_their_base(bring):
    Organisation.objects.update_or_create(pk=1, defaults={"currency": "USD"})
    table = "Date,USD,JPY,ISK,\n2025-01-02,1.25,150,N/A,\n"
    assert counts(bring("rates", table)) == (2, 0, 0, 0)
    rows = "day,currency,rate\n2025-01-02,CHF,0.9\n2025-01-02,USD,1\n"
    assert counts(bring("rates", rows)) == (1, 0, 1, 0)
    stored = set(FxRate.objects.values_list("base", "currency", "rate"))
    assert stored == {
        ("EUR", "USD", Decimal("1.25")),
        ("EUR", "JPY", Decimal(150)),
        ("USD", "CHF", Decimal("0.9")),
    }
    assert counts(bring("rates", table)) == (0, 0, 2, 0)
    assert "of the base itself" in bring("rates", rows.replace("USD,1", "USD,2")).problems[0].reason


def test_a_new_rate_of_the_reporting_currency_touches_all_foreign_payers(bring):
    Organisation.objects.update_or_create(pk=1, defaults={"currency": "USD"})
    customers = {name: make_customer(external_ids={"import": name}) for name in ("EUR", "CHF", "USD")}
    lines = "".join(f"{name},2025-01-01,5,{name}\n" for name in customers)
    bring("subscriptions", "customer_id,start_date,mrr,currency\n" + lines)
    StaleMark.objects.all().delete()
    bring("rates", "Date,USD\n2025-01-02,1.25\n")
    marked = set(StaleMark.objects.values_list("customer", flat=True))
    assert marked == {customers["EUR"].pk, customers["CHF"].pk}


def test_a_zip_with_one_csv_is_read_as_it_is(bring):
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("eurofxref-hist.csv", "Date,USD,JPY,\n2025-01-02,1.25,150,\n")
    assert counts(bring("rates", packed.getvalue())) == (2, 0, 0, 0)
    assert "zip archive" in bring("rates", packed.getvalue()[:60]).problems[0].reason
    with zipfile.ZipFile(packed, "a") as archive:
        archive.writestr("other.csv", "a\n1\n")
    assert "zip archive" in bring("rates", packed.getvalue()).problems[0].reason


def test_bad_rows_are_skipped_when_asked_and_named_all_the_same(bring):
    make_customer(external_ids={"import": "k1"})
    content = "customer_id,start_date,mrr,currency\nk1,2025-01-01,5,EUR\nk9,2025-01-01,5,EUR\nk1,x,5,EUR\n"
    assert bring("subscriptions", content).is_refused
    assert LineVersion.objects.count() == 0
    outcome = bring("subscriptions", content, may_skip_bad=True)
    assert counts(outcome) == (1, 0, 0, 2)
    assert outcome.rows == 3
    batch = ImportBatch.objects.get()
    assert (batch.rows, batch.created, batch.rejected, len(batch.errors)) == (3, 1, 2, 2)


def test_dry_run_counts_and_leaves_nothing(bring):
    make_customer(external_ids={"import": "k1"})
    marks = StaleMark.objects.count()
    outcome = bring("usage", "customer_id,day,count\nk1,2025-06-05,1\n", is_dry_run=True)
    assert counts(outcome) == (1, 0, 0, 0)
    assert (UsageEvent.objects.count(), ImportBatch.objects.count(), StaleMark.objects.count()) == (
        0,
        0,
        marks,
    )


def test_manager_imports_for_the_own_team_only(bring, anna, carl, mia):
    make_customer(owner=anna, external_ids={"import": "k1"})
    make_customer(owner=carl, external_ids={"import": "k2"})
    usage = "customer_id,day,count\nk1,2025-06-05,1\nk2,2025-06-05,1\n"
    assert counts(bring("usage", usage, by=mia, may_skip_bad=True)) == (1, 0, 0, 1)
    names = bring("customers", "customer_id,name\nk2,Mine now\n", by=mia)
    assert "may not change" in names.problems[0].reason
    assert not Customer.objects.filter(name="Mine now").exists()


def test_undo_takes_facts_and_changed_rows_back(bring, anna, now):
    bring("customers", "customer_id,name,segment\nc1,Larch,Mid\n")
    second = bring(
        "customers",
        "customer_id,name,segment,csm_email\nc1,Larch Ltd,Large,anna@tend.example\nc2,Beech,Small,\n",
        at=now + timedelta(days=1),
    )
    undone = undo_import(batch=ImportBatch.objects.get(pk=second.batch), by=None, now=now + timedelta(days=2))
    assert undone.conflicts == []
    larch = ExternalId.objects.get(value="c1").customer
    assert (larch.name, larch.segment, larch.summary.owner) == ("Larch", "Mid", None)
    assert Customer.objects.get(name="Beech").archived_at is not None
    again = bring(
        "customers",
        "customer_id,name,segment,csm_email\nc1,Larch Ltd,Large,anna@tend.example\nc2,Beech,Small,\n",
        at=now + timedelta(days=3),
    )
    assert counts(again) == (0, 2, 0, 0)
    assert Customer.objects.get(name="Beech").archived_at is None


def test_undo_of_subscriptions_brings_the_corrected_period_back(bring, now):
    make_customer(external_ids={"import": "k1"})
    header = "customer_id,start_date,end_date,mrr,currency\n"
    bring("subscriptions", header + "k1,2025-01-01,,100,EUR\n")
    second = bring("subscriptions", header + "k1,2025-01-01,2025-06-01,120,EUR\nk1,2025-06-01,,150,EUR\n")
    undo_import(batch=ImportBatch.objects.get(pk=second.batch), by=None, now=now)
    assert lines() == [("", date(2025, 1, 1), None, Decimal(100))]


def test_undo_of_rates_asks_for_a_recompute_of_who_pays_in_them(bring, now):
    larch = make_customer(external_ids={"import": "k1"})
    bring("subscriptions", "customer_id,start_date,mrr,currency\nk1,2025-01-01,5,USD\n")
    rates = bring("rates", "Date,USD\n2025-01-02,1.25\n")
    StaleMark.objects.all().delete()
    undo_import(batch=ImportBatch.objects.get(pk=rates.batch), by=None, now=now)
    assert StaleMark.objects.get(customer=larch).cause == "rate"


def test_undo_keeps_what_was_changed_later_and_names_it(bring, vera, now):
    outcome = bring("customers", "customer_id,name\nc1,Larch\nc2,Beech\nc3,Alder\n")
    beech = Customer.objects.get(name="Beech")
    customers.update_customer(customer=beech, version=1, changes={"name": "Beech AG"}, by=vera, now=now)
    make_touchpoint(Customer.objects.get(name="Alder"))
    undone = undo_import(batch=ImportBatch.objects.get(pk=outcome.batch), by=vera, now=now)
    assert len(undone.conflicts) == 2
    left = Customer.objects.filter(archived_at=None).order_by("name")
    assert [customer.name for customer in left] == ["Alder", "Beech AG"]


def test_line_changed_by_a_person_survives_the_undo(bring, vera, now):
    make_customer(external_ids={"import": "k1"})
    outcome = bring("subscriptions", "customer_id,start_date,mrr,currency\nk1,2025-01-01,100,EUR\n")
    line = Subscription.objects.get()
    subscriptions.change_line(line=line, from_on=date(2025, 5, 1), by=vera, now=now, amount=Decimal(90))
    undone = undo_import(batch=ImportBatch.objects.get(pk=outcome.batch), by=vera, now=now)
    assert len(undone.conflicts) == 1
    assert len(lines()) == 2


def test_undo_of_usage_removes_its_events(bring, now):
    make_customer(external_ids={"import": "k1"})
    outcome = bring("usage", "customer_id,day,count\nk1,2025-06-05,1\n")
    StaleMark.objects.all().delete()
    undo_import(batch=ImportBatch.objects.get(pk=outcome.batch), by=None, now=now)
    assert UsageEvent.objects.count() == 0
    assert StaleMark.objects.get().from_day == date(2025, 6, 5)


def test_old_or_undone_batch_is_final(bring, now):
    outcome = bring("customers", "customer_id\nc1\n")
    batch = ImportBatch.objects.get(pk=outcome.batch)
    with pytest.raises(CannotUndoError, match="30 days"):
        undo_import(batch=batch, by=None, now=now + timedelta(days=31))
    undo_import(batch=batch, by=None, now=now + timedelta(days=30))
    with pytest.raises(CannotUndoError, match="already"):
        undo_import(batch=batch, by=None, now=now + timedelta(days=30))
    assert BatchItem.objects.filter(batch=batch).count() == 1


def command(*words):
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command(*words, stdout=out, stderr=StringIO())
    return ended.value.code, out.getvalue()


def test_command_answers_with_the_promised_json_and_exit_codes(tmp_path):
    path, mapping = tmp_path / "accounts.csv", tmp_path / "map.yaml"
    path.write_text("acc,label,x\n007,Larch,1\n")
    mapping.write_text("customer_id: acc\nname: label\n")
    code, out = command("import", "customers", str(path), "--map", str(mapping), "--json")
    answer = json.loads(out)
    batch = ImportBatch.objects.get()
    expected = {"batch": batch.pk, "kind": "customers", "rows": 1, "created": 1, "updated": 0}
    assert (code, answer) == (0, {**expected, "unchanged": 0, "rejected": 0, "errors": []})
    code, out = command("import", "customers", str(path), "--json")
    answer = json.loads(out)
    assert (code, answer["batch"], answer["errors"][0]["column"]) == (2, None, "acc")
    assert set(answer["errors"][0]) == {"row", "column", "value", "reason", "fix"}
    path.write_text("customer_id,country\nc1,DE\nc2,UK\n")
    assert command("import", "customers", str(path), "--dry-run", "--json")[0] == 1
    assert command("import", "customers", str(path), "--json")[0] == 2
    assert command("import", "customers", str(path), "--skip-bad", "--json")[0] == 1
    assert command("import", "customers", str(path), "--skip-bad", "--dry-run")[0] == 1


def test_command_refuses_in_words_what_it_cannot_do(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("a\n1\n")
    code, out = command("import", "shoes", str(path), "--json")
    assert (code, "no kind of import" in json.loads(out)["errors"][0]["reason"]) == (2, True)
    assert command("import", "customers", str(tmp_path / "none.csv"), "--json")[0] == 2
    assert command("import", "customers", str(path), "--set", "currency", "--json")[0] == 2
    path.with_suffix(".yaml").write_text("- a\n")
    assert (
        command("import", "customers", str(path), "--map", str(path.with_suffix(".yaml")), "--json")[0] == 2
    )


def test_undo_command_takes_a_batch_back(bring):
    outcome = bring("customers", "customer_id\nc1\n", at=timezone.now())
    code, out = command("undo_import", str(outcome.batch), "--json")
    assert (code, json.loads(out)["conflicts"]) == (0, [])
    assert command("undo_import", str(outcome.batch), "--json")[0] == 2
    assert command("undo_import", "999999")[0] == 2
