"""Best-effort doorbell: after the commit, ask a worker to look at the rows. Tickers are the guarantee."""

import logging
import time
from functools import cache
from typing import Any

from celery import current_app
from django.conf import settings
from django.db import transaction
from kombu import Connection
from kombu.exceptions import KombuError

log = logging.getLogger(__name__)

QUIET_AFTER_FAILURE_S = 10  # seconds without nudges after the broker failed once
_TRANSPORT = {
    "socket_timeout": 0.5,
    "socket_connect_timeout": 0.5,
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0,
    "interval_max": 0,
}
_state = {"quiet_until": 0.0, "failures": 0}


@cache
def _broker() -> Connection:
    return Connection(current_app.conf.broker_url, transport_options=_TRANSPORT, connect_timeout=0.5)


def nudge(task_name: str, **kwargs: Any) -> None:
    """Ring for `task_name` once the surrounding transaction has committed; never raises, never waits over 0.5 s."""
    if not getattr(settings, "NUDGES", True):
        return
    transaction.on_commit(lambda: ring(task_name, **kwargs), robust=True)


def ring(task_name: str, **kwargs: Any) -> bool:
    """Send now; False when the broker is away or was away a moment ago."""
    if time.monotonic() < _state["quiet_until"]:
        return False
    try:
        with _broker().clone() as connection, current_app.amqp.Producer(connection) as producer:
            current_app.send_task(
                task_name, kwargs=kwargs, producer=producer, retry=False, ignore_result=True
            )
    except (OSError, *connection_errors()) as error:
        _state["quiet_until"] = time.monotonic() + QUIET_AFTER_FAILURE_S
        _state["failures"] += 1
        level = logging.WARNING if _state["failures"] == 1 else logging.DEBUG  # said once, not at every ring
        log.log(level, "broker away, tickers will do the work: %s", type(error).__name__)
        return False
    _state["failures"] = 0
    return True


@cache
def connection_errors() -> tuple[type[BaseException], ...]:
    """What the broker's client may raise when it is away."""
    broker = _broker()
    return (KombuError, *broker.connection_errors, *broker.channel_errors)
