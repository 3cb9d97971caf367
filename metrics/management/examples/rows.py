"""Examples that run through real rows and the real recompute (section 5.1 of the examples' format).

Everything an example makes is taken back: the caller rolls the transaction back.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from accounts.queries import organisation
from accounts.services.organisation import change_organisation
from customers.models import Customer
from metrics.choices import ChurnKind, MovementKind
from metrics.formulas.definition import DEFAULT, KEYS, Definition, with_values
from metrics.formulas.periods import Period, month_of, month_period, months_between
from metrics.management.examples.answers import Output
from metrics.management.examples.inputs import Inputs, as_month
from metrics.management.examples.record import (
    Recorder,
    Stretch,
    record_lines,
    record_stretches,
    record_timelines,
)
from metrics.management.examples.timeline import (
    UnknownWordError,
    discount_fields,
    discounts_of,
    last_day,
    timelines,
)
from metrics.models import Movement
from metrics.queries.committed import committed_at
from metrics.queries.ledger import movements_for
from metrics.queries.spans import Span, spans_for
from metrics.services.what_if import what_if

ANY_DAY = date(2024, 1, 15)  # a portfolio without a day is valued on this one
DAY = timedelta(days=1)
SHOWN = ("opening", "new", "expansion", "reactivation", "contraction", "churn", "closing")


@dataclass(frozen=True, slots=True)
class Setting:
    """What a run says besides the example: the clock, the zone, and whether facts are recorded backwards."""

    now: datetime
    zone: str | None = None
    backwards: bool = False


RowsAdapter = Callable[[Inputs, Setting], Output]


def mrr_snapshot(inputs: Inputs, setting: Setting) -> Output:
    return {"mrr": _portfolio(inputs, ANY_DAY, setting)}


def mrr_snapshot_sets(inputs: Inputs, setting: Setting) -> Output:
    return {"mrr": [_portfolio(one, one.day("at"), setting) for one in inputs.maps("snapshots")]}


def mrr_movements(inputs: Inputs, setting: Setting) -> Output:
    definition = _definition(inputs, setting)
    lines = timelines(inputs.maps("events"))
    as_of = _day_after(last_day(lines)) + _patience(definition)
    customers = record_timelines(lines, _recorder(definition, setting))
    with _computed(customers, definition, as_of, setting):
        found = _movements(customers)
    churns = [row for _, row in found if row.kind == MovementKind.CHURN]
    return {
        "movements": [_movement(name, row) | {"date": row.day} for name, row in found],
        "churn_kind": str(churns[-1].churn_kind or ChurnKind.LEFT) if churns else None,
    }


def mrr_month_summary(inputs: Inputs, setting: Setting) -> Output:
    definition, month = _definition(inputs, setting), month_period(inputs.month("month"))
    lines = timelines(inputs.maps("events"))
    as_of = max(_day_after(last_day(lines)) + _patience(definition), month.end)
    customers = record_timelines(lines, _recorder(definition, setting))
    with _computed(customers, definition, as_of, setting):
        span = spans_for([month], as_of=as_of)[0]
    sums = {kind: getattr(span, kind) for kind in SHOWN[1:-1]}
    return sums | {"churned_customers": span.churn_n, "closing_mrr": span.closing}


def mrr_movements_segments(inputs: Inputs, setting: Setting) -> Output:
    definition, stretches = _definition(inputs, setting), _stretches(inputs)
    as_of = _day_after(_last_of(stretches))
    customers = record_stretches(stretches, _recorder(definition, setting))
    with _computed(customers, definition, as_of, setting):
        found = _movements(customers)
    return {"movements": [_movement(name, row) | {"month": _month_text(row.day)} for name, row in found]}


def mrr_waterfall_segments(inputs: Inputs, setting: Setting) -> Output:
    definition, stretches = _definition(inputs, setting), _stretches(inputs)
    months = [month_period(day) for day in months_between(inputs.month("from"), inputs.month("to"))]
    as_of = max(_day_after(_last_of(stretches)), months[-1].end)
    customers = record_stretches(stretches, _recorder(definition, setting))
    with _computed(customers, definition, as_of, setting):
        spans = spans_for(months, as_of=as_of)
    return {"rows": [_row(span) for span in spans]}


def committed_mrr(inputs: Inputs, setting: Setting) -> Output:
    definition, stretches = _definition(inputs, setting), _stretches(inputs)
    days = [month_period(as_month(text, "at_month_end")).last_day for text in inputs.items("at_month_end")]
    as_of = max([_day_after(_last_of(stretches)), *days])
    known_at = datetime.combine(inputs.day("as_of") + DAY, datetime.min.time(), ZoneInfo(definition.timezone))
    customers = record_stretches(stretches, _recorder(definition, setting))
    with _computed(customers, definition, as_of, setting):
        found = [committed_at(day, known_at=known_at) for day in days]
    return {"mrr": [one.mrr for one in found], "committed_mrr": [one.kept for one in found]}


def _portfolio(inputs: Inputs, day: date, setting: Setting) -> Any:
    definition = _definition(inputs, setting)
    lines = []
    for line in inputs.maps("lines"):
        price = line.decimal("amount") * line.decimal("quantity", 1)
        fields = {
            "amount": price,
            "quantity": line.decimal("quantity", 1),
            "interval": line.text("interval"),
            "interval_count": line.whole("interval_count", 1),
            **discount_fields(price, discounts_of(line)),
        }
        if line.text("kind", "recurring") == "recurring":
            lines.append((fields, line.whole("count", 1)))
    recorder = _recorder(definition, setting)
    customers = record_lines(lines, since=month_of(day), recorder=recorder)
    with _computed(customers, definition, day, setting):
        return spans_for([Period(day, day + DAY)], as_of=day)[0].closing


def _definition(inputs: Inputs, setting: Setting) -> Definition:
    """The example's config over the defaults, in the zone of the run and the organisation's currency."""
    config = dict(inputs.values.get("config") or {})
    for key in config:
        if key not in KEYS:
            raise UnknownWordError(f"config key {key}")
    row = organisation.current()
    base = replace(DEFAULT, timezone=setting.zone or row.time_zone, reporting_currency=row.currency)
    return with_values(base, config)


def _recorder(definition: Definition, setting: Setting) -> Recorder:
    """Sets the organisation's zone for the example and says how facts are recorded."""
    row = organisation.current()
    if row.time_zone != definition.timezone:
        change_organisation(
            name=row.name,
            time_zone=definition.timezone,
            currency=row.currency,
            csm_read_scope=row.csm_read_scope,
            by=None,
            now=setting.now,
        )
    return Recorder(
        currency=definition.reporting_currency,
        zone=definition.timezone,
        now=setting.now,
        backwards=setting.backwards,
    )


@contextmanager
def _computed(
    customers: Mapping[str, Customer], definition: Definition, as_of: date, setting: Setting
) -> Iterator[None]:
    """Inside, the ordinary queries read what the recompute makes of these customers alone."""
    ids = [customer.pk for customer in customers.values()]
    with what_if(definition=definition, as_of=as_of, now=setting.now, customer_ids=ids):
        yield


def _movements(customers: Mapping[str, Customer]) -> list[tuple[str, Movement]]:
    """Movements of all customers by day, then by name; changes of the churn kind alone are none."""
    found = [(name, row) for name, customer in customers.items() for row in movements_for(customer)]
    moved = [(name, row) for name, row in found if row.kind in MovementKind.values and row.amount]
    return sorted(moved, key=lambda one: (one[1].day, one[0], one[1].event))


def _movement(name: str, row: Movement) -> Output:
    return {"customer": name, "category": str(row.kind), "amount": row.amount, "mrr_after": row.mrr_after}


def _row(span: Span) -> Output:
    sums = {name: getattr(span, name) for name in SHOWN}
    return {"month": _month_text(span.period.start), **sums, "customers": span.close_logos}


def _stretches(inputs: Inputs) -> list[Stretch]:
    return [
        Stretch(
            customer=one.text("customer"),
            from_on=one.day("start"),
            to_on=one.day_or_none("end"),
            monthly=one.decimal("monthly"),
            end_known_from=one.day_or_none("end_known_from"),
        )
        for one in inputs.maps("segments")
    ]


def _last_of(stretches: Sequence[Stretch]) -> date | None:
    return max((day for one in stretches for day in (one.from_on, one.to_on) if day), default=None)


def _day_after(day: date | None) -> date:
    return (day or ANY_DAY) + DAY


def _patience(definition: Definition) -> timedelta:
    """Days after the last event on which the definition itself may still end a line."""
    return timedelta(days=(definition.auto_churn_days or 0) + definition.renewal_grace_days)


def _month_text(day: date) -> str:
    return day.isoformat()[:7]


ROWS: Mapping[str, RowsAdapter] = {
    "mrr_snapshot": mrr_snapshot,
    "mrr_snapshot_sets": mrr_snapshot_sets,
    "mrr_movements": mrr_movements,
    "mrr_month_summary": mrr_month_summary,
    "mrr_movements_segments": mrr_movements_segments,
    "mrr_waterfall_segments": mrr_waterfall_segments,
    "committed_mrr": committed_mrr,
}
