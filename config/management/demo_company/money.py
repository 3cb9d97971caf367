"""What the demo company spends, sells once, and hears of late."""

import math
from datetime import date, timedelta
from random import Random

from config.management.demo_company.story import Customer, Row, Story

COSTS = (  # kind, category, a month's base in EUR, share of it that grows with paying customers
    ("acquisition", "sales", 9_000, 60),
    ("acquisition", "marketing", 6_500, 30),
    ("retention", "payroll CS", 11_000, 90),
    ("retention", "tools", 1_400, 6),
)
PACKAGE = (900, 2_400)  # a training or set-up package, sold once


def costs(story: Story) -> list[Row]:
    """A row per month and category up to the last complete month."""
    rng = Random(f"{story.seed}:costs")
    month = min(customer.starts for customer in story.customers).replace(day=1)
    rows: list[Row] = []
    while month < story.today.replace(day=1):
        paying = sum(customer.is_live(month) for customer in story.customers)
        for kind, category, base, each in COSTS:
            amount = round((base + each * paying) * rng.uniform(0.9, 1.15))
            rows.append(
                {
                    "period": f"{month:%Y-%m}",
                    "kind": kind,
                    "amount": str(amount),
                    "currency": "EUR",
                    "category": category,
                }
            )
        month = (month + timedelta(days=32)).replace(day=1)
    return rows


def orders(story: Story) -> list[Row]:
    """Training packages: about every third customer buys one, the happy ones again."""
    rng = Random(f"{story.seed}:orders")
    rows: list[Row] = []
    for customer in story.customers:
        day, chance = customer.starts + timedelta(days=rng.randrange(10, 60)), 0.35
        while day < story.today and customer.is_live(day) and rng.random() < chance:
            rows.append(
                {
                    "order_id": f"O-{len(rows) + 1:04d}",
                    "customer_id": customer.key,
                    "day": str(day),
                    "amount": str(rng.randrange(*PACKAGE, 50)),
                    "currency": "EUR",
                    "refunded": "yes" if rng.random() < 0.04 else "no",
                }
            )
            day += timedelta(days=rng.randrange(90, 300))
            chance = customer.mood(min(day, story.today))
    return rows


def late_line(story: Story, closed: date) -> tuple[Customer, date, int]:
    """A customer whose extra seats were told only after a month was closed: from which day, at how much a month."""
    month_ago = closed + timedelta(days=11)
    happy = [c for c in story.customers if c.is_live(month_ago) and c.is_live(story.today) and c.ends is None]
    customer = max(happy or story.customers, key=lambda c: (c.mood(month_ago), c.key))
    return customer, month_ago, 20 * math.ceil(customer.seats / 10)
