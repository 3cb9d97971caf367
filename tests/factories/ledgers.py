"""Ledgers written straight into the facts: fast, and free to be odd."""

import csv
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random

from accounts.models import Organisation
from customers.models import Customer, ExternalId, FxRate, LineVersion, StaleMark, Subscription
from customers.services import summaries
from customers.services.pricing import set_mrr

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
CRM6 = DATA / "fightchurn_crm6"
FIRST = date(2024, 1, 1)


def set_currency(currency):
    Organisation.objects.update_or_create(pk=1, defaults={"currency": currency})


def make_payer(name="Larch"):
    """A customer without any facts."""
    customer = Customer.objects.create(name=name, currency="EUR")
    ExternalId.objects.create(customer=customer, source="import", value=name)
    summaries.ensure([customer.pk])
    return customer


def make_version(customer, from_on, to_on=None, mrr="100", *, product="Tend", currency="EUR", **fields):
    """A line version at so much a month; `fields` may say anything else a version says."""
    line, _ = Subscription.objects.get_or_create(
        customer=customer, product=product, defaults={"currency": currency}
    )
    version = LineVersion(
        customer=customer,
        subscription=line,
        from_on=from_on,
        to_on=to_on,
        amount=Decimal(fields.pop("amount", mrr)),
        currency=currency,
        **fields,
    )
    set_mrr(version).save()
    return version


def make_rate(currency, day, rate):
    return FxRate.objects.create(currency=currency, day=day, rate=Decimal(rate))


def mark(customer, *, cause="subscription", day=FIRST):
    return StaleMark.objects.create(customer=customer, from_day=day, cause=cause)


def make_random_ledger(seed, *, customers=6, currencies=("EUR", "USD")):
    """Customers with lines that start, stop, pause, change price and currency on any day of two years."""
    random = Random(seed)
    for day in range(0, 760, 20):
        make_rate("USD", FIRST + timedelta(days=day), str(Decimal(random.randint(90, 130)) / 100))
    made = []
    for number in range(customers):
        customer = make_payer(f"seed-{seed}-{number}")
        for line in range(random.randint(1, 3)):
            _random_line(random, customer, f"line {line}", random.choice(currencies))
        made.append(customer)
    return made


def _random_line(random, customer, product, currency):
    day = FIRST + timedelta(days=random.randint(0, 300))
    for _ in range(random.randint(1, 5)):
        end = day + timedelta(days=random.randint(1, 200))
        is_last = random.random() < 0.3
        make_version(
            customer,
            day,
            None if is_last else end,
            str(Decimal(random.randint(0, 10**6)) / random.choice([1, 10, 100])),
            product=product,
            currency=currency,
            interval=random.choice(["month", "month", "year", "week", "quarter"]),
            status=random.choice(
                ["active", "active", "active", "paused", "unpaid", "free", "past_due", "trial"]
            ),
            trial_end=day + timedelta(days=random.choice([5, 40])) if random.random() < 0.2 else None,
            discount_percent=random.choice([None, Decimal(100), Decimal("33.3333")]),
            discount_until=day + timedelta(days=random.randint(1, 150)) if random.random() < 0.4 else None,
        )
        if is_last:
            return
        day = end + timedelta(days=random.choice([0, 0, 1, 30]))


def load_crm6(accounts=None):
    """Customers and line versions of the simulated CRM vendor, as its files say; {account id: customer}."""
    set_currency("USD")
    with (CRM6 / "accounts.csv").open() as file:
        names = [row["account_id"] for row in csv.DictReader(file)]
    with (CRM6 / "subscriptions.csv").open() as file:
        rows = list(csv.DictReader(file))
    wanted = set(names if accounts is None else accounts)
    customers = {name: Customer(name=name, currency="USD") for name in names if name in wanted}
    Customer.objects.bulk_create(customers.values())
    ExternalId.objects.bulk_create(
        [ExternalId(customer=customer, source="import", value=name) for name, customer in customers.items()]
    )
    summaries.ensure([customer.pk for customer in customers.values()])
    rows = [row for row in rows if row["account_id"] in wanted]
    keys = sorted({(row["account_id"], row["product"]) for row in rows})
    lines = {key: Subscription(customer=customers[key[0]], product=key[1], currency="USD") for key in keys}
    Subscription.objects.bulk_create(lines.values())
    versions = [
        LineVersion(
            customer=customers[row["account_id"]],
            subscription=lines[row["account_id"], row["product"]],
            from_on=date.fromisoformat(row["start_date"]),
            to_on=date.fromisoformat(row["end_date"]),
            amount=Decimal(row["mrr"]),
            mrr=Decimal(row["mrr"]),
            mrr_after_discount=Decimal(row["mrr"]),
            quantity=Decimal(row["quantity"]),
            currency="USD",
        )
        for row in rows
    ]
    LineVersion.objects.bulk_create(versions, batch_size=2_000)
    return customers, rows
