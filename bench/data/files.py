"""The generated facts as files for engines that are no database of ours; money in cents, factors with 16 decimals."""

import csv
from decimal import Decimal
from pathlib import Path

from bench.cluster import home
from bench.data import generate
from metrics.formulas.money import factor

FACTORS = "factors.csv"


def folder(scale: str) -> Path:
    """lines.csv (line, customer, currency, from_on, to_on, cents) and factors.csv (currency, day, factor)."""
    target = home() / f"files_{scale}_{generate.VERSION}"
    if not (target / FACTORS).exists():
        target.mkdir(parents=True, exist_ok=True)
        with (target / "lines.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["line", "customer", "currency", "from_on", "to_on", "cents"])
            writer.writerows(row[:6] for row in generate.prices(generate.SCALES[scale]))
        _factors(target / FACTORS)
    return target


def _factors(path: Path) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["currency", "day", "factor"])
        for currency, day, rate in generate.rates():
            writer.writerow(
                [currency, day, factor(native_per_base=Decimal(rate), reporting_per_base=Decimal(1))]
            )
        for number in range(generate.DAYS):
            writer.writerow(["EUR", generate._day(number), "1"])
