"""Full and incremental recompute of revenue against DuckDB, Polars and two ORM loops, on the same facts in the same run."""

import os
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from random import Random

from bench import check
from bench.cluster import ROOT, Cluster, environment
from bench.data import files, generate, load
from bench.machine import BackendMemory
from bench.report import Row, judge, row
from bench.suites.slicing import bounds
from bench.workers import Answer, Worker

TABLES = (
    "metrics_linesegment", "metrics_movement", "metrics_customerstart", "metrics_bridgechange", "metrics_cohortchange",
    "metrics_companymonth", "metrics_cohortmonth", "metrics_dirtymonth",
)  # fmt: skip
AS_OF = generate.AS_OF.isoformat()
FIRST, LAST = generate.FIRST.year * 12, generate.AS_OF.year * 12 + 11
SLICES_PER_WORKER = 4
SLICE = (2_000, 5_000)  # at least and at most so many customers
STALE = (10, 100, 1_000)
ORM_SAMPLE, PREFETCH_SAMPLE = 10, 200
FULL_LIMIT, TWO_LIMIT, ORM_LIMIT, PREFETCH_LIMIT = 5.0, 3.5, 1_000, 30
STALE_LIMITS = {0.001: 1.5, 0.01: 6.0, 0.1: 45.0}  # share of the customers: % of a full run
TARGET_SCALES = ("100k", "1m")  # smaller runs are mostly fixed costs
GATE_S = 15.0  # full run of 100k customers on a quiet machine of 2 cores
SUITE = "bench.suites.product"


@dataclass(slots=True)
class Times:
    """What all rounds gave, by name."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    cpu: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    memory: dict[str, float] = field(default_factory=dict)

    def add(self, name: str, *answers: Answer, wall: float | None = None) -> None:
        self.seconds[name].append(sum(answer.seconds for answer in answers) if wall is None else wall)
        self.cpu[name].append(sum(answer.cpu for answer in answers))
        peak = max(answer.peak_rss_mb for answer in answers)
        self.memory[name] = max(self.memory.get(name, 0), peak)


def run(cluster: Cluster, scale: str, rounds: Callable[[], Iterator[int]]) -> list[Row]:
    """All rows of one scale. Raises check.DifferError before any time is printed when two engines disagree."""
    customers = generate.SCALES[scale]
    database = load.copy_for_work(cluster, scale)
    with _processes(cluster, database, files.folder(scale)) as (one, two, engines):
        _same(cluster, database, one, engines, customers)
        times = Times()
        for number in rounds():
            _round(cluster, database, times, (one, two), engines, customers)
            _loops(times, one, customers, number)
        if not times.seconds:
            return []
        _stale(cluster, database, times, one, customers)
        return _rows(times, scale, customers)


@contextmanager
def _processes(
    cluster: Cluster, database: str, folder: Path
) -> Iterator[tuple[Worker, Worker, dict[str, Worker]]]:
    with ExitStack() as stack:
        env = environment(cluster.url(database))
        pair = []
        for _ in range(2):
            pair.append(Worker(env))
            stack.callback(pair[-1].close)
        engines = {}
        plain = {k: v for k, v in os.environ.items() if k != "DATABASE_URL"} | {
            "PYTHONPATH": str(ROOT),
            "POLARS_MAX_THREADS": "1",
        }
        for name, package in (("duckdb_dense", "duckdb"), ("polars_ledger", "polars")):
            if find_spec(package):
                engines[name] = Worker(plain)
                stack.callback(engines[name].close)
                engines[name].call(f"bench.references.{name}:prepare", folder=str(folder))
        yield pair[0], pair[1], engines


def _empty(cluster: Cluster, database: str) -> None:
    cluster.run(f"TRUNCATE {', '.join(TABLES)}", database=database)
    cluster.run("CHECKPOINT", database=database)


def _slices(customers: int, workers: int) -> list[tuple[int, int]]:
    least, most = SLICE
    size = max(least, min(most, customers // (workers * SLICES_PER_WORKER)))
    return bounds(customers, size)


def _full(cluster: Cluster, database: str, one: Worker, customers: int) -> list[Answer]:
    _empty(cluster, database)
    return [
        one.call(f"{SUITE}:factors", as_of=AS_OF),
        one.call(f"{SUITE}:slices", bounds=_slices(customers, 1), as_of=AS_OF),
        one.call(f"{SUITE}:finish", as_of=AS_OF),
    ]


def _full_by_two(
    cluster: Cluster, database: str, workers: tuple[Worker, Worker], customers: int
) -> tuple[list[Answer], float]:
    """The answers, and the wall-clock seconds: the slower worker between the first and the last step."""
    _empty(cluster, database)
    first = workers[0].call(f"{SUITE}:factors", as_of=AS_OF)
    slices = _slices(customers, 2)
    for number, worker in enumerate(workers):
        worker.begin(f"{SUITE}:slices", bounds=slices[number::2], as_of=AS_OF)
    both = [worker.end() for worker in workers]
    last = workers[0].call(f"{SUITE}:finish", as_of=AS_OF)
    return [first, *both, last], first.seconds + max(answer.seconds for answer in both) + last.seconds


def _same(cluster: Cluster, database: str, one: Worker, engines: dict[str, Worker], customers: int) -> None:
    """Every engine gives the product's numbers, digit for digit."""
    _full(cluster, database, one, customers)
    subject = one.call(f"{SUITE}:numbers").value
    for name, engine in engines.items():
        found = engine.call(f"bench.references.{name}:run", as_of=AS_OF, first=FIRST, last=LAST).value
        for part in ("months", "cohorts"):
            have = {key: subject[part][key] for key in subject[part]}
            check.same(have, found[part], name=f"{name} {part}")
    one.call("bench.references.loops:prepare")
    ids = _sample(customers, PREFETCH_SAMPLE, 0)
    one.call("bench.references.loops:prefetch_loop", ids=ids)
    loop = one.call("bench.references.loops:closings").value
    ours = one.call("bench.references.loops:closings_of", ids=ids).value
    have = {month: {"closing": ours.get(month, "0")} for month in loop}
    check.same(have, {month: {"closing": total} for month, total in loop.items()}, name="prefetch_loop")


def _round(
    cluster: Cluster, database: str, times: Times, workers: tuple[Worker, Worker], engines: dict[str, Worker], customers: int
) -> None:  # fmt: skip
    with BackendMemory(cluster) as memory:
        times.add("full", *_full(cluster, database, workers[0], customers))
    times.memory["backend"] = max(times.memory.get("backend", 0), memory.peak_mb or 0)
    for name, engine in engines.items():
        times.add(name, engine.call(f"bench.references.{name}:run", as_of=AS_OF, first=FIRST, last=LAST))
    answers, wall = _full_by_two(cluster, database, workers, customers)
    times.add("two", *answers, wall=wall)


def _loops(times: Times, one: Worker, customers: int, number: int) -> None:
    for name, sample in (("orm_loop", ORM_SAMPLE), ("prefetch_loop", PREFETCH_SAMPLE)):
        one.call("bench.references.loops:prepare")
        ids = _sample(customers, sample, number + 1)
        answer = one.call(f"bench.references.loops:{name}", ids=ids)
        times.seconds[name].append(answer.seconds * customers / sample)
        times.cpu[name].append(answer.cpu * customers / sample)


def _stale(cluster: Cluster, database: str, times: Times, one: Worker, customers: int) -> None:
    """Change some customers, rebuild just them; at the end the rows equal those of a full run."""
    many = len(times.seconds["full"])
    for count in dict.fromkeys([*(n for n in STALE if n <= customers // 10), customers // 10]):
        for number in range(many):
            ids = _sample(customers, count, number + count)
            one.call(f"{SUITE}:change", ids=ids, seed=number)
            times.add(f"stale {count}", one.call(f"{SUITE}:refresh", ids=ids, as_of=AS_OF))
    refreshed = one.call(f"{SUITE}:check_sum").value
    _full(cluster, database, one, customers)
    if one.call(f"{SUITE}:check_sum").value != refreshed:
        message = "the rows after refreshes differ from those of a full run"
        raise check.DifferError(message)


def _sample(customers: int, count: int, seed: int) -> list[int]:
    return sorted(Random(seed).sample(range(1, customers + 1), count))


def _rows(times: Times, scale: str, customers: int) -> list[Row]:
    def made(key: str, name: str, subject: str, reference: str = "") -> Row:
        return row(
            key, scale, subject, times.seconds[name], reference=reference,
            cpu=statistics.median(times.cpu[name]), peak_rss_mb=times.memory.get(name),
        )  # fmt: skip

    def over(name: str, other: str, of: dict[str, list[float]]) -> float | None:
        if not of.get(other) or not of.get(name):
            return None
        return statistics.median(of[name]) / statistics.median(of[other])

    def judged(found: Row, name: str, other: str, limit: float, *, at_least: bool = False) -> Row:
        found.cpu_ratio = over(name, other, times.cpu)
        found.ratio = over(name, other, times.seconds)
        if scale not in TARGET_SCALES:
            return found
        return judge(found, ratio=found.ratio, limit=limit, at_least=at_least)

    full = judged(
        made("PT-A1", "full", "full recompute, 1 worker", "duckdb_dense"), "full", "duckdb_dense", FULL_LIMIT
    )
    full.peak_rss_mb = times.memory.get("backend") or full.peak_rss_mb
    two = judged(
        made("PT-A1", "two", "full recompute, 2 workers", "duckdb_dense"), "two", "duckdb_dense", TWO_LIMIT
    )
    rows = [full, two]
    for name, words in (
        ("duckdb_dense", "DuckDB dense, memory, 1 thread"),
        ("polars_ledger", "Polars ledger, 1 thread"),
    ):
        if name in times.seconds:
            rows.append(made("ref", name, words))
        else:
            rows.append(Row("ref", scale, words, note="not installed: see .ci/requirements-bench.txt"))
    for name, words, limit in (
        ("orm_loop", f"ORM loop, from {ORM_SAMPLE} customers", ORM_LIMIT),
        ("prefetch_loop", f"prefetch and loop, from {PREFETCH_SAMPLE}", PREFETCH_LIMIT),
    ):
        rows.append(judged(made("PT-A2", name, words, "full"), name, "full", limit, at_least=True))
    for name in [name for name in times.seconds if name.startswith("stale ")]:
        count = int(name.split()[1])
        found = made("PT-A4", name, f"{count:,} changed customers and the fill", "full")
        share = statistics.median(times.seconds[name]) / statistics.median(times.seconds["full"]) * 100
        found.cpu_ratio = statistics.median(times.cpu[name]) / statistics.median(times.cpu["full"])
        found.note = f"{share:.1f} % of full"
        limit = STALE_LIMITS.get(count / customers) if scale in TARGET_SCALES else None
        rows.append(judge(found, ratio=share, limit=limit, what="%") if limit else found)
    return rows


def slopes(rows: list[Row]) -> list[Row]:
    """PT-A3: what ten times the customers cost, between neighbouring scales of this run."""
    limits = {("10k", "100k"): 11.0, ("100k", "1m"): 12.0}
    full = {found.scale: found for found in rows if found.subject == "full recompute, 1 worker"}
    made = []
    for (small, large), limit in limits.items():
        if small in full and large in full:
            growth = Row("PT-A3", f"→{large}", f"cost of {large} over {small}", unit="x")
            growth.cpu_ratio = (full[large].cpu or 0) / (full[small].cpu or 1)
            made.append(
                judge(growth, ratio=(full[large].median or 0) / (full[small].median or 1), limit=limit)
            )
    return made


def broken_guards(rows: list[Row]) -> list[str]:
    """Guard rails of --gate."""
    return [
        f"full recompute of 100k customers took {found.median:.1f} s, the guard rail is {GATE_S:g} s"
        for found in rows
        if found.scale == "100k"
        and found.subject == "full recompute, 1 worker"
        and (found.median or 0) > GATE_S
    ]
