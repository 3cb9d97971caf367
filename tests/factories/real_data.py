"""Real data sets brought in by the commands, and a recount straight from their rows in fractions."""

import csv
import io
import json
from bisect import bisect_right
from calendar import monthrange
from collections import defaultdict
from contextlib import contextmanager, suppress
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

from django.core.management import call_command
from django.db import transaction

from tests.factories.ledgers import DATA, set_currency

MAPS = Path(__file__).resolve().parents[2] / "docs" / "imports"
ZERO, DAY = Fraction(0), timedelta(days=1)
WIDE = Context(prec=60, rounding=ROUND_HALF_UP)
CENT_OF_A_CENT = Fraction(1, 10_000)  # an engine may keep 8 or more digits per line
KINDS = ("new", "reactivation", "expansion", "contraction", "churn")


@contextmanager
def installation(blocker, currency):
    """An empty installation with a reporting currency, gone at the end of the module."""
    with blocker.unblock(), transaction.atomic():
        set_currency(currency)
        yield
        transaction.set_rollback(True)


def run(*words):
    """What a command prints."""
    out = io.StringIO()
    with suppress(SystemExit):
        call_command(*map(str, words), stdout=out)
    return out.getvalue()


def bring(kind, path, mapping=None, *more):
    """The JSON answer of an import under a map of the documentation."""
    said = ["--map", MAPS / f"{mapping}.yaml"] if mapping else []
    return json.loads(run("import", kind, path, *said, *more, "--json"))


def table(*words):
    """Rows of a command that prints CSV."""
    return list(csv.DictReader(run(*words).splitlines()))


def rows_of(name):
    """Rows of a file of the shared data, numbered as in a spreadsheet."""
    with (DATA / name).open(encoding="utf-8") as file:
        return list(enumerate(csv.DictReader(file), start=2))


def rounded(value, digits):
    """A fraction with so many digits, half away from zero, as a fraction again."""
    exact = WIDE.divide(Decimal(value.numerator), Decimal(value.denominator))
    return Fraction(exact.quantize(Decimal(1).scaleb(-digits), context=WIDE))


def month_ends(first, last):
    """Last days of all months from `first` to `last` (year, month)."""
    found = []
    year, month = first
    while (year, month) <= last:
        found.append(date(year, month, monthrange(year, month)[1]))
        year, month = (year + month // 12, month % 12 + 1)
    return found


class Line(NamedTuple):
    """What a customer pays a month during [start, end); no end = open."""

    customer: str
    start: date
    end: date | None
    mrr: Fraction
    currency: str = ""


class Quotes:
    """Reporting units per unit of a currency: 16 digits, from the latest rates of that day or before."""

    def __init__(self, reporting, rates):
        self.reporting = reporting
        self.days = {name: sorted(days) for name, days in rates.items()}
        self.rates = rates
        self.known = {}

    def at(self, currency, day):
        if currency == self.reporting:
            return Fraction(1)
        if (currency, day) not in self.known:
            value = self._per_base(self.reporting, day) / self._per_base(currency, day)
            self.known[currency, day] = rounded(value, 16)
        return self.known[currency, day]

    def _per_base(self, currency, day):
        if currency not in self.days:
            return Fraction(1)
        days = self.days[currency]
        return self.rates[currency][days[bisect_right(days, day) - 1]]


ONE_CURRENCY = Quotes("", {})


class Move(NamedTuple):
    customer: str
    day: date
    kind: str
    amount: Fraction


class Recount:
    """Movements, closings and cohorts of lines, customer by customer and day by day."""

    def __init__(self, lines, quotes=ONE_CURRENCY, until=date.max):
        self.quotes = quotes
        self.held = defaultdict(list)
        self.closings = {}
        for line in lines:
            self.held[line.customer].append(line)
        self.moves = [move for held in self.held.values() for move in self._walk(held) if move.day <= until]

    def mrr(self, customer, day, valued_on=None):
        """MRR of a customer at the end of a day."""
        return sum(
            (
                line.mrr * self.quotes.at(line.currency, valued_on or day)
                for line in self.held[customer]
                if line.start <= day and (line.end is None or day < line.end)
            ),
            ZERO,
        )

    def closing(self, day):
        """MRR of each paying customer at the end of a day."""
        if day not in self.closings:
            found = {name: self.mrr(name, day) for name in self.held}
            self.closings[day] = {name: mrr for name, mrr in found.items() if mrr}
        return self.closings[day]

    def sums(self):
        """Per month and kind: amount and number of movements; losses are negative."""
        found = defaultdict(lambda: [ZERO, 0])
        for move in self.moves:
            cell = found[(move.day.year, move.day.month), move.kind]
            cell[0] += move.amount
            cell[1] += 1
        return found

    def first_paid(self):
        """The first day each customer paid."""
        return {move.customer: move.day for move in self.moves if move.kind == "new"}

    def _walk(self, held):
        ever = False
        for day in sorted({day for line in held for day in (line.start, line.end) if day}):
            name = held[0].customer
            before, after = self.mrr(name, day - DAY, day), self.mrr(name, day)
            if before != after:
                kind = ("reactivation" if ever else "new") if not before else "churn" if not after else None
                yield Move(
                    name, day, kind or ("expansion" if after > before else "contraction"), after - before
                )
            ever = ever or after > 0


def assert_months_agree(rows, recount):
    """Every month of `metrics` is what the recount finds: closing, customers, each kind, and rates' exchange."""
    sums = recount.sums()
    opening = None
    for row in rows:
        day = date.fromisoformat(row["close_day"])
        closing = recount.closing(day)
        before = recount.closing(date.fromisoformat(row["open_day"])) if opening is None else opening
        expected = {"open_mrr": sum(before.values(), ZERO), "close_mrr": sum(closing.values(), ZERO)}
        moved = ZERO
        for kind in KINDS:
            amount, number = sums[(day.year, day.month), kind]
            moved += amount
            expected[f"{kind}_mrr"] = abs(amount)
            assert int(row[f"{kind}_n"]) == number, (day, kind)
        expected["fx_mrr"] = expected["close_mrr"] - expected["open_mrr"] - moved
        for name, value in expected.items():
            assert abs(Fraction(row[name]) - value) < CENT_OF_A_CENT, (day, name, row[name], float(value))
        assert (int(row["open_logos"]), int(row["close_logos"])) == (len(before), len(closing)), day
        if before:
            lost = Fraction(len(before.keys() - closing.keys()), len(before))
            assert Fraction(row["logo_churn_rate"]) == rounded(lost, 6), day
        opening = closing


def assert_ledger_agrees(rows, recount):
    """Every row of `movements` is one of the recount, and none is missing. Rows of exchange alone are left aside."""
    stored = {
        (row["customer"], row["day"], row["kind"]): row["amount"] for row in rows if row["kind"] in KINDS
    }
    wanted = {(move.customer, move.day.isoformat(), move.kind): move.amount for move in recount.moves}
    assert stored.keys() == wanted.keys()
    assert all(abs(Fraction(stored[key]) - amount) < CENT_OF_A_CENT for key, amount in wanted.items())


def assert_cohorts_agree(rows, recount, until):
    """Every cell of `cohorts` up to a day: size, who pays, and their MRR."""
    members = defaultdict(list)
    for name, day in recount.first_paid().items():
        members[day.replace(day=1).isoformat()].append(name)
    seen = 0
    for row in rows:
        day = date.fromisoformat(row["asof"])
        if day > until:
            continue
        closing = recount.closing(day)
        cohort = members[row["cohort"]]
        paying = [name for name in cohort if name in closing]
        assert (int(row["size"]), int(row["active"])) == (len(cohort), len(paying)), row
        assert abs(Fraction(row["mrr"]) - sum(closing[name] for name in paying)) < CENT_OF_A_CENT, row
        seen += 1
    assert seen > len(members)
