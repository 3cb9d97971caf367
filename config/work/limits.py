"""Counters that hold under parallel calls: one statement per call, also of a call that is refused."""

import hashlib
import hmac
from datetime import timedelta

from django.conf import settings

from config.work.pg import count_up


def allow(what: str, who: str, *, limit: int, window: timedelta) -> bool:
    """True while `who` did `what` fewer than `limit` times in the running window. `who` is stored as a keyed hash."""
    digest = hmac.new(settings.SECRET_KEY.encode(), f"{what}:{who}".encode(), hashlib.sha256).hexdigest()
    return count_up(f"{what[:60]}:{digest[:40]}", limit=limit, window=window)
