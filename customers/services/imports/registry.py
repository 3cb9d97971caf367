"""Kinds of files whose rows belong to an app further up: it adds itself when Django starts."""

from collections.abc import Callable
from typing import Any

APPLIERS: dict[str, Callable[..., None]] = {}
UNDOERS: dict[str, Callable[..., None]] = {}


def register(kind: str, *, apply: Callable[..., None], undo: Callable[..., None]) -> None:
    """Let another app write the rows of a kind: `apply(rows, context)` and `undo(batch=, undone=, by=, now=)`."""
    APPLIERS[kind], UNDOERS[kind] = apply, undo


def applier(kind: str) -> Callable[[Any, Any], None]:
    """What writes the rows of a kind that another app has added."""
    return APPLIERS[kind]
