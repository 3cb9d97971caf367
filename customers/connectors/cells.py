"""Reads one cell: text, numbers, days and moments, words of a list. Nothing is guessed; ASCII digits only."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from babel import Locale
from babel.numbers import list_currencies

from customers.connectors.problems import CellError

CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
ISO_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ]00:00(?::00(?:\.0+)?)?)?")
ISO_MOMENT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[T ]([0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?)"
    r" ?(Z|UTC|[+-][0-9]{2}:?[0-9]{2})?)?"
)
MIXED_DAY = re.compile(r"([0-9]{1,2})[./-]([0-9]{1,2})[./-]([0-9]{2,4})")
ISO_MONTH = re.compile(r"[0-9]{4}-[0-9]{2}")
SERIAL_DAY = re.compile(r"[0-9]{5}(?:\.[0-9]+)?")
EPOCH = re.compile(r"1[0-9]{9}(?:[0-9]{3})?")
WHOLE = re.compile(r"[0-9]{1,10}")
EMAIL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@([^@\s]+)")
LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
YES, NO = frozenset({"yes", "y", "true", "t", "1"}), frozenset({"no", "n", "false", "f", "0"})
FIRST_YEAR, LAST_YEAR = 1900, 2199
MOST_WHOLE = 2_147_483_647
# Codes of ISO 4217 that begin with X and are money all the same; the other X codes are metals, funds and tests.
SHARED_MONEY = frozenset({"XAF", "XCD", "XCG", "XOF", "XPF"})


@dataclass(frozen=True)
class Writing:
    """How the file writes days and numbers; what is not said is ISO 8601 and a point."""

    zone: ZoneInfo
    date_format: str = ""
    decimal: str = "."
    thousands: str = ""

    @property
    def number(self) -> re.Pattern[str]:
        """What a number looks like in this file."""
        return _number_pattern(self.decimal, self.thousands)


Reader = Callable[[str, Writing], Any]


def text(longest: int, *, lines: bool = False) -> Reader:
    """Words; one line unless `lines`. Formulas stay words: they are made harmless where they leave Tend."""

    def read(cell: str, _writing: Writing) -> str:
        if len(cell) <= longest and cell.isprintable():
            return cell
        if "\r" in cell:
            cell = cell.replace("\r\n", "\n").replace("\r", "\n")
        if CONTROL.search(cell):
            raise CellError("holds a control character or half a character", "Remove it.")
        if not lines and "\n" in cell:
            raise CellError("holds a line break", "Write it on one line.")
        if len(cell) > longest:
            raise CellError(f"is longer than {longest} characters", "Shorten it.")
        return cell

    return read


def identifier(longest: int = 200) -> Reader:
    """An id: text that keeps leading zeros, without invisible signs around it."""
    words = text(longest)

    def read(cell: str, writing: Writing) -> str:
        if len(cell) <= longest and cell.isascii() and cell.isprintable():
            return cell
        return str(words(cell.strip("\ufeff\u200b\u200c\u200d\u2060 \u00a0"), writing))

    return read


def day(cell: str, writing: Writing) -> date:
    """A local day."""
    return _day(cell, writing.date_format)


@lru_cache(maxsize=8192)
def _day(cell: str, date_format: str) -> date:
    if date_format:
        found = _date_pattern(date_format).fullmatch(cell)
        if not found:
            raise CellError(
                f"is not written as {date_format}", "Correct the day, or set another date_format."
            )
        return _checked_day(int(found["year"]), int(found["month"]), int(found["day"]))
    if ISO_DAY.fullmatch(cell):
        return _checked_day(int(cell[:4]), int(cell[5:7]), int(cell[8:10]))
    raise _unreadable_day(cell)


def month(cell: str, _writing: Writing) -> date:
    """A month, as its first day."""
    if not ISO_MONTH.fullmatch(cell):
        raise CellError("is no month", "Write it as YYYY-MM, for instance 2026-01.")
    return _checked_day(int(cell[:4]), int(cell[5:]), 1)


def _checked_day(year: int, month: int, number: int) -> date:
    try:
        found = date(year, month, number)
    except ValueError:
        raise CellError("is no day of the calendar", "Correct the day.") from None
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise CellError(
            f"lies outside {FIRST_YEAR} to {LAST_YEAR}", "Correct the year; leave an open end empty."
        )
    return found


def _unreadable_day(cell: str) -> CellError:
    mixed = MIXED_DAY.fullmatch(cell)
    if mixed and len(mixed[3]) == len("2025"):
        first, second = int(mixed[1]), int(mixed[2])
        both = max(first, second) <= 12 and first != second  # noqa: PLR2004
        reason = (
            "can be read as day and month or as month and day" if both else "is not written as YYYY-MM-DD"
        )
        mark = re.sub("[0-9]", "", cell)[0]
        ways = f"DD{mark}MM{mark}YYYY or MM{mark}DD{mark}YYYY"
        return CellError(reason, f"Set date_format to {ways}.", once=True)
    if mixed:
        return CellError("has a year of two digits", "Write the year with four digits.", once=True)
    if SERIAL_DAY.fullmatch(cell):
        return CellError(
            "looks like a spreadsheet's day number",
            "Format the column as YYYY-MM-DD before saving.",
            once=True,
        )
    return CellError("is no day", "Write it as YYYY-MM-DD, for instance 2026-01-31.")


@lru_cache(maxsize=64)
def _date_pattern(date_format: str) -> re.Pattern[str]:
    spelt = date_format.replace("%Y", "YYYY").replace("%m", "MM").replace("%d", "DD")
    pattern = re.escape(spelt)
    two = (
        "{2}" if sorted(spelt) == sorted("YYYYMMDD") else "{1,2}"
    )  # without signs between, all digits are needed
    for letters, group in (
        ("YYYY", "(?P<year>[0-9]{4})"),
        ("MM", f"(?P<month>[0-9]{two})"),
        ("DD", f"(?P<day>[0-9]{two})"),
    ):
        if spelt.count(letters) != 1:
            raise CellError(
                f"cannot be read: “{date_format}” is no date format",
                "Set date_format to YYYY, MM and DD in their order, for instance DD/MM/YYYY.",
                once=True,
            )
        pattern = pattern.replace(letters, group)
    return re.compile(pattern)


def moment(cell: str, writing: Writing) -> datetime:
    """An instant in UTC. Without an offset it is local time of the organisation; a day alone is its beginning."""
    if writing.date_format:
        begin, _, rest = cell.replace("T", " ", 1).partition(" ")
        rest = f"0{rest}" if rest[1:2] == ":" else rest  # 9:05 is 09:05
        cell = f"{day(begin, writing).isoformat()} {rest}".strip()
    found = ISO_MOMENT.fullmatch(cell)
    if not found:
        raise _unreadable_moment(cell)
    first, clock, offset = found.groups()
    _day(first, "")
    offset = {"UTC": "+00:00", "Z": "+00:00", None: ""}.get(offset, offset)
    try:
        read = datetime.fromisoformat(f"{first}T{clock or '00:00'}{offset}")
    except ValueError:
        raise CellError("is no time of day", "Correct the time; the last minute is 23:59.") from None
    return read.astimezone(UTC) if offset else _from_local(read, writing.zone)


def _from_local(read: datetime, zone: ZoneInfo) -> datetime:
    if zone.key == "UTC":
        return read.replace(tzinfo=UTC)
    instant = read.replace(tzinfo=zone).astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) != read:
        raise CellError(
            f"does not exist in {zone.key}: the clocks went forward then",
            "Add the offset, for instance +01:00.",
        )
    return instant


def _unreadable_moment(cell: str) -> CellError:
    if EPOCH.fullmatch(cell):
        return CellError("looks like seconds since 1970", "Write it as 2026-01-31T12:00:00Z.", once=True)
    if MIXED_DAY.match(cell):
        return _unreadable_day(re.split("[T ]", cell, maxsplit=1)[0])
    return CellError("is no moment", "Write it as 2026-01-31T12:00:00+00:00.")


def number(
    *, least: Decimal | None = None, most: Decimal = Decimal(10) ** 12, digits: int = 8, what: str = "number"
) -> Reader:
    """A decimal number between bounds (below `most`), with at most `digits` after the point."""

    def read(cell: str, writing: Writing) -> Decimal:
        if not writing.number.fullmatch(cell):
            raise _unreadable_number(cell, writing)
        plain = cell.replace(writing.thousands, "") if writing.thousands else cell
        value = Decimal(plain.replace(writing.decimal, "."))
        if least is not None and value < least:
            if what == "amount" and least == 0:
                raise CellError(
                    "is negative, a credit or a refund", "Leave it out: credits are no part of MRR."
                )
            raise CellError(
                "is negative" if least == 0 else f"is below {least}", f"A {what} is {least} or more."
            )
        if value >= most:
            raise CellError("is too large", f"A {what} lies below {most:,}.")
        exponent = value.as_tuple().exponent
        if isinstance(exponent, int) and -exponent > digits:
            raise CellError(f"has more than {digits} digits after the point", "Round it.")
        return value

    return read


@lru_cache(maxsize=16)
def _number_pattern(decimal: str, thousands: str) -> re.Pattern[str]:
    whole = "[0-9]{1,18}"
    if thousands:
        whole = f"(?:[0-9]{{1,3}}(?:{re.escape(thousands)}[0-9]{{3}})+|{whole})"
    return re.compile(f"-?{whole}(?:{re.escape(decimal)}[0-9]{{1,30}})?")


def _unreadable_number(cell: str, writing: Writing) -> CellError:
    if re.fullmatch(r"-?[0-9.,' \u00a0\u202f]+", cell) and re.search("[0-9]", cell):
        return CellError(
            f"is no number with “{writing.decimal}” before the decimals"
            + (f" and “{writing.thousands}” between thousands" if writing.thousands else ""),
            "Set decimal and thousands to the signs the file uses.",
            once=True,
        )
    if re.search(r"[$€£¥]|\b[A-Z]{3}\b", cell):
        return CellError("holds a currency", "Leave the currency out; it has a column of its own.")
    return CellError("is no plain number", "Use digits 0 to 9 with a point, for instance 1250.50.")


def whole(cell: str, _writing: Writing) -> int:
    """A whole number from 0 on."""
    if not WHOLE.fullmatch(cell):
        raise CellError("is no whole number from 0 on", "Use digits 0 to 9 only.")
    if int(cell) > MOST_WHOLE:
        raise CellError("is too large", f"The most is {MOST_WHOLE:,}.")
    return int(cell)


def whole_between(least: int, most: int) -> Reader:
    """A whole number within bounds, both included."""

    def read(cell: str, writing: Writing) -> int:
        value = whole(cell, writing)
        if not least <= value <= most:
            raise CellError(f"lies outside {least} to {most}", f"Use a number from {least} to {most}.")
        return value

    return read


def yes_or_no(cell: str, _writing: Writing) -> bool:
    """yes, no, true, false, 1 or 0."""
    word = cell.lower()
    if word not in YES | NO:
        raise CellError("is neither yes nor no", "Write yes or no.")
    return word in YES


def one_of(words: Iterable[str]) -> Reader:
    """One of a list of words, in any case."""
    known = tuple(words)

    def read(cell: str, _writing: Writing) -> str:
        word = cell.lower()
        if word not in known:
            raise CellError("is not one of the words known here", f"Use one of {', '.join(known)}.")
        return word

    return read


@lru_cache(maxsize=1)
def currencies() -> frozenset[str]:
    """Codes of ISO 4217 that are money, old ones included, for history is imported too."""
    return frozenset(code for code in list_currencies() if not code.startswith("X") or code in SHARED_MONEY)


def currency(cell: str, _writing: Writing) -> str:
    """A code of ISO 4217."""
    if cell not in currencies():
        if cell.upper() in currencies():
            raise CellError("is not in capital letters", f"Write {cell.upper()}.")
        raise CellError("is no currency of ISO 4217", "Use its three letters, for instance EUR or USD.")
    return cell


@lru_cache(maxsize=1)
def _countries() -> frozenset[str]:
    no_countries = {"EU", "EZ", "UN", "QO", "XA", "XB", "ZZ"}
    codes = {str(code) for code in Locale("en").territories}
    return frozenset(code for code in codes if re.fullmatch("[A-Z]{2}", code)) - no_countries


def country(cell: str, _writing: Writing) -> str:
    """A two-letter code of ISO 3166."""
    if cell not in _countries():
        fix = {"UK": "Use GB."}.get(cell.upper(), "Use its two capital letters, for instance DE or US.")
        raise CellError("is no country code of ISO 3166", fix)
    return cell


def time_zone(cell: str, _writing: Writing) -> str:
    """A name of the time zone database."""
    if cell not in available_timezones():
        raise CellError("is no time zone", "Use a name such as Europe/Berlin.")
    return cell


def email(cell: str, _writing: Writing) -> str:
    """An address of the plain form name@domain; the domain has a dot and may be international."""
    found = EMAIL.fullmatch(cell)
    wrong = CellError("is no e-mail address", "Write one plain address, for instance ada@example.com.")
    if not found or len(cell) > 254 or len(cell) - len(found[1]) - 1 > 64:  # noqa: PLR2004
        raise wrong
    try:
        labels = found[1].lower().encode("idna").decode("ascii").split(".")
    except UnicodeError:
        raise wrong from None
    if len(labels) == 1 or not all(LABEL.fullmatch(label) for label in labels) or labels[-1].isdigit():
        raise wrong
    return cell
