"""An append-only file beside the data that says whom a restored backup must forget or not ask again (RB-5).

One JSON object per line: {"seq", "at", "kind": "erased" | "suppressed", "hash", "scope", "reason", "row"}. The keyed
hash needs the database's own pepper; no address is ever in it. Writing the same entry again does no harm.
"""

import json
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings

from customers.models import Erasure
from surveys.models import Suppression

NAME = "privacy-ledger.jsonl"
ERASED, SUPPRESSED = "erased", "suppressed"


def path() -> Path:
    """Where the file is: beside the data, not in the database."""
    return Path(settings.DATA_DIR) / NAME


def catch_up(*, now: datetime) -> int:
    """Append what has been committed and is not in the file yet; returns how many lines."""
    known = {(entry["kind"], entry["row"]) for entry in _lines()}
    new = [
        {"kind": ERASED, "row": row.pk, "hash": row.email_hash}
        for row in Erasure.objects.exclude(finished_at=None).exclude(email_hash="").order_by("pk")
        if (ERASED, row.pk) not in known
    ]
    # A temporary one ends by itself, and one that was lifted must not come back.
    standing = Suppression.objects.filter(lifted_at=None, expires_at=None).order_by("pk")
    new += [
        {"kind": SUPPRESSED, "row": pk, "hash": email_hash, "scope": scope, "reason": reason}
        for pk, email_hash, scope, reason in standing.values_list("pk", "email_hash", "scope", "reason")
        if (SUPPRESSED, pk) not in known
    ]
    if new:
        _append(new, start=len(known), now=now)
    return len(new)


def _append(new: list[dict[str, Any]], *, start: int, now: datetime) -> None:
    file = path()
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = [
        json.dumps({"seq": start + number, "at": now.isoformat()} | entry, sort_keys=True)
        for number, entry in enumerate(new, start=1)
    ]
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "a", encoding="utf-8") as out:
        out.write("".join(f"{line}\n" for line in lines))
        out.flush()
        os.fsync(out.fileno())


def entries() -> tuple[frozenset[str], list[tuple[str, str, str]]]:
    """Hashes of erased addresses, and (hash, scope, reason) of those that must not be asked."""
    erased, suppressed = set(), []
    for entry in _lines():
        if entry["kind"] == ERASED:
            erased.add(entry["hash"])
        else:
            suppressed.append((entry["hash"], entry["scope"], entry["reason"]))
    return frozenset(erased), suppressed


def last_seq() -> int:
    """Number of the newest line; 0 while there is none."""
    return max((entry["seq"] for entry in _lines()), default=0)


def _lines() -> Iterator[dict[str, Any]]:
    """Whole lines; a line cut off by a crash is written again by the next run."""
    if not path().exists():
        return
    for line in path().read_text(encoding="utf-8").splitlines():
        try:
            yield json.loads(line)
        except json.JSONDecodeError:
            continue
