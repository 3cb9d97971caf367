"""Keeps `Customer.search_text` in step with names, domains, external ids and contacts."""

from collections import defaultdict
from collections.abc import Iterable

from config.work.pg import update_models
from customers.models import Contact, Customer, ExternalId
from customers.queries.words import search_text


def refresh(customer_ids: Iterable[int]) -> None:
    """Write the searchable words of these customers anew, in the caller's transaction."""
    ids = sorted(set(customer_ids))
    words: dict[int, list[str]] = defaultdict(list)
    for pk, value in (
        ExternalId.objects.filter(customer_id__in=ids).order_by("pk").values_list("customer_id", "value")
    ):
        words[pk].append(value)
    people = Contact.objects.filter(customer_id__in=ids, erased_at=None).order_by("pk")
    for pk, name, email in people.values_list("customer_id", "name", "email"):
        words[pk] += [name, email]
    changed = []
    for customer in Customer.objects.filter(pk__in=ids).only("pk", "name", "domain", "search_text"):
        text = search_text(customer.name, customer.domain, *words[customer.pk])
        if text != customer.search_text:
            customer.search_text = text
            changed.append(customer)
    update_models(changed, ["search_text"])
