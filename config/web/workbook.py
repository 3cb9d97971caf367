"""A spreadsheet of one sheet; imported only when one is asked for."""

import io
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE, TYPE_STRING


def workbook_bytes(header: Iterable[Any], rows: Iterable[Iterable[Any]]) -> bytes:
    """An XLSX file with the header as its first row."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Tend")
    for row in (header, *rows):
        sheet.append([_cell(sheet, value) for value in row])
    held = io.BytesIO()
    book.save(held)
    return held.getvalue()


def _cell(sheet: Any, value: Any) -> WriteOnlyCell:
    """Numbers and days as such; times and everything else as text that is no formula."""
    if isinstance(value, bool):
        value = "yes" if value else "no"
    is_plain = value is None or isinstance(value, int | float | Decimal)
    if is_plain or (isinstance(value, date) and not isinstance(value, datetime)):
        return WriteOnlyCell(sheet, value=value)
    text = value.isoformat() if isinstance(value, datetime) else str(value)
    cell = WriteOnlyCell(sheet, value=ILLEGAL_CHARACTERS_RE.sub("", text))
    cell.data_type = TYPE_STRING
    return cell
