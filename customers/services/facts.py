"""How facts change: the old row is marked with the reserved number of the new one, the new one is inserted, and the
deferred constraints are asked, all in one transaction.

Marking comes first because a partial unique index cannot be deferred: the twin must have left it before the new row
comes. The foreign key is deferred, so the order is legal. Everything here works on many rows at once, so that one change and a file of 100,000 take the same road.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeVar

from django.apps import apps
from django.db import IntegrityError, connection

from config.web.errors import DomainError
from config.work.pg import insert_models, next_ids, point_to
from customers.models.facts import Fact

FactRow = TypeVar("FactRow", bound=Fact)

NOT_COPIED = {"id", "recorded_at", "seq", "superseded_by", "batch", "backfilled"}


class RuleBrokenError(DomainError):
    """A database constraint said no; the message is the constraint's own sentence."""

    code = "rule_broken"


class ChangedMeanwhileError(DomainError):
    """Somebody else corrected the same fact first."""

    code = "changed_meanwhile"


@dataclass
class Change:
    """New fact rows of one model, and which old row each of them replaces."""

    added: list[Any] = field(default_factory=list)
    replaced: list[tuple[Any, Any]] = field(default_factory=list)

    def add(self, row: Any, *, instead_of: Any = None) -> Any:
        """Plan a new row; with `instead_of` it takes the place of an old one."""
        self.added.append(row)
        if instead_of is not None:
            self.replaced.append((instead_of, row))
        return row


def copy_of(fact: FactRow, **changes: Any) -> FactRow:
    """An unsaved twin of a fact with some columns changed; clock, number and successor are its own."""
    kept = {
        column.attname: getattr(fact, column.attname)
        for column in fact._meta.concrete_fields
        if column.name not in NOT_COPIED
    }
    return type(fact)(**(kept | changes))


def void_of(fact: FactRow, **changes: Any) -> FactRow:
    """An unsaved row that takes a fact back."""
    return copy_of(fact, voids=True, **changes)


def write(change: Change) -> list[Any]:
    """Insert the new rows, mark the replaced ones, then check; returns the new rows with their ids.

    A broken constraint is a RuleBrokenError with its sentence and leaves nothing behind in an atomic block.
    """
    if not change.added:
        return []
    model = type(change.added[0])
    try:
        _mark_replaced(model, change)
        insert_models(change.added)
        connection.check_constraints()
    except IntegrityError as error:
        raise refusal(error) from error
    return change.added


def _mark_replaced(model: type[Fact], change: Change) -> None:
    if not change.replaced:
        return
    for row, number in zip(change.added, next_ids(model, len(change.added)), strict=True):
        row.pk = number
    for old, new in change.replaced:
        if old.superseded_by_id is not None:
            raise _changed_meanwhile()
        old.superseded_by_id = new.pk
    point_to(model, "superseded_by_id", [(old.pk, new.pk) for old, new in change.replaced])


def _changed_meanwhile() -> ChangedMeanwhileError:
    return ChangedMeanwhileError(
        "Somebody else has changed this already.", hint="Reload and look at the new values."
    )


def refusal(error: IntegrityError) -> DomainError:
    """The sentence of the constraint that was broken, as an error people can read."""
    name = getattr(getattr(error.__cause__, "diag", None), "constraint_name", None)
    if name is None and "append-only" in str(error):
        return _changed_meanwhile()
    for model in apps.get_app_config("customers").get_models():
        for constraint in model._meta.constraints:
            if constraint.name == name:
                message = constraint.violation_error_message or f"The rule {name} says no."
                return RuleBrokenError(str(message), hint="Correct the values and try again.")
    return RuleBrokenError(f"The database refused this ({name}).", hint="Correct the values and try again.")


def plan_from(versions: Sequence[FactRow], new: FactRow, change: Change) -> None:
    """Let `new` hold from its `from_on` until the next version that is already known.

    `versions` are the current rows of one series in order of days. The row that covers the day is cut there (or
    replaced when it starts that very day); later rows stay. Source: rule A-11.
    """
    day = new.from_on
    covering = _covering(versions, day)
    later = [row for row in versions if row.from_on > day]
    new.to_on = covering.to_on if covering is not None else (later[0].from_on if later else new.to_on)
    if covering is not None and covering.from_on == day:
        change.add(new, instead_of=covering)
        return
    if covering is not None:
        change.add(_heir(covering, new, to_on=day), instead_of=covering)
    change.add(new)


def plan_end(versions: Iterable[FactRow], day: date, change: Change, **marks: Any) -> None:
    """Let a series end on `day` (that day counts no more): cut the row that covers it, void all later rows.

    `marks` go into the rows written, for instance who recorded them.
    """
    for row in versions:
        if row.from_on >= day:
            change.add(void_of(row, **marks), instead_of=row)
        elif row.to_on is None or row.to_on > day:
            change.add(copy_of(row, to_on=day, **marks), instead_of=row)


def _covering(versions: Sequence[FactRow], day: date) -> FactRow | None:
    return next(
        (row for row in versions if row.from_on <= day and (row.to_on is None or row.to_on > day)), None
    )


def _heir(row: FactRow, cause: FactRow, **changes: Any) -> FactRow:
    """A cut copy that carries the author and batch of the row that caused the cut."""
    return copy_of(
        row,
        recorded_by_id=cause.recorded_by_id,
        batch_id=cause.batch_id,
        backfilled=cause.backfilled,
        **changes,
    )
