"""Costs of a month from a file. They carry no id: a row is known by its month, kind, category, segment and channel."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from customers.connectors.table import Row
from customers.models import CostEntry
from customers.services import facts
from customers.services.imports.context import Context
from customers.services.imports.matching import Numbers, key_of, pair_up
from metrics.formulas.periods import add_months


class Bill(NamedTuple):
    """What a row says."""

    from_on: date
    to_on: date
    kind: str
    amount: Decimal
    currency: str
    category: str
    segment: str
    channel: str

    @property
    def key(self) -> str:
        """What the row is about: all but the money."""
        return key_of(self.from_on, self.kind, self.category, self.segment, self.channel)


def apply(rows: Sequence[Row], context: Context) -> None:
    """Record all costs in one go; another amount for the same month, kind and words corrects it."""
    context.refuse_all_but_admins("Costs", "costs_by_admin")
    said: dict[str, list[Bill]] = defaultdict(list)
    for row in rows:
        bill = _bill(row)
        said[bill.key].append(bill)
    stored = _stored(said, context)
    numbers = Numbers(cost.source_key for held in stored.values() for cost in held)
    change = facts.Change()
    for key, bills in said.items():
        for bill, old in pair_up(bills, stored.get(key, []), said=_money, stored=_money):
            if old is not None and _money(old) == _money(bill):
                context.counts.unchanged += 1
                continue
            name = old.source_key if old is not None else numbers.next(key)
            change.add(CostEntry(**bill._asdict(), **context.fact(name)), instead_of=old)
            context.counts.updated += old is not None
            context.counts.created += old is None
    facts.write(change)


def _bill(row: Row) -> Bill:
    values = row.values
    first = values["period"]
    words = (values.get(name, "") for name in ("category", "segment", "channel"))
    return Bill(first, add_months(first, 1), values["kind"], values["amount"], values["currency"], *words)


def _money(cost: Bill | CostEntry) -> Hashable:
    return cost.amount, cost.currency


def _stored(keys: Iterable[str], context: Context) -> dict[str, list[CostEntry]]:
    found: dict[str, list[CostEntry]] = defaultdict(list)
    for cost in (
        CostEntry.objects.current().filter(source=context.source).exclude(source_key="").order_by("pk")
    ):
        found[cost.source_key.rpartition(".")[0]].append(cost)
    return {key: found[key] for key in keys if key in found}
