"""Planner statistics before a large refresh."""

from django.db import transaction

from config.work.pg import try_lock
from metrics.rollups.statistics import analyze_changed

LOCK = (71, 2)  # advisory lock: one ANALYZE at a time, the others go on without
LARGE = 100  # customers of a refresh from which a bad plan costs more than the statistics


@transaction.atomic
def analyze_facts(*, customers: int) -> int:
    """ANALYZE fact tables that have changed much, if so many customers make it worthwhile; returns how many tables."""
    if customers < LARGE or not try_lock(*LOCK):
        return 0
    return analyze_changed()
