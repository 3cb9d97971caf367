"""Many customers and many lines at once: the same facts as one by one, in a few statements."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.db import transaction

from config.work import audit
from config.work.pg import insert_models
from customers.models import Customer, LineVersion, Subscription
from customers.queries.words import search_text
from customers.services import facts, staleness, summaries
from customers.services.locks import lock_customers
from customers.services.pricing import set_mrr
from customers.services.subscriptions import image_of, refuse_backward

LineKey = tuple[int, str, str]


@dataclass(frozen=True, slots=True)
class NewLine:
    """A stretch of a line; `fields` as in `subscriptions.LineFields`."""

    customer_id: int
    from_on: date
    to_on: date | None = None
    product: str = ""
    external_id: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> LineKey:
        """What makes it the same line."""
        return self.customer_id, self.external_id, self.product


@transaction.atomic
def create_customers(
    *, names: Sequence[str], created_on: date | None, by: Any, now: datetime
) -> list[Customer]:
    """New customers that share their first day, in the order of their names."""
    made = [Customer(name=name, created_on=created_on, search_text=search_text(name)) for name in names]
    insert_models(made)
    ids = [customer.pk for customer in made]
    summaries.ensure(ids)
    audit.record(by=by, now=now, action="customers.created", after={"customers": ids})
    if ids:
        staleness.mark(customer_ids=ids, from_day=created_on or now.date(), cause="customer")
    return made


@transaction.atomic
def start_lines(*, lines: Sequence[NewLine], by: Any, now: datetime) -> dict[LineKey, Subscription]:
    """Let lines run from a day on; lines that do not exist yet are made. Overlaps are refused, all or nothing."""
    for line in lines:
        refuse_backward(line.from_on, line.to_on)
    lock_customers({line.customer_id for line in lines})
    stored = _with_missing(lines)
    versions = [
        LineVersion(
            customer_id=line.customer_id,
            subscription=stored[line.key],
            from_on=line.from_on,
            to_on=line.to_on,
            recorded_by=by,
            source="tend",
            **line.fields,
        )
        for line in lines
    ]
    facts.write(facts.Change(added=[set_mrr(version) for version in versions]))
    audit.record(
        by=by,
        now=now,
        action="subscriptions.started",
        after={str(version.subscription_id): image_of(version) for version in versions},
    )
    first: dict[int, date] = {}
    for line in lines:
        first[line.customer_id] = min(first.get(line.customer_id, line.from_on), line.from_on)
    staleness.mark_each(first_days=first, cause="subscription")
    return stored


def _with_missing(lines: Sequence[NewLine]) -> dict[LineKey, Subscription]:
    wanted = {line.key: line for line in lines}
    owners = {line.customer_id for line in lines}
    stored = {
        (line.customer_id, line.external_id, line.product): line
        for line in Subscription.objects.filter(customer_id__in=owners)
    }
    missing = {
        key: Subscription(
            customer_id=line.customer_id,
            external_id=line.external_id,
            product=line.product,
            currency=line.fields["currency"],
        )
        for key, line in wanted.items()
        if key not in stored
    }
    insert_models(list(missing.values()))
    return stored | missing
