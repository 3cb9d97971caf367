"""One planted fault per check: the command ends with 1 and names the row and the column."""

import io
import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from config.work.pg import recorded_at
from customers.models import CustomerSummary, StaleMark
from customers.services import subscriptions
from metrics.models import (
    BridgeChange,
    CohortChange,
    CohortMonth,
    CompanyMonth,
    DefinitionVersion,
    DirtyMonth,
    FrozenValue,
    LineSegment,
    MonthlyUsage,
    Movement,
    Restatement,
)
from metrics.services import closing
from tests.factories.customers import make_usage
from tests.factories.ledgers import make_payer, make_random_ledger, make_rate, make_version, mark

pytestmark = pytest.mark.django_db
TODAY = datetime(2025, 3, 10, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def today(time_machine):
    time_machine.move_to(TODAY)


@pytest.fixture
def company(db):
    """Two currencies, a year of history, usage, a closed month and a late fact."""
    make_rate("USD", date(2024, 1, 1), "1.25")
    make_rate("USD", date(2024, 8, 20), "1.20")
    larch, oak, elm = (make_payer(name) for name in ("Larch", "Oak", "Elm"))
    make_version(larch, date(2024, 1, 15), date(2024, 2, 10), "100.5")
    make_version(larch, date(2024, 2, 10), None, "300")
    make_version(oak, date(2024, 1, 20), date(2024, 9, 5), "50", currency="USD")
    make_version(elm, date(2024, 1, 20), None, "50", currency="USD")
    make_version(elm, date(2024, 6, 20), None, "20", product="Extra")
    make_usage(larch, day=date(2025, 3, 3))
    for customer in (larch, oak, elm):
        mark(customer)
    call_command("recompute", stdout=io.StringIO())
    closing.close_month(month=date(2025, 1, 1), by=None, now=timezone.now())
    make_version(larch, date(2025, 1, 20), None, "7", product="Late")
    mark(larch)
    call_command("recompute", stdout=io.StringIO())
    closing.restate(now=timezone.now())
    return larch, oak, elm


def verified(*arguments):
    """(exit code, text) of the command."""
    out = io.StringIO()
    try:
        call_command("verify_metrics", *arguments, stdout=out, stderr=io.StringIO())
    except SystemExit as left:
        return left.code, out.getvalue()
    return 0, out.getvalue()


def plant(model, fault, **where):
    """Change one stored value behind everybody's back, triggers and checks of frozen rows included."""
    row = model.objects.filter(**where).order_by("pk").first()
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
    model.objects.filter(pk=row.pk).update(**fault)
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = DEFAULT")


def test_a_sound_company_passes_every_check(company):
    code, text = verified()
    assert (code, len(text.splitlines())) == (0, 12), text
    assert all(": 0 rows" not in line or "VM-12" in line for line in text.splitlines()), text
    assert [line.split()[0] for line in text.splitlines()] == [f"VM-{number}" for number in range(1, 13)]


DAY = date(2024, 8, 20)
FAULTS = {
    "VM-1": (LineSegment, {"mrr": Decimal(1)}, {}, "line_segment"),
    "VM-2": (Movement, {"kind": "expansion"}, {"kind": "new"}, "movement"),
    "VM-3": (LineSegment, {"to_on": date(2024, 3, 5)}, {"currency": "USD"}, "customer_month"),
    "VM-4": (CompanyMonth, {"kept_12m": Decimal(7)}, {}, "company_month"),
    "VM-4 bridge": (BridgeChange, {"base_net": Decimal(7)}, {}, "bridge_change"),
    "VM-4 cohort": (CohortChange, {"kept": Decimal(7)}, {}, "cohort_change"),
    "VM-5": (CompanyMonth, {"opening": Decimal(7)}, {"month": date(2024, 5, 1)}, "company_month"),
    "VM-6": (CompanyMonth, {"fx": Decimal(7)}, {"month": date(2024, 8, 1)}, "company_month"),
    "VM-7": (CohortMonth, {"paying": 7}, {}, "cohort_month"),
    "VM-8": (CompanyMonth, {"lost_logos": 1}, {"month": date(2024, 5, 1)}, "metric"),
    "VM-9": (MonthlyUsage, {"days": 1}, {}, "active_users"),
    "VM-10": (FrozenValue, {"value": Decimal(7)}, {"key": "closing"}, "frozen_value"),
    "VM-10 steps": (Restatement, {"difference": Decimal(7)}, {"key": "closing"}, "restatement"),
    "VM-11": (CustomerSummary, {"mrr": Decimal(7)}, {"mrr__gt": 0}, "customer_summary"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_each_check_names_its_planted_fault(company, name):
    model, fault, where, table = FAULTS[name]
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE metrics_companymonth DROP CONSTRAINT metrics_companymonth_adds_up")
    plant(model, fault, **where)
    code, text = verified("--json")
    assert code == 1
    found = next(check for check in json.loads(text)["checks"] if check["code"] == name.split()[0])
    named = [item for item in found["differences"] if item["table"] == table]
    assert named, found
    assert all(item["key"] and item["column"] and item["stored"] != item["recounted"] for item in named)
    assert f"  {table} {named[0]['key']} {named[0]['column']}: stored " in verified()[1]


def test_vm_11_names_scores_renewals_and_answers(company):
    larch = company[0]
    for fault in ({"renewal_on": date(2030, 1, 1)}, {"last_nps": 3}, {"score": Decimal(7)}):
        CustomerSummary.objects.filter(customer=larch).update(**fault)
    text = verified()[1]
    assert all(f" {larch.pk} {column}: stored " in text for column in ("renewal_on", "last_nps", "score"))


@pytest.mark.parametrize("model", [StaleMark, DirtyMonth])
def test_vm_12_names_what_has_waited_too_long(company, model, time_machine):
    if model is StaleMark:
        mark(company[0])
    else:
        DirtyMonth.objects.create(month=date(2025, 3, 1))
    model.objects.update(created_at=timezone.now() - timedelta(hours=2))
    code, text = verified()
    assert code == 1
    assert "VM-12 nothing waits for long: 1 rows, 1 differences" in text
    assert "not compared" in text


def test_a_sample_limits_customers_and_leaves_totals_complete(company):
    code, text = verified("--customers", "1", "--seed", "3")
    assert code == 0
    segments = next(line for line in text.splitlines() if line.startswith("VM-1 "))
    assert segments.split(": ")[1].split()[0] in {"1", "2", "3"}
    plant(CompanyMonth, {"kept": Decimal(7)})
    assert verified("--customers", "1")[0] == 1


def test_months_outside_the_range_are_not_compared(company):
    plant(CompanyMonth, {"kept": Decimal(7)}, month=date(2024, 3, 1))
    assert verified("--from", "2024-04")[0] == 0
    assert verified("--to", "2024-02")[0] == 0
    assert verified("--from", "2024-03", "--to", "2024-03")[0] == 1


def test_known_at_compares_what_was_known_then(db):
    early, late = datetime(2024, 3, 1, tzinfo=UTC), datetime(2024, 5, 1, tzinfo=UTC)
    with recorded_at(early):
        line = subscriptions.start_line(
            customer=make_payer("Larch"),
            from_on=date(2024, 1, 1),
            by=None,
            now=early,
            amount=Decimal(100),
            currency="EUR",
        )
    with recorded_at(late):
        subscriptions.end_line(line=line, on=date(2024, 2, 1), by=None, now=late)
    for moment, moves in (("2024-02-01", 0), ("2024-04-01T12:00", 1), ("2024-06-01T12:00+02:00", 2)):
        code, text = verified("--known-at", moment)
        assert code == 0
        assert f"VM-2 movements: {moves} rows, 0 differences" in text
    for wrong in ("soon", "2031-01-01"):
        with pytest.raises(CommandError) as refused:
            call_command("verify_metrics", "--known-at", wrong)
        assert refused.value.returncode == 2


def test_t_8_closed_months_that_never_change_are_recounted_from_what_was_known_then(company):
    DefinitionVersion.objects.create(number=1, config={"restate": "false"})
    call_command("recompute", "--full", stdout=io.StringIO())
    code, text = verified()
    assert code == 0, text
    assert Movement.objects.filter(reason="prior_period_adjustment", day=date(2025, 2, 1)).exists()


@pytest.mark.parametrize("seed", range(2))
def test_random_ledgers_under_each_preset_pass(db, seed):
    make_random_ledger(seed)
    for number, preset in enumerate(("chartmogul", "stripe", "profitwell"), start=1):
        DefinitionVersion.objects.create(number=number, config=_texts(preset))
        call_command("recompute", "--full", stdout=io.StringIO())
        code, text = verified()
        assert code == 0, text


def _texts(preset):
    from metrics.formulas.definition import DEFAULT, as_texts, with_preset

    return as_texts(with_preset(DEFAULT, preset))
