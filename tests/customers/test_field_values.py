"""Custom fields as facts: every write leaves a row per value that changed."""

from datetime import date, timedelta

import pytest

from customers.models import FieldValue, ImportBatch
from customers.services.custom_fields import define_custom_field
from customers.services.customers import update_customer
from customers.services.imports.run import Request, run_import
from customers.services.imports.undo import undo_import
from tests.factories.customers import NOW, make_customer

pytestmark = pytest.mark.django_db

TODAY = NOW.date()


@pytest.fixture(autouse=True)
def fields(db):
    define_custom_field(key="seats", label="Seats", kind="number", by=None, now=NOW)
    define_custom_field(key="pilot", label="Pilot", kind="boolean", by=None, now=NOW)


@pytest.fixture
def imported(tmp_path, vera):
    """Import customers from a text as Vera."""

    def run(content, *, at=NOW, **more):
        path = tmp_path / "customers.csv"
        path.write_text(content)
        request = Request(kind="customers", path=path, file_name="customers.csv", **more)
        return run_import(request=request, by=vera, now=at)

    return run


def rows(**filters):
    found = FieldValue.objects.current().filter(**filters).order_by("from_on", "seq")
    return list(found.values_list("key", "value", "from_on"))


def test_a_new_customer_notes_its_values_from_today():
    make_customer(custom={"seats": "12", "pilot": "yes"})
    assert rows() == [("seats", "12", TODAY), ("pilot", "true", TODAY)]


def test_a_change_notes_only_what_differs_and_an_empty_text_for_what_went(vera):
    customer = make_customer(custom={"seats": "12", "pilot": "yes"})
    later = NOW + timedelta(days=3)
    changes = {"custom": {"seats": "12", "pilot": None}}
    update_customer(customer=customer, version=customer.version, changes=changes, by=vera, now=later)
    assert rows(from_on__gt=TODAY) == [("pilot", "", TODAY + timedelta(days=3))]
    assert FieldValue.objects.get(value="").recorded_by == vera


def test_an_import_notes_values_from_today_and_again_only_what_changed(imported):
    imported("customer_id,name,cf_seats\nc1,One,5\nc2,Two,6\n")
    imported("customer_id,name,cf_seats\nc1,One,5\nc2,Two,7\n", at=NOW + timedelta(days=1))
    assert rows() == [("seats", "5", TODAY), ("seats", "6", TODAY), ("seats", "7", TODAY + timedelta(days=1))]
    assert not FieldValue.objects.filter(backfilled=True).exists()


def test_hr_5_an_import_of_history_notes_values_from_the_first_day_of_the_customer(imported):
    text = "customer_id,name,created_on,cf_seats\nc1,One,2024-05-06,5\nc2,Two,,6\n"
    imported(text, is_history=True)
    assert rows(backfilled=True) == [("seats", "5", date(2024, 5, 6)), ("seats", "6", TODAY)]


def test_undo_takes_values_back_and_an_earlier_value_holds_again(imported, vera):
    imported("customer_id,name,cf_seats\nc1,One,5\n")
    imported("customer_id,name,cf_seats\nc1,One,9\n", at=NOW + timedelta(days=1))
    undo_import(batch=ImportBatch.objects.latest("pk"), by=vera, now=NOW + timedelta(days=2))
    assert rows() == [("seats", "5", TODAY)]
    assert FieldValue.objects.filter(voids=True).count() == 1


def test_undo_of_a_value_somebody_changed_since_leaves_facts_and_customer_in_step(imported, vera):
    imported("customer_id,name,cf_seats,cf_pilot\nc1,One,5,\n")
    imported("customer_id,name,cf_seats,cf_pilot\nc1,One,9,yes\n", at=NOW + timedelta(days=1))
    batch = ImportBatch.objects.latest("pk")
    customer = FieldValue.objects.first().customer
    changes = {"custom": {"pilot": "no"}}
    update_customer(
        customer=customer, version=customer.version, changes=changes, by=vera, now=NOW + timedelta(days=1)
    )
    undo_import(batch=batch, by=vera, now=NOW + timedelta(days=2))
    customer.refresh_from_db()
    newest = {key: value for key, value, _ in rows()}
    assert customer.custom == {"seats": "9", "pilot": False}
    assert newest == {"seats": "9", "pilot": "false"}
