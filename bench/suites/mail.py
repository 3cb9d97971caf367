"""Mails per second: the product's sender with its ledger against a bare smtplib loop with the same bytes."""

import statistics
from collections import defaultdict
from collections.abc import Callable, Iterator

from bench.check import DifferError
from bench.cluster import Cluster, environment
from bench.data import load
from bench.report import Row, judge, row
from bench.sink import Sink
from bench.workers import Answer, Worker

SUITE = "bench.suites.asking"
MAILS = 300  # per round
LEAST = 0.03  # of a bare loop: seven statements and two flushes a mail against none
GATE_PER_S = 10.0


def run(cluster: Cluster, scale: str, rounds: Callable[[], Iterator[int]]) -> list[Row]:
    """Both take every recipient exactly once, or there is no time."""
    database = load.copy_for_work(cluster, scale)
    worker = Worker(environment(cluster.url(database)))
    times: dict[str, list[Answer]] = defaultdict(list)
    try:
        with Sink() as sink:
            for _ in rounds():
                worker.call(f"{SUITE}:invite", mails=MAILS)
                times["render"].append(_all(worker.call(f"{SUITE}:render", mails=MAILS)))
                times["bare"].append(_all(worker.call(f"{SUITE}:bare_loop", port=sink.port), sink))
                times["send"].append(_all(worker.call(f"{SUITE}:send", port=sink.port), sink))
    finally:
        worker.close()
    return _rows(times, scale) if times else []


def _all(found: Answer, sink: Sink | None = None) -> Answer:
    taken = [str(number) for number in range(MAILS)] if sink is None else sink.emptied()
    if found.value != MAILS or len(set(taken)) != len(taken) or len(taken) != MAILS:
        raise DifferError(
            f"mail: {MAILS} due, {found.value} sent, {len(taken)} taken, {len(set(taken))} people"
        )
    return found


def _rows(times: dict[str, list[Answer]], scale: str) -> list[Row]:
    def made(key: str, name: str, subject: str) -> Row:
        return row(
            key, scale, subject, [MAILS / one.seconds for one in times[name]], unit="/s",
            cpu=MAILS / statistics.median(one.cpu for one in times[name]),
            peak_rss_mb=max(one.peak_rss_mb for one in times[name]),
        )  # fmt: skip

    bare = made("ref", "bare", "the same bytes, bare smtplib loop")
    sent = made("PT-D2", "send", "survey mails with their ledger")
    sent.reference = "bare"
    judge(sent, ratio=(sent.median or 0) / (bare.median or 1), limit=LEAST, at_least=True)
    rendered = made("BS-2", "render", "rendered and checked, not sent")
    return [sent, rendered, bare]


def slopes(_rows: list[Row]) -> list[Row]:
    """A mail costs the same among few and many customers; the rows of the scales say so."""
    return []


def broken_guards(rows: list[Row]) -> list[str]:
    """Guard rails of --gate."""
    return [
        f"{found.subject} at {found.scale}: {found.median:.0f} a second, the guard rail is {GATE_PER_S:g}"
        for found in rows
        if found.id == "PT-D2" and (found.median or 0) < GATE_PER_S
    ]
