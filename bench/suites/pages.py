"""The portfolio page in process: time and statements per request (bench.portfolio)."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator

from bench.cluster import ROOT, Cluster, environment
from bench.data import generate
from bench.report import Row, judge
from bench.workers import CallError

BOOK = 300
MOST_CUSTOMERS = 100_000
REQUESTS = 40
STATEMENTS = 4  # PT-C1: two of data, two for the signed-in user
GATE_MS = 15.0


def run(cluster: Cluster, scale: str, rounds: Callable[[], Iterator[int]]) -> list[Row]:
    """One row per variant, from the last quiet round; a page that failed its own check counts as a difference."""
    customers = min(generate.SCALES[scale], MOST_CUSTOMERS)
    rows: list[Row] = []
    for _ in rounds():
        done = subprocess.run(
            [sys.executable, "-m", "bench.portfolio", "--customers", str(customers), "--book", str(min(BOOK, customers // 2)),
             "--rounds", str(REQUESTS), "--json"],
            cwd=ROOT, env=environment(cluster.url("postgres")), capture_output=True, text=True, check=False,
        )  # fmt: skip
        if not done.stdout.startswith("{"):
            raise CallError(
                done.stderr.strip().splitlines()[-1] if done.stderr else "bench.portfolio gave nothing"
            )
        rows = [_row(scale, found) for found in json.loads(done.stdout)["rows"]]
    return rows


def _row(scale: str, found: dict[str, object]) -> Row:
    made = Row(
        "PT-C1", scale, f"portfolio, {found['variant']}", median=float(found["p50_ms"]), max=float(found["p95_ms"]),
        min=None, unit="ms", cpu=float(found["cpu_ms"]), note=f"ms; max is p95; {found['queries']} statements",
    )  # fmt: skip
    return judge(made, ratio=float(found["queries"]), limit=STATEMENTS, what="stmts")


def slopes(_rows: list[Row]) -> list[Row]:
    """Nothing grows by scale here but what the rows already say."""
    return []


def broken_guards(rows: list[Row]) -> list[str]:
    """Guard rails of --gate."""
    return [
        f"{found.subject} at {found.scale}: p95 {found.max:.1f} ms, the guard rail is {GATE_MS:g} ms"
        for found in rows
        if found.subject == "portfolio, my book" and (found.max or 0) > GATE_MS
    ]
