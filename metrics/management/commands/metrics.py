"""All metrics, one row per period."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from metrics.formulas.periods import Period, periods_between
from metrics.formulas.result import Result
from metrics.management.columns import COLUMNS, COUNT, DAYS, HEADER, INCOMPLETE
from metrics.management.tables import (
    REFUSED,
    add_format,
    day_of,
    make_fresh,
    month_of,
    six,
    today,
    write_csv,
    write_json,
)
from metrics.queries.ledger import first_ledger_day
from metrics.queries.metric_rows import MetricRow, metric_rows
from metrics.queries.segments import UnknownFieldError, customers_with, field_names, groups_by

GRAINS = ("month", "quarter", "year")
SETTABLE = {"movement_grain": ("day", "month")}
DEFINITIONS = {
    **DAYS,
    **{name: column.definition for name, column in COLUMNS.items()},
    "incomplete": INCOMPLETE,
}
Group = tuple[str, list[int] | None]


class Command(BaseCommand):
    help = (
        "One row per period with the bridge, rates and survey scores. Opening is MRR at the end of open_day, the day "
        "before the period. Stale customers are brought up to date first. Amounts are in the reporting currency."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--from", dest="first", metavar="YYYY-MM")
        parser.add_argument("--to", dest="last", metavar="YYYY-MM")
        parser.add_argument("--grain", choices=GRAINS, default="month")
        parser.add_argument("--preset", help="rules of another tool; none can be applied yet")
        parser.add_argument("--segment", metavar="FIELD=VALUE", help="only customers with this value today")
        parser.add_argument("--by", metavar="FIELD", help="rows for each value of a field, today's values")
        parser.add_argument("--as-of", metavar="DATE", help="nothing after the end of this day")
        parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
        add_format(parser)

    def handle(self, **options: Any) -> None:
        if options["preset"]:
            raise CommandError("No presets can be applied yet. Leave --preset away.", returncode=REFUSED)
        net_months = _settings(options["set"]).get("movement_grain") == "month"
        make_fresh()
        as_of, complete_to = _edges(day_of(options["as_of"], option="--as-of"))
        periods = _periods(options, as_of)
        rows = [
            (name, row)
            for name, customers in _groups(options["by"], options["segment"])
            for row in metric_rows(
                periods, as_of=as_of, complete_to=complete_to, customers=customers, net_months=net_months
            )
        ]
        if options["format"] == "json":
            write_json(self.stdout, (_object(options["by"], name, row) for name, row in rows))
        else:
            header = [options["by"], *HEADER] if options["by"] else HEADER
            write_csv(self.stdout, header, (_line(options["by"], name, row) for name, row in rows))


def _settings(given: Sequence[str]) -> dict[str, str]:
    settings = {}
    for text in given:
        key, _, value = text.partition("=")
        if value not in SETTABLE.get(key, ()):
            known = ", ".join(f"{name}={'|'.join(values)}" for name, values in SETTABLE.items())
            raise CommandError(f"--set {text!r} is not known. Known: {known}.", returncode=REFUSED)
        settings[key] = value
    return settings


def _edges(as_of: date | None) -> tuple[date, date]:
    """The last day that counts and the last day that is over; a chosen day counts as over."""
    running = today()
    if as_of is None or as_of >= running:
        return running, running - timedelta(days=1)
    return as_of, as_of


def _periods(options: dict[str, Any], as_of: date) -> list[Period]:
    first = month_of(options["first"], option="--from") or first_ledger_day() or as_of
    last = month_of(options["last"], option="--to") or as_of
    if last < first.replace(day=1):
        raise CommandError("--to lies before --from. Swap them.", returncode=REFUSED)
    periods = periods_between(first, last, options["grain"])
    return [period for period in periods if period.start <= as_of]


def _groups(by: str | None, segment: str | None) -> list[Group]:
    """(value of the --by field, customers): the company is ("", None)."""
    try:
        inside = _segment(segment) if segment else None
        if not by:
            return [("", inside)]
        chosen = None if inside is None else set(inside)
        groups = groups_by(by)
    except UnknownFieldError as error:
        raise CommandError(
            f"There is no field {error}. Known: {', '.join(field_names())}, cf_<key>.", returncode=REFUSED
        ) from error
    return [(value, [pk for pk in ids if chosen is None or pk in chosen]) for value, ids in groups.items()]


def _segment(text: str) -> list[int]:
    field, sign, value = text.partition("=")
    if not sign:
        raise CommandError(f"--segment {text!r} needs the form field=value.", returncode=REFUSED)
    return customers_with(field, value)


def _days(row: MetricRow) -> list[date]:
    return [row.period.start, row.period.opening_day, row.span.close_on]


def _cell(kind: str, result: Result) -> str:
    if result.value is None:
        return ""
    return str(int(result.value)) if kind == COUNT else six(result.value)


def _line(by: str | None, name: str, row: MetricRow) -> list[str]:
    values = [_cell(column.kind, column.of(row)) for column in COLUMNS.values()]
    line = [*(day.isoformat() for day in _days(row)), *values, str(row.incomplete).lower()]
    return [name, *line] if by else line


def _object(by: str | None, name: str, row: MetricRow) -> dict[str, Any]:
    results = {column.name: column.of(row) for column in COLUMNS.values()}
    return {
        **({by: name} if by else {}),
        **dict(zip(DAYS, _days(row), strict=True)),
        **{key: result.value for key, result in results.items()},
        "incomplete": row.incomplete,
        "why": {key: result.reason for key, result in results.items() if result.value is None},
        "definition": DEFINITIONS,
    }
