"""How many customers paid on each day, and how many came and went: from the ledger, one statement for any span."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import Count

from metrics.choices import MovementKind
from metrics.formulas.periods import Period
from metrics.models import Movement
from metrics.queries.usage_windows import Ids, within

CAME = (MovementKind.NEW, MovementKind.REACTIVATION)


@dataclass(frozen=True, slots=True)
class Counts:
    """Customers that began or stopped paying per day."""

    came: Mapping[date, int]
    went: Mapping[date, int]
    new: Mapping[date, int]

    def paying_on(self, day: date) -> int:
        """Paying customers at the end of a day."""
        came = sum(number for when, number in self.came.items() if when <= day)
        return came - sum(number for when, number in self.went.items() if when <= day)

    def daily(self, period: Period) -> list[int]:
        """Paying customers at the end of every day of the period."""
        now, counts = self.paying_on(period.opening_day), []
        for offset in range(period.days):
            day = period.start + timedelta(days=offset)
            now += self.came.get(day, 0) - self.went.get(day, 0)
            counts.append(now)
        return counts

    def starts_and_losses(self, period: Period) -> list[tuple[int, int]]:
        """(paying at the start of the day, of them not paying at its end) for every day of the period."""
        ends = self.daily(period)
        starts = [self.paying_on(period.opening_day), *ends[:-1]]
        days = [period.start + timedelta(days=offset) for offset in range(period.days)]
        return [(start, self.went.get(day, 0)) for start, day in zip(starts, days, strict=True)]


def counts_until(day: date, *, customers: Ids = None) -> Counts:
    """Everything the ledger says about who pays, up to and with the day."""
    rows = within(Movement.objects.filter(day__lte=day, kind__in=[*CAME, MovementKind.CHURN]), customers)
    came: Counter[date] = Counter()
    went: Counter[date] = Counter()
    new: Counter[date] = Counter()
    for when, kind, number in rows.order_by().values_list("day", "kind").annotate(n=Count("pk")):
        (went if kind == MovementKind.CHURN else came)[when] += number
        if kind == MovementKind.NEW:
            new[when] += number
    return Counts(came=came, went=went, new=new)
