"""Planner statistics of the facts, before a large refresh: after an import the planner knows nothing of new rows."""

from django.db import transaction

from config.work.pg import analyze, try_lock
from customers.models import (
    Assignment,
    AttributeValue,
    Customer,
    LineVersion,
    Subscription,
    Ticket,
    Touchpoint,
    UsageEvent,
)

LOCK = (71, 2)  # advisory lock: one ANALYZE at a time, the others go on without
FACTS = (Customer, Subscription, LineVersion, AttributeValue, Assignment, Touchpoint, Ticket, UsageEvent)
LARGE = 100  # customers of a refresh from which a bad plan costs more than the statistics


@transaction.atomic
def analyze_facts(*, customers: int) -> bool:
    """ANALYZE the fact tables if so many customers make it worthwhile; returns whether it was done."""
    if customers < LARGE or not try_lock(*LOCK):
        return False
    analyze(*FACTS)
    return True
