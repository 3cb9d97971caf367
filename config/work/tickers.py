"""Interval tasks: each asks the database what is due. Two beats, or none for a week, do no harm."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from celery import shared_task
from django.db.models.functions import Now

from config.work.models import Ticker


def ticker(name: str, **options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Make `function` the Celery task `name`, noting its last success; unknown keywords are ignored (rolling deploys)."""

    def decorate(function: Callable[..., Any]) -> Any:
        @shared_task(name=name, ignore_result=True, **options)
        @wraps(function)
        def task(**_unknown: Any) -> Any:
            did = function()
            Ticker.objects.update_or_create(name=name, defaults={"last_ok_at": Now()})
            return did

        return task

    return decorate
