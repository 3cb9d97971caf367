"""What the figures were measured on, how noisy it is just now, and how much memory the database takes."""

import multiprocessing
import os
import platform
import threading
import time
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any, Self

from bench.cluster import Cluster, home
from config.devstack.postgres import servers_on

SPIN_S = 1.0
QUIET = 1.3  # two spinning processes must do so much more than one
ALONE = 0.8  # and one must get so much of a core
PACKAGES = ("django", "psycopg", "duckdb", "polars", "numpy", "scikit-learn")
SETTINGS = (
    "fsync", "synchronous_commit", "full_page_writes", "shared_buffers", "work_mem", "max_wal_size", "jit",
    "autovacuum", "max_parallel_workers_per_gather",
)  # fmt: skip


def described() -> dict[str, Any]:
    """Processor, memory, system, time of a flush, load."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processors": os.cpu_count(),
        "processor": _processor(),
        "memory_gib": round(memory, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "flush_us": round(flush_us(), 1),
        "load": [round(value, 2) for value in os.getloadavg()],
    }


def versions(cluster: Cluster) -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found | {"postgresql": str(cluster.rows("SHOW server_version")[0][0])}


def settings(cluster: Cluster) -> dict[str, str]:
    names = ", ".join(f"'{name}'" for name in SETTINGS)
    found = cluster.rows(f"SELECT name, current_setting(name) FROM pg_settings WHERE name IN ({names})")
    return {str(name): str(value) for name, value in found}


def flush_us(times: int = 200) -> float:
    """Median microseconds of writing one page and flushing it, where the cluster lies."""
    path = home() / "flush"
    took = []
    with path.open("wb") as file:
        for _ in range(times):
            started = time.perf_counter()
            file.write(b"x" * 8192)
            file.flush()
            os.fdatasync(file.fileno())
            took.append(time.perf_counter() - started)
    path.unlink()
    return sorted(took)[times // 2] * 1e6


def two_for_one() -> float:
    """How much more two spinning processes do than one; 2 on two idle cores."""
    context = multiprocessing.get_context("fork")
    with context.Pool(2) as pool:
        pool.map(_spin, [0.05, 0.05])  # both are up
        alone = pool.apply(_spin, [SPIN_S])
        both = pool.map(_spin, [SPIN_S, SPIN_S], chunksize=1)
    return sum(both) / alone


def own_share() -> float:
    """Part of a core that one spinning process gets; others at work show here, while two spin as well as one beside them."""
    started, spent = time.perf_counter(), time.process_time()
    _spin(SPIN_S)
    return (time.process_time() - spent) / (time.perf_counter() - started)


def _spin(seconds: float) -> int:
    until, rounds = time.perf_counter() + seconds, 0
    while time.perf_counter() < until:
        rounds += 1
    return rounds


class BackendMemory:
    """Peak private memory (RssAnon) of the cluster's processes, sampled every 0.1 s inside a `with` block."""

    def __init__(self, cluster: Cluster) -> None:
        self.folder = cluster.postgres.cluster
        self.peak_mb: float | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._over.wait(0.1):
            for pid in servers_on(self.folder):
                with suppress(OSError, StopIteration):
                    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
                    private = (
                        next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1024
                    )
                    self.peak_mb = round(max(self.peak_mb or 0, private), 1)


def _processor() -> str:
    with suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return platform.processor()
