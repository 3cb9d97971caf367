"""Seeded facts of a subscription company, as streams of COPY rows: the same rows for the same scale, everywhere.

Log-normal sizes, three currencies, 6 % of the periods end in a gap, 15 % of the customers hold a second line at the same
time (same currency), 36 reporting months after 12 earlier ones, about 5.4 line versions per customer.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from math import exp
from random import Random

SEED = 20260316
SCALES = {"1k": 1_000, "10k": 10_000, "100k": 100_000, "1m": 1_000_000}
FIRST = date(2022, 1, 1)
DAYS = 1461  # 48 months
AS_OF = FIRST + timedelta(days=DAYS - 1)
CURRENCIES = ("EUR", "USD", "GBP")
WEIGHTS = (0.6, 0.25, 0.15)
START_VALUES = {"USD": 1.08, "GBP": 0.86}
PLANS = ("Starter", "Growth", "Enterprise")
GAP, SECOND, QUIT = 0.06, 0.15, 0.03
PERIOD_DAYS = (55, 275)  # a price holds so long
VERSION = 1  # raise it when the rows change

Line = tuple[int, int, str]  # subscription id, customer id, currency
Price = tuple[
    int, int, str, date, date | None, int, str
]  # line id, customer id, currency, from, to, cents, plan


def customers(many: int) -> Iterator[tuple[object, ...]]:
    """id, name, currency."""
    return ((number, f"Customer {number:07}", currency_of(number)) for number in range(1, many + 1))


def currency_of(number: int) -> str:
    return Random(SEED + number * 7).choices(CURRENCIES, WEIGHTS)[0]


def rates() -> Iterator[tuple[str, date, str]]:
    """Currency, day, units per reporting unit: a walk with 6 decimals."""
    random = Random(SEED)
    for currency, start in START_VALUES.items():
        value = start
        for day in range(-10, DAYS):
            value *= exp(random.gauss(0, 0.004))
            yield currency, FIRST + timedelta(days=day), f"{value:.6f}"


def prices(many: int) -> Iterator[Price]:
    """Every line version of every customer, by customer, line and day."""
    line = 0
    for number in range(1, many + 1):
        random = Random(SEED * 3 + number)
        currency = currency_of(number)
        size = exp(random.gauss(5.5, 1.2))
        start = random.randrange(0, 1300)
        line += 1
        yield from _line(random, line, number, currency, start, size)
        if random.random() < SECOND:
            line += 1
            later = random.randrange(start, DAYS - 60)
            yield from _line(random, line, number, currency, later, size * random.uniform(0.1, 0.6))


def _line(random: Random, line: int, number: int, currency: str, start: int, size: float) -> Iterator[Price]:
    day, value = start, size
    while day < DAYS:
        ends = day + random.randrange(*PERIOD_DAYS)
        cents = max(100, round(value * 100))
        plan = PLANS[min(2, int(value / 400))]
        last = ends >= DAYS
        yield line, number, currency, _day(day), None if last else _day(ends), cents, plan
        if last or random.random() < QUIT:
            return
        day = ends + (random.randrange(10, 150) if random.random() < GAP else 0)
        value *= exp(random.gauss(0.03, 0.2))


def _day(number: int) -> date:
    return FIRST + timedelta(days=number)
