"""All metrics, one row per period."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.queries import organisation
from metrics.formulas.definition import PRESETS, Definition, with_preset, with_values
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
from metrics.queries import definitions
from metrics.queries.ledger import first_ledger_day
from metrics.queries.metric_rows import MetricRow, metric_rows
from metrics.queries.questions import day_after, start_of
from metrics.queries.segments import (
    UnknownFieldError,
    customers_with,
    field_names,
    groups_by,
    segment_spans,
)
from metrics.queries.spans import Span
from metrics.services.reports import reported

GRAINS = ("month", "quarter", "year")
DEFINITIONS = {
    **DAYS,
    **{name: column.definition for name, column in COLUMNS.items()},
    "incomplete": INCOMPLETE,
}
# what came from and went to other parts of a field; a part closes only with these
TRANSFERS = {"transfer_in_mrr": "transfer_in", "transfer_out_mrr": "transfer_out"}


@dataclass(frozen=True, slots=True)
class Part:
    """A value of a field with its customers and spans; without them the whole company."""

    value: str
    customers: list[int] | None = None
    segment: str | None = None
    spans: list[Span] | None = None


class Command(BaseCommand):
    help = (
        "One row per period with the bridge, rates and survey scores. Opening is MRR at the end of open_day, the day "
        "before the period. Stale customers are brought up to date first. Amounts are in the reporting currency."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--from", dest="first", metavar="YYYY-MM")
        parser.add_argument("--to", dest="last", metavar="YYYY-MM")
        parser.add_argument("--grain", choices=GRAINS, default="month")
        parser.add_argument(
            "--preset", metavar="NAME", help=f"rules of another tool: {', '.join(sorted(PRESETS))}"
        )
        parser.add_argument(
            "--segment", metavar="FIELD=VALUE", help="only this part, by the value of each day"
        )
        parser.add_argument(
            "--by", metavar="FIELD", help="rows for each value of a field, by the value of each day"
        )
        parser.add_argument("--as-of", metavar="DATE", help="nothing after the end of this day")
        parser.add_argument("--known-at", metavar="DATE", help="only facts recorded by the end of this day")
        parser.add_argument(
            "--set", action="append", default=[], metavar="KEY=VALUE", help="another value of a key"
        )
        add_format(parser)

    def handle(self, **options: Any) -> None:
        definition = _definition(options["preset"], options["set"])
        make_fresh()
        as_of, complete_to = _edges(day_of(options["as_of"], option="--as-of"))
        known_at = _moment(day_of(options["known_at"], option="--known-at"))
        periods = _periods(options, as_of, definition.fiscal_year_start_month)
        with reported(definition, as_of=max(as_of, today()), now=timezone.now(), known_at=known_at):
            rows = [
                (part.value, row)
                for part in _parts(options["by"], options["segment"], periods, as_of, definition, known_at)
                for row in metric_rows(
                    periods,
                    as_of=as_of,
                    complete_to=complete_to,
                    customers=part.customers,
                    definition=definition,
                    segment=part.segment,
                    spans=part.spans,
                    known_at=known_at,
                )
            ]
        split = bool(options["by"] or options["segment"])
        if options["format"] == "json":
            write_json(self.stdout, (_object(options["by"], name, row, split=split) for name, row in rows))
        else:
            header = [*([options["by"]] if options["by"] else []), *HEADER, *(TRANSFERS if split else [])]
            write_csv(
                self.stdout, header, (_line(options["by"], name, row, split=split) for name, row in rows)
            )


def _definition(preset: str | None, given: Sequence[str]) -> Definition:
    """The definition in force with a preset and single keys over it; unknown names are refused."""
    values = {}
    for text in given:
        key, sign, value = text.partition("=")
        if not sign:
            raise CommandError(f"--set {text!r} needs the form key=value.", returncode=REFUSED)
        values[key] = value
    try:
        base = definitions.current()
        return with_values(with_preset(base, preset) if preset else base, values)
    except ValueError as error:
        raise CommandError(f"{error}.", returncode=REFUSED) from error


def _moment(day: date | None) -> datetime | None:
    """The end of a local day."""
    return None if day is None else start_of(day_after(day), organisation.zone())


def _edges(as_of: date | None) -> tuple[date, date]:
    """The last day that counts and the last day that is over; a chosen day counts as over."""
    running = today()
    if as_of is None or as_of >= running:
        return running, running - timedelta(days=1)
    return as_of, as_of


def _periods(options: dict[str, Any], as_of: date, fiscal_start: int) -> list[Period]:
    first = month_of(options["first"], option="--from") or first_ledger_day() or as_of
    last = month_of(options["last"], option="--to") or as_of
    if last < first.replace(day=1):
        raise CommandError("--to lies before --from. Swap them.", returncode=REFUSED)
    periods = periods_between(first, last, options["grain"], fiscal_start=fiscal_start)
    return [period for period in periods if period.start <= as_of]


def _parts(
    by: str | None,
    segment: str | None,
    periods: Sequence[Period],
    as_of: date,
    definition: Definition,
    known_at: datetime | None,
) -> list[Part]:
    """The company, one part of it, or all parts by a field; what is counted besides revenue is today's members."""
    try:
        if segment:
            field, sign, value = segment.partition("=")
            if not sign:
                raise CommandError(f"--segment {segment!r} needs the form field=value.", returncode=REFUSED)
            inside = customers_with(field, value)
            if not by:
                found = segment_spans(field, periods, as_of=as_of, definition=definition, known_at=known_at)
                return [Part("", inside, value, found.get(value) or _nothing(periods, as_of))]
        else:
            inside = None
        if not by:
            return [Part("")]
        found = segment_spans(
            by, periods, as_of=as_of, customers=inside, definition=definition, known_at=known_at
        )
        today_in = groups_by(by)
    except UnknownFieldError as error:
        raise CommandError(
            f"There is no field {error}. Known: {', '.join(field_names())}, cf_<key>.", returncode=REFUSED
        ) from error
    chosen = None if inside is None else set(inside)
    return [
        Part(
            value,
            [pk for pk in today_in.get(value, []) if chosen is None or pk in chosen],
            value,
            found.get(value) or _nothing(periods, as_of),
        )
        for value in sorted(found.keys() | (today_in.keys() if chosen is None else set()))
    ]


def _nothing(periods: Sequence[Period], as_of: date) -> list[Span]:
    return [Span(period, min(period.last_day, as_of)) for period in periods]


def _days(row: MetricRow) -> list[date]:
    return [row.period.start, row.period.opening_day, row.span.close_on]


def _cell(kind: str, result: Result) -> str:
    if result.value is None:
        return ""
    return str(int(result.value)) if kind == COUNT else six(result.value)


def _line(by: str | None, name: str, row: MetricRow, *, split: bool) -> list[str]:
    values = [_cell(column.kind, column.of(row)) for column in COLUMNS.values()]
    line = [*(day.isoformat() for day in _days(row)), *values, str(row.incomplete).lower()]
    line += [six(getattr(row.span, name)) for name in TRANSFERS.values()] if split else []
    return [name, *line] if by else line


def _object(by: str | None, name: str, row: MetricRow, *, split: bool) -> dict[str, Any]:
    results = {column.name: column.of(row) for column in COLUMNS.values()}
    return {
        **({by: name} if by else {}),
        **dict(zip(DAYS, _days(row), strict=True)),
        **{key: result.value for key, result in results.items()},
        **({column: getattr(row.span, part) for column, part in TRANSFERS.items()} if split else {}),
        "incomplete": row.incomplete,
        "why": {key: result.reason for key, result in results.items() if result.value is None},
        "definition": DEFINITIONS,
    }
