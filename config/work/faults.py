"""Test failpoints. `fault("mail.before_dot")` does nothing unless CHAOS=1 and FAULTS names the point.

FAULTS holds `name=action` pairs separated by commas; actions are `kill`, `exit`, `raise`, `sleep:SECONDS`, and
`action@N` acts on the N-th passage only.
"""

import os
import signal
import time
from collections import Counter

_passed: Counter[str] = Counter()


class InjectedFaultError(Exception):
    """Raised by a failpoint on order."""


def fault(name: str) -> None:
    """Act at the failpoint `name` when the chaos profile asks for it."""
    if os.environ.get("CHAOS") != "1":
        return
    orders = dict(item.split("=", 1) for item in os.environ.get("FAULTS", "").split(",") if "=" in item)
    order = orders.get(name)
    if order is None:
        return
    _passed[name] += 1
    action, _, nth = order.partition("@")
    if not nth or _passed[name] == int(nth):
        _act(name, action)


def _act(name: str, action: str) -> None:
    if action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif action == "exit":
        os._exit(70)
    elif action == "raise":
        raise InjectedFaultError(name)
    elif action.startswith("sleep:"):
        time.sleep(float(action.partition(":")[2]))
