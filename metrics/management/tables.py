"""What the reporting commands share: days and months from the command line, CSV and JSON with exact numbers."""

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any, TextIO

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from accounts.queries import organisation
from metrics.services import recompute

REFUSED = 2  # exit code: nothing was done
SIX = Decimal("0.000001")
WIDE = Context(prec=60, rounding=ROUND_HALF_UP)


def add_format(parser: CommandParser) -> None:
    """--format csv|json, and --json for short."""
    parser.add_argument("--format", choices=["csv", "json"], default="csv")
    parser.add_argument(
        "--json", action="store_const", const="json", dest="format", help="same as --format json"
    )


def day_of(text: str | None, *, option: str) -> date | None:
    """A day as 2026-03-31, or exit 2 with the way to write it."""
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise CommandError(
            f"{option} {text!r} is not a day. Write it as 2026-03-31.", returncode=REFUSED
        ) from None


def month_of(text: str | None, *, option: str) -> date | None:
    """A month as 2026-03 (or any day in it), given as its first day."""
    if not text:
        return None
    plain = f"{text}-01" if text.count("-") == 1 else text
    try:
        return date.fromisoformat(plain).replace(day=1)
    except ValueError:
        raise CommandError(
            f"{option} {text!r} is not a month. Write it as 2026-03.", returncode=REFUSED
        ) from None


def today() -> date:
    """The current day in the organisation's zone."""
    return organisation.local_day(timezone.now())


def make_fresh() -> None:
    """Work off what waits, so that a report holds every fact recorded before it."""
    recompute.bring_up_to_date(as_of=today(), now=timezone.now())


def six(value: Decimal | None) -> str:
    """Six decimals, half away from zero; None is an empty cell."""
    return "" if value is None else format(value.quantize(SIX, context=WIDE), "f")


def exact(value: Decimal | None) -> str:
    """A JSON number with every stored digit and no trailing zeros."""
    if value is None:
        return "null"
    text = format(value, "f")
    return (text.rstrip("0").rstrip(".") or "0") if "." in text else text


def write_csv(out: TextIO, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A header line and rows with Unix line ends."""
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)


def json_object(row: Mapping[str, Any]) -> str:
    """One object; decimals are written digit for digit, everything else as JSON does."""
    parts = (f"{json.dumps(name)}: {_json(value)}" for name, value in row.items())
    return "{" + ", ".join(parts) + "}"


def _json(value: Any) -> str:
    if isinstance(value, Decimal):
        return exact(value)
    if isinstance(value, date):
        return json.dumps(value.isoformat())
    return json.dumps(value, ensure_ascii=False)


def write_json(out: TextIO, rows: Iterable[Mapping[str, Any]]) -> None:
    """A list of objects, one per line."""
    out.write("[\n" + ",\n".join(json_object(row) for row in rows) + "\n]\n")
