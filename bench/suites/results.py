"""Pages of results with their answers grown: every page against the bare count over the same rows, in process."""

import statistics
from collections import defaultdict
from collections.abc import Callable, Iterator

from bench import check
from bench.check import DifferError
from bench.cluster import Cluster, environment
from bench.data import generate, load
from bench.report import Row, judge, row
from bench.workers import Answer, Worker

SUITE = "bench.suites.answered"
PAGES = ("scores", "results", "comparison", "funnel_panel", "topic_effects", "silence", "responses")
LOOKS = 3  # per round
MOST_COUNTS = 30  # processor time of a page, in bare counts, where there are many answers
MANY = "100k"
GATE_S = 0.9  # three times the 300 ms of a page of results


def run(cluster: Cluster, scale: str, rounds: Callable[[], Iterator[int]]) -> list[Row]:
    """The figures of the pages must be those of plain SQL, or there is no time."""
    cluster.copy(cluster.migrated(), load.WORK)
    worker = Worker(environment(cluster.url(load.WORK)))
    times: dict[str, list[Answer]] = defaultdict(list)
    try:
        made = worker.call(f"{SUITE}:fill", answers=generate.SCALES[scale]).value
        if made != generate.SCALES[scale]:
            raise DifferError(f"results: {made} answers were made")
        found = worker.call(f"{SUITE}:figures").value
        check.same({"all": found["plain"]}, {"all": found["page"]}, name="results")
        for page in PAGES:
            worker.call(f"{SUITE}:look", page=page, times=1)  # templates compiled, rows in memory
        for _ in rounds():
            times["count"].append(worker.call(f"{SUITE}:count", times=LOOKS))
            for page in PAGES:
                seen = worker.call(f"{SUITE}:look", page=page, times=LOOKS)
                if seen.value != LOOKS:
                    raise DifferError(f"results: {page} worked {seen.value} of {LOOKS} times")
                times[page].append(seen)
    finally:
        worker.close()
    return _rows(times, scale) if times else []


def _rows(times: dict[str, list[Answer]], scale: str) -> list[Row]:
    def made(key: str, step: str, subject: str) -> Row:
        return row(
            key, scale, subject, [one.seconds / LOOKS for one in times[step]], reference="bare count",
            cpu=statistics.median(one.cpu for one in times[step]) / LOOKS,
            peak_rss_mb=max(one.peak_rss_mb for one in times[step]),
        )  # fmt: skip

    bare = made("ref", "count", "bare count over the answers")
    rows = [made("S-146", page, f"page {page.replace('_', ' ')}") for page in PAGES]
    if scale == MANY:
        for one in rows:
            judge(one, ratio=(one.cpu or 0) / (bare.cpu or 1), limit=MOST_COUNTS, what="x cpu")
    return [*rows, bare]


def slopes(rows: list[Row]) -> list[Row]:
    """What ten times the answers cost a page: less than ten times, because a part of it does not grow."""
    medians = {(one.subject, one.scale): one.cpu for one in rows if one.id == "S-146"}
    found = []
    for (subject, scale), cpu in medians.items():
        before = medians.get((subject, "10k"))
        if scale == MANY and before and cpu:
            found.append(
                judge(Row("S-146", "slope", f"{subject}, 10k to 100k"), ratio=cpu / before, limit=10)
            )
    return found


def broken_guards(rows: list[Row]) -> list[str]:
    """Guard rails of --gate."""
    return [
        f"{one.subject} at {one.scale}: {one.median:.2f} s, the guard rail is {GATE_S:g} s"
        for one in rows
        if one.id == "S-146" and one.median is not None and one.median > GATE_S
    ]
