"""Mails per second: the product's sender beside a bare smtplib loop, Django's own way and the limit of a socket."""

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
OVER_SOCKET = (
    "bare_loop",
    "pipelined",
    "django_mail",
    "hand_over",
    "send",
)  # calls that talk to the sink, in turn
LEAST = 0.03  # of a bare loop: four statements and three commits a mail against none
LEAST_OF_BARE_PATH = 0.20  # with the ledger, of the same path without
LEAST_OF_SOCKET = 0.35  # without the ledger, of the pipelined socket
LEAST_OF_DJANGO = 10.0  # without the ledger, of a connection per mail
GATE_PER_S = 10.0


def run(cluster: Cluster, scale: str, rounds: Callable[[], Iterator[int]]) -> list[Row]:
    """Every way takes every recipient exactly once, or there is no time."""
    database = load.copy_for_work(cluster, scale)
    worker = Worker(environment(cluster.url(database)))
    times: dict[str, list[Answer]] = defaultdict(list)
    try:
        with Sink() as sink:
            for _ in rounds():
                worker.call(f"{SUITE}:invite", mails=MAILS)
                times["render"].append(_all(worker.call(f"{SUITE}:render")))
                for name in OVER_SOCKET:
                    times[name].append(_all(worker.call(f"{SUITE}:{name}", port=sink.port), sink))
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

    bare = made("ref", "bare_loop", "the same bytes, bare smtplib loop")
    socket = made("ref", "pipelined", "the same bytes, pipelined socket")
    django = made("ref", "django_mail", "rendered and sent by Django, a connection per mail")
    rendered = made("BS-2", "render", "filled and checked, not sent")
    handed = made("PT-D2", "hand_over", "survey mails without their ledger")
    sent = made("PT-D2", "send", "survey mails with their ledger")
    of_django = made("PT-D2", "hand_over", "survey mails without their ledger")
    of_bare = made("bare", "send", "survey mails with their ledger")
    compared = [
        (handed, "socket", socket, LEAST_OF_SOCKET),
        (of_django, "django", django, LEAST_OF_DJANGO),
        (sent, "without ledger", handed, LEAST_OF_BARE_PATH),
        (of_bare, "bare", bare, LEAST),
    ]
    for subject, reference, other, limit in compared:
        subject.reference = reference
        judge(subject, ratio=(subject.median or 0) / (other.median or 1), limit=limit, at_least=True)
        subject.cpu_ratio = (subject.cpu or 0) / (other.cpu or 1)
    return [sent, of_bare, handed, of_django, rendered, bare, socket, django]


def slopes(_rows: list[Row]) -> list[Row]:
    """A mail costs the same among few and many customers; the rows of the scales say so."""
    return []


def broken_guards(rows: list[Row]) -> list[str]:
    """Guard rails of --gate."""
    return [
        f"{found.subject} at {found.scale}: {found.median:.0f} a second, the guard rail is {GATE_PER_S:g}"
        for found in rows
        if found.id == "bare" and (found.median or 0) < GATE_PER_S
    ]
