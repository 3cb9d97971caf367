"""How fast the portfolio of one CSM answers in a large company, measured in process.

    python3 -m bench.portfolio [--customers 20000] [--book 300] [--rounds 40] [--json]

Makes a database of its own on the server of DATABASE_URL, fills it with generated customers, asks for the page as a
browser would (session, middleware, view, template), prints the time and the statements per request, and drops the
database. Exit 1 when the 95th percentile is above 150 ms or the number of statements depends on the rows.
"""

import argparse
import json
import os
import statistics
import sys
import time
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings_test")

import django

django.setup()

# Models can be imported only after django.setup().
from django.db import connection  # noqa: E402 - before-bootstrap
from django.test import Client  # noqa: E402 - before-bootstrap
from django.test.runner import DiscoverRunner  # noqa: E402 - before-bootstrap
from django.test.utils import CaptureQueriesContext  # noqa: E402 - before-bootstrap

from accounts.choices import Role  # noqa: E402 - before-bootstrap
from accounts.models import Organisation, Team, User  # noqa: E402 - before-bootstrap
from customers.models import Assignment, Customer, CustomerSummary  # noqa: E402 - before-bootstrap

LIMIT_MS = 150
SEED = 7
WARM_UP = 3  # requests before the clock starts: templates compiled, plans and pages cached
COLLEAGUES = 60
VARIANTS = {
    "my book": "/portfolio/",
    "my book, second page": "/portfolio/?page=2",
    "needs attention": "/portfolio/?view=attention",
    "one band, sorted by MRR": "/portfolio/?band=risk&sort=-mrr",
    "text filter": "/portfolio/?q=cust",
    "200 rows": "/portfolio/?size=200",
    "table part": "/portfolio/",
}


def main() -> int:
    options = arguments()
    runner = DiscoverRunner(verbosity=0, interactive=False)
    # No test environment: it would copy every template's context and so measure itself.
    databases = runner.setup_databases()
    try:
        results = measure(options)
    finally:
        runner.teardown_databases(databases)
    report(options, results)
    return 0 if all(row["ok"] for row in results) else 1


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--book", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def measure(options: argparse.Namespace) -> list[dict[str, Any]]:
    csm, small, admin = fill(options.customers, options.book)
    results = [timed(name, csm, href, options.rounds) for name, href in VARIANTS.items()]
    few = timed("a book of 3", small, "/portfolio/", options.rounds)
    statements = next(row["queries"] for row in results if row["variant"] == "my book")
    few["ok"] = few["ok"] and few["queries"] == statements
    everyone = timed("an admin's whole company", admin, "/portfolio/", options.rounds)
    return [*results, few, everyone]


def timed(name: str, user: Any, href: str, rounds: int) -> dict[str, Any]:
    """Milliseconds of one request and its statements; the part is asked for as htmx asks."""
    client = Client(headers={"HX-Request": "true", "HX-Target": "portfolio-table"} if "part" in name else {})
    client.force_login(user)
    for _ in range(WARM_UP):
        response = client.get(href)
        assert response.status_code == 200, response.status_code
    with CaptureQueriesContext(connection) as counted:
        client.get(href)
        queries = len(counted)
    took, busy = [], []
    for _ in range(rounds):
        start, cpu = time.perf_counter(), time.process_time()
        client.get(href)
        took.append((time.perf_counter() - start) * 1000)
        busy.append((time.process_time() - cpu) * 1000)
    p95 = sorted(took)[max(0, round(len(took) * 0.95) - 1)]
    return {
        "variant": name,
        "p50_ms": round(statistics.median(took), 1),
        "p95_ms": round(p95, 1),
        "cpu_ms": round(statistics.median(busy), 1),
        "queries": queries,
        "kilobytes": round(len(response.content) / 1024, 1),
        "ok": p95 < LIMIT_MS,
    }


def fill(customers: int, book: int) -> tuple[Any, Any, Any]:
    """One CSM with `book` customers, one with 3, the rest shared among colleagues; and an admin."""
    Organisation.objects.update_or_create(pk=1, defaults={"name": "Bench", "currency": "EUR"})
    team = Team.objects.create(name="Bench")
    names = ["Csm", "Small", *(f"Colleague {n}" for n in range(COLLEAGUES))]
    users = User.objects.bulk_create(
        User(name=name, email=f"{name.lower().replace(' ', '.')}@bench.example", team=team, role=Role.CSM, grants=["export", "see_identities"], password="!")
        for name in names
    )  # fmt: skip
    admin = User.objects.create(name="Admin", email="admin@bench.example", role=Role.ADMIN, password="!")
    owners = [users[0]] * book + [users[1]] * 3
    others = users[2:]
    owners += [others[n % len(others)] for n in range(customers - len(owners))]
    add_customers(owners)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return users[0], users[1], admin


def add_customers(owners: list[Any]) -> None:
    """Customers with summary, assignment and a follow-up each fourth, in a few statements."""
    random, today = Random(SEED), datetime.now(UTC).date()
    made = Customer.objects.bulk_create(
        (
            Customer(
                name=f"Customer {n:05}",
                search_text=f"customer {n:05} customer{n}.example contact{n} person{n}@customer.example",
                domain=f"customer{n}.example",
                industry=random.choice(["Logistics", "Retail", "Health", "Energy"]),
                tier=random.choice(["Enterprise", "Growth", "Starter"]),
                phase=random.choice(["onboarding", "adoption", "value", "renewal"]),
                created_on=date(2024, 1, 1),
            )
            for n in range(len(owners))
        ),
        batch_size=2000,
    )
    pairs = list(zip(made, owners, strict=True))
    Assignment.objects.bulk_create(
        (Assignment(customer=customer, user=owner, from_on=date(2024, 1, 1)) for customer, owner in pairs),
        batch_size=2000,
    )
    CustomerSummary.objects.bulk_create(
        (summary(random, customer, owner, today) for customer, owner in pairs), batch_size=2000
    )


def summary(random: Random, customer: Any, owner: Any, today: date) -> Any:

    score = Decimal(random.randint(200, 990)) / 10
    tone, band = (
        ("green", "healthy") if score >= 70 else ("amber", "moderate") if score >= 45 else ("red", "weak")
    )
    due = today + timedelta(days=random.randint(-5, 20))
    return CustomerSummary(
        customer=customer, owner=owner, currency="EUR", mrr=Decimal(random.randint(100, 20_000)),
        mrr_change_90d=Decimal(random.choice([0, 0, 400, -350])), is_paying=True, plan="Planner",
        renewal_on=today + timedelta(days=random.randint(-5, 365)), score=score, band=band, tone=tone,
        coverage=Decimal(random.randint(40, 100)) / 100, trend_30d=Decimal(random.randint(-150, 150)) / 10,
        trend_points=[float(score) + random.uniform(-5, 5) for _ in range(12)], top_cause="Active people −8.4",
        last_touch_at=datetime.now(UTC) - timedelta(days=random.randint(0, 80)), open_follow_ups=1,
        next_follow_up_on=due, next_follow_up="Call the sponsor", last_nps=random.randint(0, 10),
        computed_at=datetime.now(UTC), inputs_as_of=today,
    )  # fmt: skip


def report(options: argparse.Namespace, results: list[dict[str, Any]]) -> None:
    if options.json:
        print(json.dumps({"customers": options.customers, "book": options.book, "limit_ms": LIMIT_MS, "rows": results}, indent=1))  # fmt: skip
        return
    print(
        f"{options.customers:,} customers, {options.book} in the book, {options.rounds} rounds, limit {LIMIT_MS} ms"
    )
    print(f"{'variant':28}{'p50 ms':>9}{'p95 ms':>9}{'cpu ms':>9}{'queries':>9}{'KB':>8}")
    for row in results:
        mark = "" if row["ok"] else "  too slow or more queries"
        print(
            f"{row['variant']:28}{row['p50_ms']:9}{row['p95_ms']:9}{row['cpu_ms']:9}{row['queries']:9}{row['kilobytes']:8}{mark}"
        )


if __name__ == "__main__":
    sys.exit(main())
