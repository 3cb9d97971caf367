"""Reads a delimited text file row by row: plain, gzip or zip, with its encoding known or said, never guessed.

Nothing is read into memory as a whole; size, rows, columns and cells are bounded.
"""

import codecs
import csv
import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from customers.connectors.problems import FileRefusedError

GZIP_MAGIC = b"\x1f\x8b"
ZIP_MAGIC = b"PK"
TEXT_NAMES = (".csv", ".txt", ".tsv")  # the one file of a zip archive that is read
IS_ENCRYPTED = 1
HEAD = 65_536  # bytes looked at to tell what a file is
MOST_COLUMNS = 200
LONGEST_CELL = 100_000  # characters
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
SPACES_BETWEEN = "spaces"  # any run of blanks; such files have no quotes
INVISIBLE = "\ufeff\u200b\u200c\u200d\u2060"
# Files of other kinds that people pick by mistake, by their first bytes.
FOREIGN = {
    b"PK\x03\x04": "an Excel workbook or zip archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"%PDF": "a PDF",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"GIF8": "a picture",
    b"BZh": "a bzip2 archive",
    b"\xfd7zX": "an xz archive",
}
BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
DAMAGED = (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile)
SAVE_AS_CSV = "Save it as CSV (UTF-8) and import that file."


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a file is read at most."""

    size: int  # bytes, unpacked
    rows: int


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a file is written, as far as somebody said so. `header` names the columns of a file that does not."""

    encoding: str = ""
    delimiter: str = ""
    header: tuple[str, ...] = ()


class _Counted(io.RawIOBase):
    """Bytes of a file with a bound, so that a small archive cannot unpack into a huge one."""

    def __init__(self, inner: IO[bytes], size: int) -> None:
        super().__init__()
        self.inner, self.size, self.seen = inner, size, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:  # type: ignore[no-untyped-def] # noqa: ANN001 - third-party-type
        data = self.inner.read(len(buffer))
        self.seen += len(data)
        if self.seen > self.size:
            raise FileRefusedError(
                f"The file is larger than {self.size // 1_048_576} MB unpacked.",
                hint="Split it, or raise IMPORT_MAX_BYTES.",
            )
        buffer[: len(data)] = data
        return len(data)


class CsvFile:
    """A file that is open for reading: its header, then its rows."""

    def __init__(self, text: IO[str], path: Path, *, dialect: Dialect, encoding: str, limits: Limits) -> None:
        self.path, self.encoding, self.limits = path, encoding, limits
        first = _first_line(text, path, encoding)
        said = _said_delimiter(first)
        self.delimiter = dialect.delimiter or said or ","
        lines = text if said else _with_first(first, text)
        self.is_named = not dialect.header  # the first row names the columns
        if self.delimiter == SPACES_BETWEEN:
            self._reader: Iterator[list[str]] = map(str.split, lines)
        else:
            self._reader = csv.reader(lines, strict=True, delimiter=self.delimiter)
        self.header = self._read_header() if self.is_named else list(dialect.header)

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Row numbers (a header is row 1) and cells; empty lines are counted and left out."""
        before = number = int(self.is_named)
        for number, cells in enumerate(self._records(), start=before + 1):
            if number - before > self.limits.rows:
                raise FileRefusedError(
                    f"The file has more than {self.limits.rows:,} rows.", hint="Split it into several files."
                )
            if cells:
                yield number, cells
        if number == before:
            raise FileRefusedError(
                "The file has a header but no rows." if self.is_named else "The file has no rows.",
                hint="Choose the file with the data.",
            )

    def _read_header(self) -> list[str]:
        header = next((cells for cells in self._records() if cells), None)
        if not header or not any(clean_name(name) for name in header):
            raise FileRefusedError("The file is empty.", hint="Choose the file with the data.")
        if len(header) > MOST_COLUMNS:
            raise FileRefusedError(
                f"The file has {len(header)} columns; {MOST_COLUMNS} are the most.",
                hint="Leave out columns that are not needed.",
                row=1,
            )
        names = [clean_name(name) for name in header]
        self._refuse_other_delimiter(names)
        return names

    def _refuse_other_delimiter(self, names: list[str]) -> None:
        if len(names) > 1 or self.delimiter == SPACES_BETWEEN:
            return
        other = next((sign for sign in DELIMITERS if sign != self.delimiter and sign in names[0]), None)
        if other:
            raise FileRefusedError(
                f"The columns seem to be separated by {DELIMITERS[other]}, not by "
                f"{DELIMITERS.get(self.delimiter, self.delimiter)}.",
                hint=f"Set delimiter to {'tab' if other == chr(9) else other}.",
                row=1,
                value=names[0],
            )

    def _records(self) -> Iterator[list[str]]:
        try:
            yield from self._reader
        except csv.Error as error:
            line = getattr(self._reader, "line_num", 0)
            raise FileRefusedError(
                f"Line {line} cannot be read as CSV ({error}).",
                hint="Look for a quote that is opened and not closed, or doubled quotes inside a cell.",
                row=line,
            ) from error
        except UnicodeError as error:
            raise _undecodable(self.path, self.encoding, self.limits) from error


@contextmanager
def open_csv(path: Path, *, dialect: Dialect, limits: Limits) -> Iterator[CsvFile]:
    """Open a file: plain, gzip, or the one text of a zip archive, by its first bytes. A file that is no text is a FileRefusedError."""
    try:
        with path.open("rb") as packed, _unpacked(packed, limits) as plain:
            head = plain.peek(HEAD)[:HEAD]
            encoding = _encoding_of(head, dialect)
            text = io.TextIOWrapper(plain, encoding=encoding, newline="")
            yield CsvFile(text, path, dialect=dialect, encoding=encoding, limits=limits)
            text.detach()
    except DAMAGED as error:
        raise FileRefusedError(
            "The gzip or zip file is damaged or cut short.", hint="Fetch it again, or unpack it first."
        ) from error
    except OSError as error:
        raise FileRefusedError(
            f"The file cannot be opened ({error.strerror or error}).", hint="Check its name and place."
        ) from error


def clean_name(name: str) -> str:
    """A header without the invisible signs that spreadsheets leave in it."""
    return name.strip().strip(INVISIBLE).strip()


def _unpacked(packed: IO[bytes], limits: Limits) -> io.BufferedReader:
    magic = packed.read(2)
    packed.seek(0)
    inner: IO[bytes] = packed
    if magic == GZIP_MAGIC:
        inner = gzip.GzipFile(fileobj=packed)  # type: ignore[assignment]
    elif magic == ZIP_MAGIC:
        inner = _only_text(packed)
    return io.BufferedReader(_Counted(inner, limits.size), buffer_size=HEAD)


def _only_text(packed: IO[bytes]) -> IO[bytes]:
    """The text in a zip archive that holds exactly one; any other archive as it is, to be refused by its name."""
    try:
        archive = zipfile.ZipFile(packed)
    except zipfile.BadZipFile:
        packed.seek(0)
        return packed
    texts = [item for item in archive.infolist() if item.filename.lower().endswith(TEXT_NAMES)]
    if len(texts) == 1 and not texts[0].flag_bits & IS_ENCRYPTED:
        return archive.open(texts[0])
    packed.seek(0)
    return packed


def _encoding_of(head: bytes, dialect: Dialect) -> str:
    foreign = next((name for magic, name in FOREIGN.items() if head.startswith(magic)), None)
    if foreign:
        raise FileRefusedError(f"This is {foreign}, not a CSV file.", hint=SAVE_AS_CSV)
    if not head:
        raise FileRefusedError("The file is empty.", hint="Choose the file with the data.")
    marked = next((name for mark, name in BOMS if head.startswith(mark)), None)
    if marked:
        return marked
    if dialect.encoding:
        try:
            return codecs.lookup(dialect.encoding).name
        except LookupError:
            raise FileRefusedError(
                f"There is no encoding “{dialect.encoding}”.", hint="Use utf-8, cp1252, latin-1 or utf-16-le."
            ) from None
    if b"\x00" in head:
        raise FileRefusedError(
            "The file holds binary data, or UTF-16 text without its mark.",
            hint=f"{SAVE_AS_CSV} If it is UTF-16, set encoding to utf-16-le or utf-16-be.",
        )
    return "utf-8"


def _first_line(text: IO[str], path: Path, encoding: str) -> str:
    try:
        return text.readline()
    except UnicodeError as error:
        raise _undecodable(path, encoding, Limits(size=1 << 40, rows=1 << 40)) from error


def _said_delimiter(line: str) -> str:
    """The delimiter a first line like `sep=;` declares for spreadsheets."""
    mark = clean_name(line) if not line.lower().startswith("sep=\t") else "sep=\t"
    return mark[4:] if mark.lower().startswith("sep=") and len(mark) == len("sep=;") else ""


def _with_first(first: str, rest: IO[str]) -> Iterator[str]:
    yield first
    yield from rest


def _undecodable(path: Path, encoding: str, limits: Limits) -> FileRefusedError:
    """Name the line that is not in the encoding; read again by bytes, because decoding works in blocks."""
    line, wrong = 0, b""
    with path.open("rb") as packed, _unpacked(packed, limits) as plain:
        for line, data in enumerate(plain, start=1):  # noqa: B007
            try:
                data.decode(encoding)
            except UnicodeError as error:
                start = getattr(error, "start", 0)
                wrong = data[start : start + 1]
                break
    named = f" (byte 0x{wrong.hex()})" if wrong else ""
    return FileRefusedError(
        f"Line {line} is not written in {encoding.upper()}{named}.",
        hint="Save the file as UTF-8, or set encoding, for instance to cp1252.",
        row=line,
    )
