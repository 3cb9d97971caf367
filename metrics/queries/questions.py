"""What a set of metrics is asked for: periods, the last day that counts, whose customers, under which definition."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

from django.db import models
from django.db.models import Case, IntegerField, QuerySet, Value, When

from metrics.formulas.definition import DEFAULT, Definition
from metrics.formulas.periods import Period
from metrics.formulas.result import Result
from metrics.queries.usage_windows import Ids, within

Values = dict[str, Result]  # metric key -> value or reason, of one period


@dataclass(frozen=True, slots=True)
class Question:
    """Periods that do not overlap, with nothing after the day `as_of`; `customers` None is the whole company.

    `segment` names the segment that `customers` are: costs are kept per segment. `known_at` reads facts as they were
    known then; None is now.
    """

    periods: Sequence[Period]
    as_of: date
    definition: Definition = field(default=DEFAULT)
    customers: Ids = None
    segment: str | None = None
    known_at: datetime | None = None

    @property
    def zone(self) -> ZoneInfo:
        """The zone whose days count."""
        return ZoneInfo(self.definition.timezone)

    @property
    def closed(self) -> list[Period]:
        """The periods as far as they have come: cut after `as_of`."""
        return [Period(period.start, min(period.end, day_after(self.as_of))) for period in self.periods]

    def close_on(self, period: Period) -> date:
        """The day at whose end a period's values stand."""
        return min(period.last_day, self.as_of)

    def known(self, model: type[models.Model]) -> QuerySet[Any]:
        """Facts as known now or then, of everybody."""
        rows: Any = model._default_manager
        found = rows.current() if self.known_at is None else rows.known_at(self.known_at)
        return cast("QuerySet[Any]", found.order_by())

    def facts(self, model: type[models.Model]) -> QuerySet[Any]:
        """Facts of these customers, as known now or then."""
        return within(self.known(model), self.customers)

    def start_of(self, day: date) -> datetime:
        """First instant of a local day."""
        return start_of(day, self.zone)

    def instants(self, period: Period) -> tuple[datetime, datetime]:
        """First instant of the period and first instant after it."""
        return self.start_of(period.start), self.start_of(period.end)

    def local_day(self, instant: datetime) -> date:
        """Calendar day of an instant."""
        return instant.astimezone(self.zone).date()


def start_of(day: date, zone: ZoneInfo) -> datetime:
    """First instant of a local day."""
    return datetime.combine(day, time.min, tzinfo=zone)


def day_after(day: date) -> date:
    """The next day."""
    return day + timedelta(days=1)


def bucket(name: str, windows: Sequence[tuple[Any, Any]]) -> Case:
    """Number of the window [from, to) that holds the column `name`; in none: NULL. Windows do not overlap."""
    cases = [
        When(**{f"{name}__gte": start, f"{name}__lt": end}, then=Value(number))
        for number, (start, end) in enumerate(windows)
        if start < end
    ]
    return Case(*cases, default=None, output_field=IntegerField())


def one_each(periods: Sequence[Period], values: Mapping[str, Result]) -> list[Values]:
    """The same values for every period."""
    return [dict(values) for _ in periods]
