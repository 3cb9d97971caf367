"""Batches of imports: which of them a person may see, and what the pages show of them."""

from typing import Any

from django.db.models import QuerySet
from django.http import Http404

from accounts.choices import Role
from customers.models import ImportBatch

SOURCES_OFFERED = 20


def batches_for(user: Any) -> QuerySet[ImportBatch]:
    """All batches for admins, a manager's own for managers, none for others."""
    batches = ImportBatch.objects.select_related("created_by", "job")
    if user.role == Role.ADMIN:
        return batches
    return batches.filter(created_by=user) if user.role == Role.MANAGER else batches.none()


def batch_for(user: Any, pk: int) -> ImportBatch:
    """One batch, or 404."""
    batch = batches_for(user).filter(pk=pk).first()
    if batch is None:
        raise Http404
    return batch


def sources() -> list[str]:
    """Names of the systems that files came from."""
    names = ImportBatch.objects.order_by().values_list("source", flat=True).distinct()
    return sorted(names)[:SOURCES_OFFERED]


def rejected_rows(batch: ImportBatch) -> set[int]:
    """Numbers of the rows that are named in the batch's problems (the header is row 1)."""
    return {problem["row"] for problem in batch.errors if problem["row"] > 1}
