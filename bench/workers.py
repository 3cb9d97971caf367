"""Processes that do the work measured: one JSON line asks, one JSON line answers. So memory and time belong to one thing.

python3 -m bench.workers        (started by the bench, with DATABASE_URL naming its own cluster)
"""

import importlib
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.cluster import ROOT


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call returned, its wall-clock and processor seconds (its backend's included), and its peak memory."""

    value: Any
    seconds: float
    cpu: float
    peak_rss_mb: float


class CallError(Exception):
    """A call ended with an exception; the text is its last line."""


class Worker:
    """One such process; ended with its own pid."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bench.workers"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            cwd=ROOT, env=dict(env),
        )  # fmt: skip

    def begin(self, call: str, **arguments: Any) -> None:
        """Ask for `module:function` without waiting."""
        self.process.stdin.write(json.dumps({"call": call, "arguments": arguments}) + "\n")
        self.process.stdin.flush()

    def end(self) -> Answer:
        """Wait for what was asked."""
        line = self.process.stdout.readline()
        found = json.loads(line) if line else {"error": "the process ended"}
        if "error" in found:
            raise CallError(found["error"])
        return Answer(**found)

    def call(self, call: str, **arguments: Any) -> Answer:
        self.begin(call, **arguments)
        return self.end()

    def close(self) -> None:
        with suppress(OSError):
            self.process.stdin.close()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def main() -> int:
    """Serve until the pipe closes. Only answers go to standard output."""
    answers, sys.stdout = sys.stdout, sys.stderr
    if "DATABASE_URL" in os.environ:
        import django  # noqa: PLC0415 - before-bootstrap

        django.setup()
    for line in sys.stdin:
        answers.write(json.dumps(_answer(json.loads(line)), default=str) + "\n")
        answers.flush()
    return 0


def _answer(asked: dict[str, Any]) -> dict[str, Any]:
    try:
        module, name = asked["call"].split(":")
        function = getattr(importlib.import_module(module), name)
        started, spent = time.perf_counter(), _cpu()
        value = function(**asked["arguments"])
        seconds, cpu = time.perf_counter() - started, _cpu() - spent
    except Exception as error:  # noqa: BLE001 - the asking process reports it
        return {"error": f"{type(error).__name__}: {error}"}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    with suppress(OSError), Path("/proc/self/status").open() as status:
        peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024
    return {"value": value, "seconds": seconds, "cpu": cpu, "peak_rss_mb": round(peak, 1)}


def _cpu() -> float:
    """Processor seconds of this process and of its database backend, where the system tells."""
    spent = time.process_time()
    if "DATABASE_URL" in os.environ:
        from django.db import connection  # noqa: PLC0415 - before-bootstrap

        connection.ensure_connection()
        with (
            suppress(OSError, ValueError),
            Path(f"/proc/{connection.connection.info.backend_pid}/schedstat").open() as file,
        ):
            spent += int(file.read().split()[0]) / 1e9
    return spent


if __name__ == "__main__":
    sys.exit(main())
