"""Portfolio views a user keeps under a name."""

from typing import Any

from django.db import transaction
from django.db.models import Max

from config.web.errors import DomainError
from customers.models import SavedView

MOST_VIEWS = 20  # more tabs than anybody can tell apart


class SavedViewError(DomainError):
    """The view cannot be kept under this name."""

    code = "saved_view"


@transaction.atomic
def save_view(*, user: Any, name: str, query: str) -> SavedView:
    """Keep a query string under a name, at the end of the user's views; an equal name is overwritten in its place."""
    mine = SavedView.objects.filter(user=user)
    same = mine.select_for_update().filter(name=name).first()
    if same is None and mine.count() >= MOST_VIEWS:
        raise SavedViewError(
            f"You have {MOST_VIEWS} views already.", hint="Delete one that you no longer use.", field="name"
        )
    if same is not None:
        same.query = query
        same.save(update_fields=["query"])
        return same
    last = mine.aggregate(last=Max("position"))["last"]
    return SavedView.objects.create(
        user=user, name=name, query=query, position=0 if last is None else last + 1
    )


@transaction.atomic
def delete_view(*, user: Any, pk: int) -> bool:
    """Forget one of the user's own views; False when there is none with this id."""
    deleted, _ = SavedView.objects.filter(user=user, pk=pk).delete()
    return bool(deleted)
