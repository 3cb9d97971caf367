"""Two companies brought in by the product's own commands and services: facts, custom fields and own measures.

Telco: the file has no days, so all fields hold from the first day on. CRM: the billing period of a line is known when the
line begins, and with it the day of renewal; each kind of event is counted in four weeks, as the book does.
"""

import csv
import gzip
import io
import json
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.utils import timezone

from accounts.models import Organisation
from bench.cluster import ROOT
from customers.services.custom_fields import define_custom_field
from metrics.services import own_measures

MAPS = ROOT / "docs" / "imports"
NO_NET, NO_PHONE = "No internet service", "No phone service"
EXTRA = ["No", "Yes", NO_NET]
TELCO_FIELDS: dict[str, tuple[str, list[str], str]] = {  # key: (type, options, which way is better)
    "senior": ("boolean", [], "down"),
    "partner": ("boolean", [], "up"),
    "dependents": ("boolean", [], "up"),
    "tenure_months": ("number", [], "up"),
    "phone": ("boolean", [], "up"),
    "lines": ("choice", ["No", "Yes", NO_PHONE], "up"),
    "internet": ("choice", ["DSL", "Fiber optic", "No"], "up"),
    "online_security": ("choice", EXTRA, "up"),
    "online_backup": ("choice", EXTRA, "up"),
    "device_protection": ("choice", EXTRA, "up"),
    "tech_support": ("choice", EXTRA, "up"),
    "streaming_tv": ("choice", EXTRA, "up"),
    "streaming_movies": ("choice", EXTRA, "up"),
    "contract": ("choice", ["Month-to-month", "One year", "Two year"], "up"),
    "paperless": ("boolean", [], "down"),
    "payment": (
        "choice",
        ["Electronic check", "Mailed check", "Bank transfer (automatic)", "Credit card (automatic)"],
        "up",
    ),
    "monthly_charges": ("number", [], "down"),
}
CRM_FIELDS = {
    "paying_since": "Customer since",
    "founded": "Founded",
}  # days that never change: a reading is their age
CRM_WINDOW = 28  # days in which events of a kind are counted
CRM_WORSE = {  # kinds whose names speak of a loss; of all others more is better
    "delete_search", "add_competitor", "disqualify_opportunity", "lose_opportunity", "unsub_lead", "delete_list",
    "cancel_meeting",
}  # fmt: skip


def bring_telco(folder: str) -> dict[str, int]:
    """7,043 customers of a telephone company, their columns as custom fields and own measures."""
    _currency()
    file, now = Path(folder) / "telco_churn_ibm" / "Telco-Customer-Churn.csv", timezone.now()
    for key, (kind, options, better) in TELCO_FIELDS.items():
        _field(key, key, kind, better, now=now, options=options)
    brought = _import("customers", file, "telco_churn_readings")
    _import("subscriptions", file, "telco_churn_subscriptions", "--set", "currency=USD")
    call_command("recompute", "--full", stdout=io.StringIO())
    return {"customers": brought["created"]}


def bring_crm(folder: str) -> dict[str, int]:
    """584 customers of the simulated CRM vendor with lines, weekly usage, and a measure for each kind of event."""
    _currency()
    home, now = Path(folder) / "fightchurn_crm6", timezone.now()
    for key, title in CRM_FIELDS.items():
        _field(key, title, "date", "up", now=now)
    brought = _import("customers", home / "subscriptions.csv", "fightchurn_crm6_readings")
    _import("customers", home / "accounts.csv", "fightchurn_crm6_customers")
    _import(
        "subscriptions", home / "subscriptions.csv", "fightchurn_crm6_subscriptions", "--set", "currency=USD"
    )
    with tempfile.TemporaryDirectory() as made:
        weekly = Path(made) / "weekly.csv"
        with gzip.open(home / "usage_weekly.csv.gz", "rt") as rows, weekly.open("w", newline="") as out:
            kinds = _with_week_end(rows, out)
        _import("usage", weekly, "fightchurn_crm6_weekly")
    with (home / "event_types.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if row["event_type_id"] in kinds:
                _events(row["event_type_id"], row["event_type_name"], now=now)
    call_command("recompute", "--full", stdout=io.StringIO())
    return {"customers": brought["created"]}


def _with_week_end(rows: Iterable[str], out: Any) -> set[str]:
    """The weeks with their last days; which kinds of events there are."""
    reader, kinds = csv.DictReader(rows), set()
    writer = csv.DictWriter(out, [*(reader.fieldnames or ()), "week_end"])
    writer.writeheader()
    for row in reader:
        kinds.add(row["event_type_id"])
        writer.writerow(row | {"week_end": date.fromisoformat(row["week_start"]) + timedelta(days=6)})
    return kinds


def _currency() -> None:
    Organisation.objects.update_or_create(pk=1, defaults={"currency": "USD"})


def _field(
    key: str, title: str, kind: str, better: str, *, now: datetime, options: Iterable[str] = ()
) -> None:
    """A custom field and the measure that reads it."""
    define_custom_field(key=key, label=title, kind=kind, by=None, now=now, options=list(options))
    own_measures.add(
        key=key, title=title, kind="field", spec={"field": key}, better=better, by=None, now=now,
        as_of=now.date(),
    )  # fmt: skip


def _events(event: str, name: str, *, now: datetime) -> None:
    """A measure that counts one kind of event."""
    own_measures.add(
        key=f"count_{name}",
        title=name.replace("_", " ").capitalize(),
        kind="event",
        spec={"event": event},
        better="down" if name in CRM_WORSE else "up",
        window_days=CRM_WINDOW,
        by=None,
        now=now,
        as_of=now.date(),
    )


def _import(kind: str, file: Path, mapping: str, *more: str) -> dict[str, Any]:
    out = io.StringIO()
    words = [kind, str(file), "--map", str(MAPS / f"{mapping}.yaml"), "--history", *more, "--json"]
    with suppress(SystemExit):
        call_command("import", *words, stdout=out)
    found: dict[str, Any] = json.loads(out.getvalue())
    if found["errors"]:
        raise ValueError(f"{file.name}: {found['errors'][0]}")
    return found
