"""What it costs to win customers and to keep them (metrics read these facts; no customer goes stale)."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypedDict, Unpack

from django.db import transaction

from config.web.errors import DomainError
from config.work import audit
from customers.choices import CostKind
from customers.connectors import cells
from customers.models import CostEntry
from customers.services import facts

LARGEST = Decimal(10) ** 12


class CostError(DomainError):
    """The entry says something that cannot be; `field` names the column."""

    code = "cost"


class CostFields(TypedDict, total=False):
    """What an entry says: local days `[from_on, to_on)`, money, and what it was spent for."""

    from_on: date
    to_on: date
    kind: str
    amount: Decimal
    currency: str
    category: str
    segment: str
    channel: str


SAID = tuple(CostFields.__annotations__)


@transaction.atomic
def add_cost(*, by: Any, now: datetime, source: str = "tend", **fields: Unpack[CostFields]) -> CostEntry:
    """Record a cost; days, kind, amount and currency are needed."""
    cost = CostEntry(recorded_by=by, source=source, **fields)
    _check(cost)
    facts.write(facts.Change(added=[cost]))
    audit.record(by=by, now=now, action="cost.added", subject=cost, after=_plain(cost))
    return cost


@transaction.atomic
def correct_cost(*, cost: CostEntry, by: Any, now: datetime, **changes: Unpack[CostFields]) -> CostEntry:
    """Replace an entry by one with other values; equal values change nothing."""
    new = facts.copy_of(cost, recorded_by_id=by.pk if by else None, **changes)
    _check(new)
    if all(getattr(cost, name) == getattr(new, name) for name in SAID):
        return cost
    facts.write(facts.Change(added=[new], replaced=[(cost, new)]))
    audit.record(by=by, now=now, action="cost.corrected", subject=new, before=_plain(cost), after=_plain(new))
    return new


@transaction.atomic
def void_cost(*, cost: CostEntry, by: Any, now: datetime) -> None:
    """Take an entry back; it stays readable as of earlier moments."""
    void = facts.void_of(cost, recorded_by_id=by.pk if by else None)
    facts.write(facts.Change(added=[void], replaced=[(cost, void)]))
    audit.record(by=by, now=now, action="cost.voided", subject=cost, before=_plain(cost))


def _check(cost: CostEntry) -> None:
    wrong = [
        ("to_on", "The end must lie after the start.", cost.from_on >= cost.to_on),
        ("kind", "A cost is acquisition or retention.", cost.kind not in CostKind.values),
        ("amount", "A cost is zero or more.", not 0 <= cost.amount < LARGEST),
        ("currency", "This is no currency of ISO 4217.", cost.currency not in cells.currencies()),
    ]
    for field, message, is_wrong in wrong:
        if is_wrong:
            raise CostError(message, hint="Correct the entry.", field=field)


def _plain(cost: CostEntry) -> dict[str, str]:
    return {name: str(getattr(cost, name)) for name in SAID if getattr(cost, name) != ""}
