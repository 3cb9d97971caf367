"""Waiting that the stopping signals can end.

Handlers only take note; the wish to stop is raised where we wait, never in the middle of other work.
"""

import os
import select
import signal
import time
from collections.abc import Callable
from types import FrameType

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopRequested(BaseException):
    """Ctrl-C, SIGTERM or SIGHUP: not a failure, and nothing on the way may swallow it."""


class _Listener:
    """The pipe that a signal writes to, so that a wait ends at once."""

    def __init__(self) -> None:
        self.pipe: int | None = None
        self.requested = False
        self.obeyed = False

    def note(self, _number: int, _frame: FrameType | None) -> None:
        self.requested = True

    def drain(self) -> None:
        if self.pipe is not None:
            try:
                os.read(self.pipe, 1000)
            except BlockingIOError:
                return


_listener = _Listener()


def listen() -> None:
    """From now on the stopping signals raise StopRequested in the next `pause`."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    _listener.pipe = reading
    for number in STOPPING:
        started_by_nohup = number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN
        if not started_by_nohup:
            signal.signal(number, _listener.note)


def obey() -> None:
    """Stopping is under way and short: further signals are noted and change nothing."""
    _listener.obeyed = True


def pause(seconds: float) -> None:
    """Wait a little inside a polling loop."""
    select.select([] if _listener.pipe is None else [_listener.pipe], [], [], seconds)
    _listener.drain()
    if _listener.requested and not _listener.obeyed:
        raise StopRequested


def until(condition: Callable[[], bool], *, seconds: float, every: float = 0.03) -> bool:
    """Ask `condition` until it holds (True) or the time is over (False)."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        pause(every)
    return True
