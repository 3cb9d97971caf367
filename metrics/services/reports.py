"""Reports under another definition or an earlier knowledge: the live rollups where they answer, else a what-if."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime

from metrics.formulas.definition import Definition
from metrics.formulas.definition_effects import changes_ledger
from metrics.queries import definitions
from metrics.services.what_if import what_if


@contextmanager
def reported(
    definition: Definition, *, as_of: date, now: datetime, known_at: datetime | None = None
) -> Iterator[None]:
    """Inside the block revenue queries answer for this definition and this knowledge."""
    if known_at is None and not changes_ledger(definitions.current(), definition):
        yield
        return
    with what_if(definition=definition, as_of=as_of, now=now, known_at=known_at):
        yield
