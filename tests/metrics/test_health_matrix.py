"""Readings loaded as columns are those that are loaded row by row."""

import pytest

from metrics.formulas.health_measures import NO_DAY, REASONS
from metrics.models import CurrentReading
from metrics.queries.health_inputs import readings_matrix
from metrics.queries.health_matrix import load_matrix
from metrics.queries.measures import catalog, width
from metrics.scoring.arrays import NO_TENURE
from metrics.sql import packed_readings
from tests.factories.customers import make_customer

pytestmark = pytest.mark.django_db


@pytest.fixture
def customers(now):
    return [make_customer(name=f"Customer {number}") for number in range(3)]


def keep(customer, now, slots, **more):
    return CurrentReading.objects.create(
        customer=customer,
        values=[number * 1_000_000 for number in range(slots)],
        days=[NO_DAY if number % 2 else 9_000 + number for number in range(slots)],
        reasons=[0 if number % 3 else 2 for number in range(slots)],
        as_of=now.date(),
        **more,
    )


@pytest.mark.parametrize("message", [2, 512])
def test_columns_hold_what_rows_hold_and_a_new_slot_has_no_facts(customers, now, monkeypatch, message):
    monkeypatch.setattr(packed_readings, "MESSAGE", message)
    measures = catalog()
    slots = width(measures)
    CurrentReading.objects.all().delete()
    keep(customers[0], now, slots, phase="adoption", tenure_months=7, labels=["tier=gold", "region=EU"])
    keep(customers[1], now, slots - 2)
    keep(customers[2], now, slots + 1, labels=["tier=gold"])
    matrix = load_matrix(measures)
    rows = readings_matrix()
    assert matrix.customer_ids.tolist() == [row.customer_id for row in rows]
    for place, row in enumerate(rows):
        for slot in range(slots):
            value, day, reason = row.at(slot)
            assert int(matrix.reasons[place, slot]) == reason
            assert int(matrix.days[place, slot]) == (NO_DAY if day is None else day)
            assert value is None or int(matrix.values[place, slot]) == value
        assert matrix.phases[matrix.phase_codes[place]] == row.phase
        assert int(matrix.tenure[place]) == (NO_TENURE if row.tenure_months is None else row.tenure_months)
        assert matrix.label_sets[matrix.label_codes[place]] == frozenset(row.labels)
    assert REASONS[matrix.reasons[1, slots - 1]] == "no_facts"


def test_a_few_slots_are_loaded_alone(customers, now):
    measures = catalog()
    slots = width(measures)
    CurrentReading.objects.all().delete()
    keep(customers[0], now, slots)
    keep(customers[1], now, 3)
    whole = load_matrix(measures)
    for wanted in ([4, 1], [0, 1, 2]):
        some = load_matrix(measures, slots=wanted)
        assert some.slots == slots
        for name, other in (("values", 0), ("days", NO_DAY), ("reasons", 1)):
            found, complete = getattr(some, name), getattr(whole, name)
            for slot in range(slots):
                column = complete[:, slot].tolist() if slot in wanted else [other, other]
                assert found[:, slot].tolist() == column


def test_some_customers_are_loaded_by_id(customers, now):
    CurrentReading.objects.all().delete()
    for customer in customers:
        keep(customer, now, width(catalog()))
    wanted = [customers[2].pk, customers[0].pk]
    assert load_matrix(catalog(), wanted).customer_ids.tolist() == sorted(wanted)
    assert len(load_matrix(catalog(), [])) == 0
