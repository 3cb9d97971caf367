"""Rows without an id of their own, known again by what they are about.

Rows that are about the same (two bills of one month, two answers of one moment) are told apart by their content first
and by their place in the file second, so that the same file never changes anything and a changed row corrects one.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from hashlib import blake2b
from typing import TypeVar

New = TypeVar("New")
Old = TypeVar("Old")
KEY_BYTES = 16


def key_of(*words: object) -> str:
    """A short key for what a row is about."""
    joined = "\x1f".join("" if word is None else str(word) for word in words)
    return blake2b(joined.encode(), digest_size=KEY_BYTES).hexdigest()


class Numbers:
    """Keys with a number behind them: `<key>.1`, `<key>.2`, never one that is taken."""

    def __init__(self, taken: Iterable[str]) -> None:
        self.last: dict[str, int] = defaultdict(int)
        for name in taken:
            key, _, number = name.rpartition(".")
            self.last[key] = max(self.last[key], int(number) if number.isdigit() else 0)

    def next(self, key: str) -> str:
        """The next free name of a key."""
        self.last[key] += 1
        return f"{key}.{self.last[key]}"


def pair_up(
    new: Sequence[New],
    old: Sequence[Old],
    *,
    said: Callable[[New], Hashable],
    stored: Callable[[Old], Hashable],
) -> list[tuple[New, Old | None]]:
    """Each new row with its stored one: equal content first, then one after the other; None is really new."""
    equal: dict[Hashable, list[Old]] = defaultdict(list)
    for row in reversed(old):
        equal[stored(row)].append(row)
    partners = [equal[content].pop() if equal.get(content := said(row)) else None for row in new]
    used = {id(row) for row in partners if row is not None}
    left = [row for row in reversed(old) if id(row) not in used]
    return [
        (row, found if found is not None else left.pop() if left else None)
        for row, found in zip(new, partners, strict=True)
    ]
