"""A vendor's real files through the real commands: imported twice, computed, and recounted from the files."""

import csv
import gzip
import os
import time
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from itertools import islice

import pytest

from tests.factories.ledgers import CRM6

pytestmark = [
    pytest.mark.stack,
    pytest.mark.skipif(not CRM6.exists(), reason="the shared data folder is not beside the repository"),
]
MAP = "docs/imports/fightchurn_crm6_{}.yaml"
FILES = {
    "customers": ("customers", "accounts.csv", 584, "currency=USD"),
    "subscriptions": ("subscriptions", "subscriptions.csv", 14_055, "currency=USD"),
    "daily_totals": ("usage", "usage_daily_totals.csv.gz", 161_765, None),
    "events": ("usage", "events_2023_06.csv.gz", 602_261, None),
}
SOME_EVENTS = 50_000  # FULL_DATA=1 asks for all
MOVEMENTS = {"new": 1, "reactivation": 1, "expansion": 1, "contraction": -1, "churn": -1, "fx": 1}


@pytest.fixture
def folder(tmp_path):
    """The vendor's files; of the events the first ones, unless FULL_DATA=1 asks for all 602,261."""
    made = tmp_path / "files"
    made.mkdir()
    for name, (_, file, rows, _) in FILES.items():
        if wanted(name) == rows:
            (made / file).symlink_to(CRM6 / file)
            continue
        with gzip.open(CRM6 / file, "rt") as whole, gzip.open(made / file, "wt") as part:
            part.writelines(islice(whole, SOME_EVENTS + 1))
    return made


def wanted(name):
    """How many rows of a file are brought in."""
    rows = FILES[name][2]
    return rows if os.environ.get("FULL_DATA") or name != "events" else min(rows, SOME_EVENTS)


def bring_in(product, folder, name):
    kind, file, _, constant = FILES[name]
    rows = wanted(name)
    more = ["--set", constant] if constant else []
    began = time.monotonic()
    found = product.json("import", kind, folder / file, "--map", MAP.format(name), *more)
    product.note(f"imported {name}", seconds=round(time.monotonic() - began, 1))
    assert (found["rows"], found["errors"]) == (rows, [])
    return found


def walk():
    """Per month: opening, closing and the sum of each kind of movement, from the lines of each customer alone."""
    lines = defaultdict(list)
    with (CRM6 / "subscriptions.csv").open() as file:
        for row in csv.DictReader(file):
            lines[row["account_id"]].append((row["start_date"], row["end_date"], Decimal(row["mrr"])))
    moved = defaultdict(lambda: defaultdict(Decimal))
    for held in lines.values():
        last, ever = Decimal(0), False
        for day in sorted({day for start, end, _ in held for day in (start, end)}):
            now = sum((mrr for start, end, mrr in held if start <= day < end), Decimal(0))
            if now != last:
                kind = ("reactivation" if ever else "new") if not last else "churn" if not now else ""
                moved[day[:7]][kind or ("expansion" if now > last else "contraction")] += abs(now - last)
            last, ever = now, ever or now > 0
    closing = {}
    for month in (f"{year}-{m:02}" for year in (2022, 2023) for m in range(1, 13)):
        year, number = map(int, month.split("-"))
        end = (date(year + number // 12, number % 12 + 1, 1) - timedelta(days=1)).isoformat()
        closing[month] = sum(
            (mrr for held in lines.values() for start, stop, mrr in held if start <= end < stop), Decimal(0)
        )
    return moved, closing


def test_a_vendors_files_come_in_once_and_every_month_closes(product, folder):
    product.seed("organisation", name="Kestrel", time_zone="UTC", currency="USD")
    for name in FILES:
        first = bring_in(product, folder, name)
        assert first["created"] == first["rows"] - first["unchanged"], name
    for name in FILES:
        again = bring_in(product, folder, name)
        assert (again["created"], again["updated"], again["unchanged"]) == (0, 0, again["rows"]), name
    product.json("recompute")
    product.note("recomputed")
    done = product.manage("metrics", "--from", "2022-01", "--to", "2023-06")
    assert done.returncode == 0, product.about(done.stderr)
    rows = list(csv.DictReader(done.stdout.splitlines()))
    assert [row["month"] for row in rows] == [
        date(2022 + n // 12, n % 12 + 1, 1).isoformat() for n in range(18)
    ]
    moved, closing = walk()
    before = Decimal(0)
    for row in rows:
        month = row["month"][:7]
        moves = {kind: Decimal(row[f"{kind}_mrr"] or 0) for kind in MOVEMENTS}
        sums = sum(sign * moves[kind] for kind, sign in MOVEMENTS.items())
        assert Decimal(row["open_mrr"]) == before, month
        assert Decimal(row["open_mrr"]) + sums == Decimal(row["close_mrr"]) == closing[month], month
        assert {kind: amount for kind, amount in moves.items() if amount} == {
            kind: amount for kind, amount in moved[month].items() if amount
        }, month
        before = Decimal(row["close_mrr"])
    assert product.manage("verify_metrics").returncode == 0
