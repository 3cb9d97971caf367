"""Integrity: identities of what is stored, checked by SQL that shares nothing with the services."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.db import connection

from metrics.rollups.checks import operation, revenue, scores, surveys
from metrics.rollups.checks.identity import Identity
from metrics.sql.engine import rows, run

EXAMPLES = 20  # violations named per identity
IDENTITIES: tuple[Identity, ...] = (
    *revenue.IDENTITIES,
    *surveys.IDENTITIES,
    *operation.IDENTITIES,
)
SPECIAL: dict[str, tuple[str, Callable[..., tuple[int, list[tuple[str, Any, str]]]]]] = {
    "IC-09": ("a stored score comes out again from its readings and its version", scores.scores),
    "IC-11b": ("every sequence stands above the ids it gave", operation.sequences),
    "IC-13b": ("the filled months have the checksum they were noted with", operation.checksums),
}


@dataclass(slots=True)
class Outcome:
    """One identity: rows looked at, violations, and the first of them."""

    id: str
    title: str
    ok: bool
    rows: int
    violations: int
    examples: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0


def names() -> list[str]:
    """All identities in order."""
    return sorted([identity.id for identity in IDENTITIES] + list(SPECIAL))


def check(*, now: datetime, today: date, only: Iterable[str] = (), share: float = 1.0) -> list[Outcome]:
    """Every identity (or some, by the beginning of their name); `share` of the scores is worked out again.

    Needs an open transaction; after `one_snapshot` the whole run reads one moment and can write nothing.
    """
    wanted = tuple(only)
    if not connection.in_atomic_block:
        raise RuntimeError("integrity reads one snapshot: open a transaction first")
    params = {"now": now, "today": today}
    return [_one(name, params, share) for name in names() if not wanted or name.startswith(wanted)]


def one_snapshot() -> None:
    """First statement of a transaction: all that follows reads one moment and writes nothing."""
    run("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY", {})


def _one(name: str, params: dict[str, Any], share: float) -> Outcome:
    started = time.monotonic()
    if name in SPECIAL:
        title, find = SPECIAL[name]
        looked, violations = find(share=share)
    else:
        identity = next(item for item in IDENTITIES if item.id == name)
        title = identity.title
        looked = sum(int(rows(f"SELECT count(*) FROM {table}", {})[0][0]) for table in identity.tables)
        violations = [tuple(row) for sql in identity.violations for row in rows(sql, params)]
    return Outcome(
        id=name,
        title=title,
        ok=not violations,
        rows=looked,
        violations=len(violations),
        examples=_examples(violations),
        seconds=round(time.monotonic() - started, 3),
    )


def _examples(violations: Sequence[tuple[Any, ...]]) -> list[dict[str, Any]]:
    return [
        {"table": table, "id": pk, "detail": detail}
        for table, pk, detail in sorted(violations, key=str)[:EXAMPLES]
    ]
