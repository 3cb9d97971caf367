"""Which small groups must not be shown: those below the least size, and those that a subtraction would give away."""

from collections.abc import Hashable, Mapping
from typing import TypeVar

Key = TypeVar("Key", bound=Hashable)


def hidden_groups(sizes: Mapping[Key, int], least: int) -> set[Key]:
    """Groups to leave out of a breakdown whose total is known.

    Groups of 1 to `least` - 1 go first. If all hidden ones together are fewer than `least`, the total less the shown
    ones would give them away (S-205), so the next smallest goes too, until they are enough or nothing is left.
    """
    hidden = {key for key, size in sizes.items() if 0 < size < least}
    rest = sorted((key for key in sizes if key not in hidden and sizes[key]), key=lambda key: sizes[key])
    while hidden and rest and sum(sizes[key] for key in hidden) < least:
        hidden.add(rest.pop(0))
    return hidden


def may_show(n: int, *, of: int, least: int) -> bool:
    """Whether a filtered group of `n` out of `of` tells about nobody: neither it nor the others are too few."""
    rest = of - n
    return n >= least and not 0 < rest < least
