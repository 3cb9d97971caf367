"""What the database refuses by itself, whatever the code above it does."""

from datetime import date

import pytest
from django.db import IntegrityError, connection, transaction

from customers.models import Assignment, AttributeValue, Contact, LineVersion, Pulse, Ticket, Touchpoint
from tests.factories.customers import (
    make_contact,
    make_customer,
    make_pulse,
    make_subscription,
    make_ticket,
    make_touchpoint,
)

pytestmark = pytest.mark.django_db


def run(sql, params=()):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, params)
        connection.check_constraints()


def refused(sql, params=()):
    """Run SQL and ask the deferred constraints; the name of the constraint (or the message) that said no."""
    with pytest.raises(IntegrityError) as error:
        run(sql, params)
    return error.value.__cause__.diag.constraint_name or str(error.value)


def twin(row, **changes):
    """INSERT … SELECT of a stored row with some columns changed (as SQL)."""
    table = row._meta.db_table
    own = [
        field.column
        for field in row._meta.concrete_fields
        if field.column not in {"id", "seq", "recorded_at"}
    ]
    values = ", ".join(changes.get(column, column) for column in own)
    return f"INSERT INTO {table} ({', '.join(own)}) SELECT {values} FROM {table} WHERE id = {row.pk}"


@pytest.fixture
def version():
    return LineVersion.objects.get(
        subscription=make_subscription(make_customer(), from_on=date(2025, 1, 1), to_on=date(2025, 3, 1))
    )


def test_overlapping_periods_of_a_line_are_refused_and_touching_ones_pass(version):
    shared_day = twin(version, from_on="DATE '2025-02-28'", to_on="NULL")
    assert refused(shared_day) == "customers_lineversion_no_overlap"
    run(twin(version, from_on="DATE '2025-03-01'", to_on="NULL"))
    assert LineVersion.objects.count() == 2


def test_period_that_ends_before_it_starts_is_refused(version):
    assert refused(twin(version, from_on="DATE '2025-03-01'")) == "customers_lineversion_forward"


@pytest.mark.parametrize("amount", ["'NaN'::numeric", "-1"])
def test_money_out_of_bounds_is_refused(version, amount):
    changes = {"from_on": "DATE '2025-04-01'", "to_on": "NULL", "amount": amount}
    assert refused(twin(version, **changes)) == "customers_lineversion_money"


def facts_of_each_kind(anna):
    customer = make_customer(owner=anna, phase="adoption", mrr="10")
    make_pulse(customer)
    make_ticket(customer)
    make_touchpoint(customer)
    return [
        model.objects.get() for model in (Assignment, AttributeValue, LineVersion, Pulse, Ticket, Touchpoint)
    ]


def test_no_fact_is_updated_or_deleted(anna):
    for fact in facts_of_each_kind(anna):
        table = fact._meta.db_table
        assert "append-only" in refused(f"UPDATE {table} SET source = 'x' WHERE id = %s", [fact.pk])
        assert "append-only" in refused(f"DELETE FROM {table} WHERE id = %s", [fact.pk])


def test_fact_is_superseded_once_and_only_by_a_row_that_exists(anna):
    fact = facts_of_each_kind(anna)[4]
    assert "superseded_by" in refused(
        "UPDATE customers_ticket SET superseded_by_id = 0 WHERE id = %s", [fact.pk]
    )
    newer = make_ticket(fact.customer, ticket_id=fact.source_key, priority="high")
    fact.refresh_from_db()
    assert fact.superseded_by == newer
    again = "UPDATE customers_ticket SET superseded_by_id = NULL WHERE id = %s"
    assert "append-only" in refused(again, [fact.pk])


def test_two_primary_csms_on_one_day_are_refused(anna):
    make_customer(owner=anna)
    assert refused(twin(Assignment.objects.get())) == "customers_assignment_one_primary"


def test_two_values_of_one_attribute_on_one_day_are_refused_and_two_attributes_pass(anna):
    make_customer(phase="adoption", tier="gold")
    held = AttributeValue.objects.get(key="phase")
    assert refused(twin(held)) == "customers_attributevalue_no_overlap"
    assert AttributeValue.objects.count() == 2


def test_closed_words_and_scales_are_kept(anna):
    fact = {type(row): row for row in facts_of_each_kind(anna)}
    assert refused(twin(fact[Ticket], source_key="'n'", priority="'x'")) == "customers_ticket_known_priority"
    assert refused(twin(fact[Ticket], source_key="'n'", csat="6")) == "customers_ticket_csat"
    assert refused(twin(fact[Pulse], level="6")) == "customers_pulse_level"
    assert refused(twin(fact[Pulse], level="1")) == "customers_pulse_low_needs_note"
    assert refused(twin(fact[Touchpoint], kind="'x'")) == "customers_touchpoint_words"


def test_one_address_is_one_contact_of_a_customer_whatever_its_case():
    contact = make_contact(make_customer(), "ada@k.example")
    sql = "INSERT INTO customers_contact (customer_id, source, external_id, email, name, role, language, time_zone,"
    sql += " legal_basis, legal_basis_source, do_not_survey, version)"
    sql += " VALUES (%s, 'tend', '', 'ADA@K.example', '', '', '', '', '', '', false, 1)"
    assert refused(sql, [contact.customer_id]) == "customers_contact_one_per_email"
    assert Contact.objects.count() == 1
