"""Checks that have to work numbers out first: frozen months as they were known, and everything at an earlier moment."""

from datetime import datetime
from typing import Any

from accounts.queries import organisation
from metrics.formulas.money import exactly, total
from metrics.models import ClosedMonth, FrozenValue, Restatement
from metrics.queries import definitions
from metrics.queries.checks.comparison import Check
from metrics.queries.verification import verify, verify_known
from metrics.services.closing import frozen_again
from metrics.services.what_if import what_if

Numbers = dict[tuple[Any, ...], tuple[Any, ...]]


def verify_everything(*, now: datetime, **chosen: Any) -> list[Check]:
    """All checks of what is stored; see `metrics.queries.verification.verify` for the rest of the arguments."""
    checks = [*verify(now=now, **chosen), frozen_months(now=now)]
    return sorted(checks, key=lambda check: int(check.code[3:]))


def verify_as_known(*, now: datetime, known_at: datetime, **chosen: Any) -> list[Check]:
    """The checks of revenue for what was known at a moment, worked out in tables that vanish again."""
    as_of = organisation.local_day(known_at)
    with what_if(definition=definitions.current(), as_of=as_of, now=now, known_at=known_at):
        return verify_known(as_of=as_of, known_at=known_at, **chosen)


@exactly
def frozen_months(*, now: datetime) -> Check:
    """VM-10: frozen numbers come out again from what was known at the closing; restatements lead from one to the next."""
    check = Check("VM-10", "frozen months as known at their closing, restatements step by step")
    stored: Numbers = {}
    again: Numbers = {}
    for closed in ClosedMonth.objects.order_by("month"):
        for key, value in frozen_again(closed, now=now).items():
            again[closed.month, key] = (value,)
        for frozen in FrozenValue.objects.filter(month=closed):
            stored[closed.month, frozen.key] = (frozen.value,)
    check.compare("frozen_value", ("value",), stored, again)
    _restatements(check, stored)
    return check


def _restatements(check: Check, frozen: Numbers) -> None:
    """Each step starts where the last one ended, and as reported + all differences = the last value (T-7)."""
    stored: Numbers = {}
    again: Numbers = {}
    reached: Numbers = dict(frozen)
    for step in Restatement.objects.order_by("month", "key", "pk"):
        place = step.month_id, step.key
        reported, before = frozen.get(place, (None,))[0], reached.get(place, (None,))[0]
        stored[*place, step.pk] = (step.as_reported, step.before, step.difference)
        moved = total([step.after or 0, -(before or 0)])
        again[*place, step.pk] = (reported, before, moved)
        reached[place] = (step.after,)
    check.compare("restatement", ("as_reported", "before", "difference"), stored, again)
