"""Packed readings as PostgreSQL sends them in its binary COPY format, read into columns at once.

Every row holds customer id, values bigint[], days int[], reasons smallint[], tenure in months (`NO_TENURE` for none) and
one text[]: the phase, then the labels. Up to that last field all rows have one width, because no element is NULL.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from struct import Struct
from struct import error as StructError  # noqa: N812 - a class of errors
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from metrics.scoring.arrays import ReadingsMatrix

SIGNATURE = b"PGCOPY\n\xff\r\n\0"
END = b"\xff\xff"
FIELDS = 6
ARRAYS = {"values": (20, 8), "days": (23, 4), "reasons": (21, 2)}  # oid and bytes of bigint, int, smallint
HEAD = 5 * 4  # of an array: dimensions, flags, type of elements, length, first index
PIECE = 4_096  # rows put into columns at once, so that they stay in the processor's cache

Word = TypeVar("Word", bound=Hashable)

_length = Struct(">i").unpack_from
_two_lengths = Struct(">ii").unpack_from


class PackedError(ValueError):
    """These bytes are no packed readings of this many slots."""


def parse_copy(data: bytes, slots: int) -> ReadingsMatrix:
    """The matrix of a binary COPY of packed readings. Raises PackedError for anything else."""
    kind = _row_type(slots)
    try:
        rows, codes, texts = _cut(data, kind.itemsize)
        words = [_words(text) for text in texts]
    except (StructError, UnicodeDecodeError) as error:
        raise PackedError("rows of another width") from error
    size = len(rows)
    values = np.empty((size, slots), dtype=np.int64, order="F")
    days = np.empty((size, slots), dtype=np.int32, order="F")
    reasons = np.empty((size, slots), dtype=np.int8, order="F")
    customer_ids = np.empty(size, dtype=np.int64)
    tenure = np.empty(size, dtype=np.int32)
    for start in range(0, size, PIECE):
        piece = np.frombuffer(b"".join(rows[start : start + PIECE]), dtype=kind)
        _check(piece, slots)
        part = slice(start, start + len(piece))
        customer_ids[part], tenure[part] = piece["id"], piece["tenure"]
        values[part] = piece["values"]["elements"]["is"]
        days[part] = piece["days"]["elements"]["is"]
        reasons[part] = piece["reasons"]["elements"]["is"]
    phases, phase_of = _numbered([phase for phase, *_ in words])
    label_sets, labels_of = _numbered([frozenset(labels) for _, *labels in words])
    text_of = np.array(codes, dtype=np.intp)
    return ReadingsMatrix(
        customer_ids=customer_ids,
        values=values,
        days=days,
        reasons=reasons,
        phases=phases,
        phase_codes=phase_of[text_of],
        tenure=tenure,
        label_sets=label_sets,
        label_codes=labels_of[text_of],
    )


def _cut(data: bytes, width: int) -> tuple[list[bytes], list[int], list[bytes]]:
    """The fixed part of every row, the place of its text, and the different texts."""
    if not data.startswith(SIGNATURE):
        raise PackedError("not a binary COPY")
    _, extension = _two_lengths(data, len(SIGNATURE))
    at = len(SIGNATURE) + 8 + extension
    rows: list[bytes] = []
    codes: list[int] = []
    texts: dict[bytes, int] = {}
    while data[at : at + 2] != END:
        text = at + width
        (size,) = _length(data, text)
        if size < HEAD:
            raise PackedError("rows of another width")
        rows.append(data[at:text])
        at = text + 4 + size
        codes.append(texts.setdefault(data[text + 4 : at], len(texts)))
    return rows, codes, list(texts)


def _words(text: bytes) -> list[str]:
    """The elements of a text[] that has at least one."""
    at, found = HEAD, []
    while at < len(text):
        (size,) = _length(text, at)
        found.append(text[at + 4 : at + 4 + size].decode())
        at += 4 + size
    if not found:
        raise PackedError("a row without a phase")
    return found


def _numbered(words: Sequence[Word]) -> tuple[tuple[Word, ...], npt.NDArray[np.int32]]:
    """The different ones, and the place of each."""
    places: dict[Word, int] = {}
    numbers = [places.setdefault(word, len(places)) for word in words]
    return tuple(places), np.array(numbers, dtype=np.int32)


def _check(piece: npt.NDArray[np.void], slots: int) -> None:
    """That every row is what its width made us think it is."""
    fits = (piece["fields"] == FIELDS) & (piece["id_size"] == 8) & (piece["tenure_size"] == 4)  # noqa: PLR2004 - bytes
    for name, (oid, bytes_each) in ARRAYS.items():
        array = piece[name]
        fits &= array["size"] == HEAD + slots * (4 + bytes_each)
        fits &= (array["head"] == (1, 0, oid, slots, 1)).all(axis=1)  # one dimension, no NULL
    if not fits.all():
        raise PackedError("rows of another form")


def _row_type(slots: int) -> np.dtype[np.void]:
    """One row up to its texts; every field and element begins with its length."""

    def array(bytes_each: int) -> np.dtype[np.void]:
        element = [("size", ">i4"), ("is", f">i{bytes_each}")]
        return np.dtype([("size", ">i4"), ("head", ">i4", (5,)), ("elements", element, (slots,))])

    return np.dtype(
        [
            ("fields", ">i2"),
            ("id_size", ">i4"),
            ("id", ">i8"),
            *((name, array(bytes_each)) for name, (_, bytes_each) in ARRAYS.items()),
            ("tenure_size", ">i4"),
            ("tenure", ">i4"),
        ]
    )
