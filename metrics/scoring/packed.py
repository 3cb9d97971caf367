"""Packed readings as PostgreSQL sends them in binary, many customers to a message, read into columns at once.

A message of the COPY is two bytea: customers of one width after the other (customer id, values bigint[], days int[],
reasons smallint[], tenure in months or `NO_TENURE`, all as their types are sent, no element NULL), and their texts, each
a length and a text[]: the phase, then the labels.
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
TWO_FIELDS = b"\0\2"
ARRAYS = {"values": (20, 8), "days": (23, 4), "reasons": (21, 2)}  # oid and bytes of bigint, int, smallint
HEAD = 5 * 4  # of an array: dimensions, flags, type of elements, length, first index

Word = TypeVar("Word", bound=Hashable)

_length = Struct(">i").unpack_from
_two_lengths = Struct(">ii").unpack_from


class PackedError(ValueError):
    """These bytes are no packed readings of this many slots."""


def parse_copy(data: bytes, slots: int) -> ReadingsMatrix:
    """The matrix of such a COPY. Raises PackedError for anything else."""
    try:
        messages = _messages(data)
        codes, texts = _coded([text for _, text in messages])
        words = [_words(text) for text in texts]
    except (StructError, UnicodeDecodeError) as error:
        raise PackedError("cut off, or of another form") from error
    kind = _row_type(slots)
    size = len(codes)
    values = np.empty((size, slots), dtype=np.int64, order="F")
    days = np.empty((size, slots), dtype=np.int32, order="F")
    reasons = np.empty((size, slots), dtype=np.int8, order="F")
    customer_ids = np.empty(size, dtype=np.int64)
    tenure = np.empty(size, dtype=np.int32)
    start = 0
    for rows, _ in messages:
        piece = _checked(rows, kind, slots)
        part = slice(start, start + len(piece))
        customer_ids[part], tenure[part] = piece["id"], piece["tenure"]
        values[part] = piece["values"]["elements"]["is"]
        days[part] = piece["days"]["elements"]["is"]
        reasons[part] = piece["reasons"]["elements"]["is"]
        start += len(piece)
    if start != size:
        raise PackedError("not a text for every customer")
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


def _messages(data: bytes) -> list[tuple[bytes, bytes]]:
    """The two fields of every message."""
    if not data.startswith(SIGNATURE):
        raise PackedError("not a binary COPY")
    _, extension = _two_lengths(data, len(SIGNATURE))
    at = len(SIGNATURE) + 8 + extension
    found = []
    while data[at : at + 2] != END:
        if data[at : at + 2] != TWO_FIELDS:
            raise PackedError("a message of another form")
        fields = []
        at += 2
        for _ in range(2):
            (size,) = _length(data, at)
            if size < 0:
                raise PackedError("a NULL among the readings")
            fields.append(data[at + 4 : at + 4 + size])
            at += 4 + size
        found.append((fields[0], fields[1]))
    return found


def _coded(blocks: Sequence[bytes]) -> tuple[list[int], list[bytes]]:
    """The place of the text of every customer, and the different texts."""
    codes: list[int] = []
    places: dict[bytes, int] = {}
    for block in blocks:
        at = 0
        while at < len(block):
            (size,) = _length(block, at)
            if size < HEAD:
                raise PackedError("a customer without a phase")
            end = at + 4 + size
            codes.append(places.setdefault(block[at + 4 : end], len(places)))
            at = end
    return codes, list(places)


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


def _checked(rows: bytes, kind: np.dtype[np.void], slots: int) -> npt.NDArray[np.void]:
    """The customers of a message, each of the form its width made us think of."""
    if len(rows) % kind.itemsize:
        raise PackedError("customers of another width")
    piece = np.frombuffer(rows, dtype=kind)
    for name, (oid, bytes_each) in ARRAYS.items():
        array = piece[name]
        fits = (array["head"] == (1, 0, oid, slots, 1)).all(axis=1)  # one dimension, no NULL
        if not (fits.all() and (array["elements"]["size"] == bytes_each).all()):
            raise PackedError("readings of another form")
    return piece


def _row_type(slots: int) -> np.dtype[np.void]:
    """One customer; every element begins with its length."""

    def array(bytes_each: int) -> np.dtype[np.void]:
        element = [("size", ">i4"), ("is", f">i{bytes_each}")]
        return np.dtype([("head", ">i4", (5,)), ("elements", element, (slots,))])

    return np.dtype(
        [
            ("id", ">i8"),
            *((name, array(bytes_each)) for name, (_, bytes_each) in ARRAYS.items()),
            ("tenure", ">i4"),
        ]
    )
