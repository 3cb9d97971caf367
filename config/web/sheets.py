"""CSV and XLSX out: what leaves Tend is data in any spreadsheet, never a formula."""

import csv
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.http import HttpResponse, StreamingHttpResponse

# A cell that begins with one of these is run as a formula by common spreadsheets, full-width forms included.
ACTIVE = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "\uff1d", "\uff0b", "\uff0d", "\uff20")
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
BOM = "\ufeff"  # without it Excel reads UTF-8 as the local code page


class _Echo:
    """A file whose `write` gives the text back, so that rows can be streamed."""

    def write(self, text: str) -> str:
        return text


def inert(value: Any) -> Any:
    """A cell that no spreadsheet runs: text that would start a formula gets one apostrophe, numbers stay numbers.

    Text that already has the apostrophe is left alone, so that a round trip does not grow it.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, int | float):
        return value
    if isinstance(value, datetime | date):
        return value.isoformat()
    text = str(value)
    return f"'{text}" if text.startswith(ACTIVE) else text


def csv_lines(header: Iterable[Any], rows: Iterable[Iterable[Any]]) -> Iterator[str]:
    """Lines of a CSV file, the first with a byte order mark."""
    writer = csv.writer(_Echo())
    yield BOM + writer.writerow([inert(cell) for cell in header])
    for row in rows:
        yield writer.writerow([inert(cell) for cell in row])


def csv_response(
    filename: str, header: Iterable[Any], rows: Iterable[Iterable[Any]]
) -> StreamingHttpResponse:
    """A download that streams; `filename` is plain ASCII chosen by us, never by a user."""
    response = StreamingHttpResponse(csv_lines(header, rows), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{filename}"'
    return response


def xlsx_response(filename: str, header: Iterable[Any], rows: Iterable[Iterable[Any]]) -> HttpResponse:
    """A spreadsheet of one sheet; text is kept as text, whatever it begins with."""
    from config.web.workbook import workbook_bytes  # noqa: PLC0415 - heavy-import: a fifth of every start

    response = HttpResponse(workbook_bytes(header, rows), content_type=XLSX)
    response.headers["Content-Disposition"] = f'attachment; filename="{filename}"'
    return response
