"""The `score` command prints what is stored, and computes what is not."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command

from customers.models import ExternalId
from metrics.models import HealthScore
from tests.factories.customers import NOW, make_customer, make_touchpoint
from tests.factories.health import make_scored_customer, score_now

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def frozen(time_machine):
    time_machine.move_to(NOW + timedelta(hours=1), tick=False)


def run(capsys, *arguments):
    call_command("score", *arguments)
    return capsys.readouterr().out


def document(capsys, *arguments):
    return json.loads(run(capsys, *arguments, "--json"))


def test_score_prints_the_stored_score_with_parts_that_add_up(capsys):
    customer = make_scored_customer(name="Larch")
    ExternalId.objects.create(customer=customer, value="A-7")
    score_now()
    (row,) = document(capsys, "--customer", "A-7")["scores"]
    assert (row["customer"], row["id"], row["score"], row["band"]) == (
        "A-7",
        customer.pk,
        83.333333,
        "healthy",
    )
    assert (row["coverage"], row["version"], row["stored"]) == (0.9, 1, True)
    assert sum(Decimal(str(part["points"])) for part in row["contributions"]) == Decimal("83.333333")


def test_score_without_a_stored_score_computes_and_writes_nothing(capsys):
    make_scored_customer()
    (row,) = document(capsys)["scores"]
    assert (row["score"], row["stored"]) == (83.333333, False)
    assert HealthScore.objects.count() == 0


def test_score_of_a_past_day_is_the_one_in_force_then(capsys):
    customer = make_scored_customer()
    score_now(now=NOW - timedelta(days=9))
    make_touchpoint(customer, occurred_at=NOW)
    score_now()
    day = (NOW - timedelta(days=5)).date().isoformat()
    (row,) = document(capsys, "--customer", str(customer.pk), "--as-of", day)["scores"]
    assert (row["stored"], row["readings_as_of"]) == (True, (NOW - timedelta(days=9)).date().isoformat())


def test_score_as_text_names_readings_and_reasons(capsys):
    make_scored_customer(name="Larch")
    text = run(capsys)
    assert "Larch: 83.333333, healthy, on 90.0% of the weight (v1)" in text
    assert "nps_customer" in text
    assert "no reading: no_facts" in text
    assert text.rstrip().endswith("sum                             83.333333")


def test_score_known_at_an_earlier_day_leaves_out_what_was_recorded_later(capsys):
    customer = make_customer()
    make_touchpoint(customer, occurred_at=NOW - timedelta(days=30))
    day = (NOW - timedelta(days=10)).date().isoformat()
    (row,) = document(capsys, "--customer", str(customer.pk), "--known-at", day)["scores"]
    touch = next(part for part in row["contributions"] if part["measure"] == "days_since_meaningful_touch")
    assert (touch["value"], touch["reason"]) == (None, "no_facts")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--customer", "nobody"], "No customer nobody"),
        (["--as-of", "yesterday"], "is no day"),
        (["--as-of", "2031-01-01"], "lies ahead"),
        (["--scorecard", "other"], "No scorecard other"),
    ],
)
def test_score_refuses_what_it_cannot_answer(arguments, said):
    with pytest.raises(CommandError, match=said) as caught:
        call_command("score", *arguments)
    assert caught.value.returncode == 2
