"""Exact integer arithmetic on columns: division half to even and the largest remainder, as in `health_numbers`.

A quotient is first guessed in float64 and then corrected by its integer remainder, so that results are exact and do
not depend on floats: every caller keeps quotients under 2^50 and sums under `LIMIT`, so a guess is off by one at most.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

LIMIT = 2**62  # no numerator, denominator or sum of shares may reach it


def half_even(numerator: Ints, denominator: Ints | int) -> Ints:
    """Numerator / denominator (above 0), rounded half to even: `div` for a column."""
    if isinstance(denominator, int) and denominator == 1:
        return numerator
    found: Ints = np.rint(numerator / denominator).astype(np.int64)
    rest = numerator - found * denominator
    np.abs(rest, out=rest)
    rest += rest
    near = np.flatnonzero(rest >= denominator)  # half-way, or a guess beside the nearest
    if near.size:
        below = denominator if isinstance(denominator, int) else denominator[near]
        found[near] = _half_even_slow(numerator[near], below)
    return found


def _half_even_slow(numerator: Ints, denominator: Ints | int) -> Ints:
    quotient: Ints
    quotient, rest = np.divmod(numerator, denominator)
    twice = 2 * rest
    quotient += (twice > denominator) | ((twice == denominator) & (quotient % 2 == 1))
    return quotient


def apportioned(total: Ints, shares: Sequence[Ints]) -> list[Ints]:
    """Split a column of totals >= 0 over columns of shares >= 0: `apportion` row by row.

    total x share may pass 2^63. The remainder is still exact: it is taken modulo 2^64, and with a guess off by one at
    most the true one lies in [-whole, 2 x whole), which int64 holds because whole < 2^62.
    """
    whole: Ints = np.sum(shares, axis=0, dtype=np.int64)
    nothing = whole == 0
    whole[nothing] = 1
    if len(shares) == 1:
        return [np.where(nothing, 0, total)]
    ratio = total / whole
    parts: list[Ints] = []
    rests: list[Ints] = []
    missing = np.where(nothing, 0, total)
    for share in shares:
        part: Ints = (share * ratio).astype(np.int64)
        rest = total * share - part * whole
        wrong = np.flatnonzero(rest.view(np.uint64) >= whole.view(np.uint64))  # also those below 0
        if wrong.size:
            step = np.where(rest[wrong] < 0, -1, 1)
            part[wrong] += step
            rest[wrong] -= step * whole[wrong]
        missing -= part
        parts.append(part)
        rests.append(rest)
    if missing.any():
        _give_largest(parts, rests, missing)
    return parts


def _give_largest(parts: Sequence[Ints], rests: Sequence[Ints], missing: Ints) -> None:
    """One more to the largest remainders, the earlier first among equal ones; `missing` of them per row."""
    last = len(parts) - 1
    ranks = [np.full(missing.shape, last - place, dtype=np.int16) for place in range(len(parts))]
    for place, rest in enumerate(rests):
        for later in range(place + 1, len(rests)):
            behind = (rests[later] <= rest).view(np.int8)
            ranks[later] += behind
            ranks[place] -= behind
    few = missing.astype(np.int16)
    for place, rank in enumerate(ranks):
        parts[place][:] += rank < few
