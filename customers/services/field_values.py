"""Custom field values as dated facts: what was written, from which day on, known since when.

`Customer.custom` shows the newest values; these rows keep all of them, so that a past day can be read again.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from config.work.pg import insert_models
from customers.models import Customer, FieldValue


@dataclass(frozen=True, slots=True)
class Written:
    """The values of one customer before and after a write, and the day from which the new ones hold."""

    customer_id: int
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    from_on: date


def note(written: Iterable[Written], **fact: Any) -> int:
    """Append a row per value that differs; a value that went away is an empty text. `fact` says where it comes from.

    Runs in the caller's transaction; returns how many rows were written.
    """
    rows = [
        FieldValue(customer_id=one.customer_id, key=key, value=value, from_on=one.from_on, **fact)
        for one in written
        for key, value in _changes(one.before, one.after).items()
    ]
    insert_models(rows)
    return len(rows)


def bring_in_step(customer_ids: Sequence[int], *, from_on: date, **fact: Any) -> int:
    """Append what is missing so that the facts say of these customers what `Customer.custom` shows from a day on."""
    known: dict[int, dict[str, str]] = {}
    rows = FieldValue.objects.current().filter(customer_id__in=customer_ids, from_on__lte=from_on)
    for pk, key, value in rows.order_by("from_on", "seq").values_list("customer_id", "key", "value"):
        known.setdefault(pk, {})[key] = value
    shown = Customer.objects.filter(pk__in=customer_ids).values_list("pk", "custom")
    return note((Written(pk, known.get(pk, {}), custom, from_on) for pk, custom in shown), **fact)


def as_text(value: Any) -> str:
    """A stored value as the text of a fact: yes and no as true and false, nothing as an empty text."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, str]:
    pairs = {key: (as_text(before.get(key)), as_text(after.get(key))) for key in {**before, **after}}
    return {key: new for key, (old, new) in pairs.items() if old != new}
