"""Keeps a job's lease and its progress alive while the work itself sits in one long transaction."""

import threading
from types import TracebackType
from typing import Self

from django.conf import settings
from django.db import connection

from config.work import jobs
from config.work.models import Job

BEAT_S = 2  # how often people see the count move


class Heartbeat:
    """Tells the job's row, from a thread with a connection of its own, that the work is alive and how far it is.

    When somebody else has taken the job over, the next `report` raises JobLostError, and the transaction is undone.
    """

    def __init__(self, job: Job) -> None:
        self.job, self.done, self.was_seen, self.is_lost = job, 0, False, False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, name=f"job {job.pk}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()

    def report(self, done: int) -> None:
        """Say how far the work is; called often, costs nothing."""
        self.done = done
        if self.is_lost:
            raise jobs.JobLostError(self.job.pk)

    def _beat(self) -> None:
        try:
            while not self._stop.wait(min(BEAT_S, settings.JOB_LEASE_S / 4)):
                try:
                    jobs.advance(self.job, done=self.done)
                except jobs.JobLostError:
                    # a job that this connection has never seen is not committed yet, so nobody can have taken it
                    self.is_lost = self.was_seen
                else:
                    self.was_seen = True
        finally:
            connection.close()
