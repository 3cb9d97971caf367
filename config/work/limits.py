"""Counters that hold under parallel calls: one conditional UPDATE per call."""

import hashlib
import hmac
from datetime import timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Now

from config.work.models import RateCounter


def allow(what: str, who: str, *, limit: int, window: timedelta) -> bool:
    """True while `who` did `what` fewer than `limit` times in the running window. `who` is stored as a keyed hash."""
    digest = hmac.new(settings.SECRET_KEY.encode(), f"{what}:{who}".encode(), hashlib.sha256).hexdigest()
    key = f"{what[:60]}:{digest[:40]}"
    if _count(key, limit, window):
        return True
    try:
        with transaction.atomic():
            RateCounter.objects.create(key=key, used=1, ends_at=Now() + window)
    except IntegrityError:
        return _count(key, limit, window)
    return True


def _count(key: str, limit: int, window: timedelta) -> bool:
    over = Q(ends_at__lte=Now())
    changed = RateCounter.objects.filter(Q(key=key) & (Q(used__lt=limit) | over)).update(
        used=Case(When(over, then=Value(1)), default=F("used") + 1),
        ends_at=Case(When(over, then=Now() + window), default=F("ends_at")),
    )
    return bool(changed)
