"""Kinds of files whose rows belong to an app further up: it adds itself when Django starts."""

from collections.abc import Callable
from typing import Any

APPLIERS: dict[str, Callable[..., None]] = {}
UNDOERS: dict[str, Callable[..., None]] = {}
Check = Callable[[str], bool]
_erased: list[Callable[[], Check]] = []


def register(kind: str, *, apply: Callable[..., None], undo: Callable[..., None]) -> None:
    """Let another app write the rows of a kind: `apply(rows, context)` and `undo(batch=, undone=, by=, now=)`."""
    APPLIERS[kind], UNDOERS[kind] = apply, undo


def applier(kind: str) -> Callable[[Any, Any], None]:
    """What writes the rows of a kind that another app has added."""
    return APPLIERS[kind]


def know_erased(check: Callable[[], Check]) -> None:
    """Let an app that holds the key of erased addresses say which they are: `check()` returns address -> erased?"""
    _erased.append(check)


def erased_check() -> Check:
    """Whether an address was erased on request, by everything that knows of it; reads the list once."""
    checks = [make() for make in _erased]
    return lambda email: any(check(email) for check in checks)
