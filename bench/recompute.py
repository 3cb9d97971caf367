"""How long a full recompute of the simulated CRM vendor takes: 584 customers, 14,055 line versions, 18 months.

    python3 -m bench.recompute [--rounds 3] [--usage] [--json]

Makes a database of its own on the server of DATABASE_URL, loads the files of ../shared/data/fightchurn_crm6 (with
--usage also 161,765 daily totals and 602,261 events), recomputes everything up to 2023-06-30 (segments, movements,
months, cohorts, readings, scores, summaries), refreshes ten customers, and drops the database. Exit 1 when a full
recompute takes 10 s or more or two runs differ, 2 when the data is not there.
"""

import argparse
import csv
import gzip
import json
import os
import statistics
import sys
import time
from datetime import UTC, date, datetime
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings_test")

import django

django.setup()

from django.test.runner import DiscoverRunner  # noqa: E402 - before-bootstrap

from customers.services.usage import UsageRow, record_events  # noqa: E402 - before-bootstrap
from metrics.rollups import checksum  # noqa: E402 - before-bootstrap
from metrics.services import recompute  # noqa: E402 - before-bootstrap
from metrics.services.refresh import refresh_customers  # noqa: E402 - before-bootstrap
from tests.factories.ledgers import CRM6, load_crm6  # noqa: E402 - before-bootstrap

LIMIT_S = 10
AS_OF = date(2023, 6, 30)
NOW = datetime(2023, 7, 1, 6, 0, tzinfo=UTC)
FEW = 10  # customers of an incremental refresh
BATCH = 50_000  # events of one call


def main() -> int:
    options = arguments()
    if not CRM6.exists():
        print(f"The data is not there: {CRM6}")
        return 2
    runner = DiscoverRunner(verbosity=0, interactive=False)
    runner.setup_test_environment()
    databases = runner.setup_databases()
    try:
        result = measure(options)
    finally:
        runner.teardown_databases(databases)
        runner.teardown_test_environment()
    print(json.dumps(result) if options.json else words(result))
    return 0 if result["ok"] else 1


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--usage", action="store_true")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def measure(options: argparse.Namespace) -> dict[str, Any]:
    customers, rows = load_crm6()
    if options.usage:
        load_usage(customers)
    full, sums = [], set()
    for _ in range(options.rounds):
        started = time.perf_counter()
        covered = recompute.recompute_all(as_of=AS_OF, now=NOW, usage_from=recompute.EARLIEST)
        full.append(time.perf_counter() - started)
        sums.add(checksum.of_tables())
    few = [customer.pk for customer in list(customers.values())[:FEW]]
    started = time.perf_counter()
    refresh_customers(customer_ids=few, as_of=AS_OF, now=NOW)
    some = time.perf_counter() - started
    return {
        "customers": covered.customers,
        "line_versions": len(rows),
        "months": covered.months,
        "usage": options.usage,
        "full_s": [round(value, 3) for value in full],
        "full_median_s": round(statistics.median(full), 3),
        "ten_customers_s": round(some, 3),
        "same_rows": len(sums) == 1,
        "limit_s": LIMIT_S,
        "ok": statistics.median(full) < LIMIT_S and len(sums) == 1,
    }


def load_usage(customers: dict[str, Any]) -> None:
    """The daily totals of 18 months and all events of June 2023."""

    def moment(text: str) -> datetime:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)

    with gzip.open(CRM6 / "usage_daily_totals.csv.gz", "rt") as file:
        totals = [
            UsageRow(
                customers[row["account_id"]].pk, f"{row['account_id']} {row['day']}", moment(row["day"]),
                count=int(row["n_events"]), users=int(row["n_users"]),
            )
            for row in csv.DictReader(file)
        ]  # fmt: skip
    with gzip.open(CRM6 / "events_2023_06.csv.gz", "rt") as file:
        events = [
            UsageRow(
                customers[row["account_id"]].pk, str(number), moment(row["event_time"]),
                user_ref=row["user_id"], event=row["event_type_id"],
            )
            for number, row in enumerate(csv.DictReader(file))
        ]  # fmt: skip
    for source, listed in (("totals", totals), ("events", events)):
        for start in range(0, len(listed), BATCH):
            record_events(source=source, events=listed[start : start + BATCH], now=NOW)


def words(result: dict[str, Any]) -> str:
    state = "ok" if result["ok"] else "too slow, or the rows differ"
    return (
        f"{result['customers']} customers, {result['line_versions']:,} line versions, {result['months']} months"
        f"{', with usage' if result['usage'] else ''}: full recompute {result['full_median_s']} s (median of "
        f"{result['full_s']}, limit {result['limit_s']} s), ten customers {result['ten_customers_s']} s: {state}"
    )


if __name__ == "__main__":
    sys.exit(main())
