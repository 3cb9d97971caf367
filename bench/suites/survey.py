"""Answers per second: GET and POST of the answer page, and refused guesses (F45), against a bare view, in process."""

import statistics
from collections import defaultdict
from collections.abc import Callable, Iterator

from bench.check import DifferError
from bench.cluster import Cluster, environment
from bench.data import load
from bench.report import Row, judge, row
from bench.workers import Answer, Worker

SUITE = "bench.suites.asking"
ANSWERS = 200  # per round
GET_LEAST, POST_LEAST = 0.1, 0.05  # of the bare view
GATE_PER_S = 10.0  # answers
STEPS = ("bare_look", "look", "bare_press", "press", "refuse")


def run(cluster: Cluster, scale: str, rounds: Callable[[], Iterator[int]]) -> list[Row]:
    """Every page must show and every answer must be taken, or there is no time."""
    database = load.copy_for_work(cluster, scale)
    worker = Worker(environment(cluster.url(database)))
    times: dict[str, list[Answer]] = defaultdict(list)
    try:
        for _ in rounds():
            if worker.call(f"{SUITE}:asked", mails=ANSWERS).value != ANSWERS:
                raise DifferError("survey: not every mail was taken")
            for step in STEPS:
                found = worker.call(f"{SUITE}:{step}")
                if found.value != ANSWERS:
                    raise DifferError(f"survey: {step} worked {found.value} of {ANSWERS} times")
                times[step].append(found)
    finally:
        worker.close()
    return _rows(times, scale) if times else []


def _rows(times: dict[str, list[Answer]], scale: str) -> list[Row]:
    def made(key: str, step: str, subject: str) -> Row:
        return row(
            key, scale, subject, [ANSWERS / one.seconds for one in times[step]], unit="/s",
            cpu=ANSWERS / statistics.median(one.cpu for one in times[step]),
            peak_rss_mb=max(one.peak_rss_mb for one in times[step]),
        )  # fmt: skip

    bare_get = made("ref", "bare_look", "GET of a bare view")
    bare_post = made("ref", "bare_press", "POST to a bare view")
    get, post = made("PT-D1", "look", "GET of the answer page"), made("PT-D1", "press", "POST of an answer")
    refused = made("F45", "refuse", "GET of an unknown link, refused")
    judge(refused, ratio=(refused.median or 0) / (bare_get.median or 1), limit=GET_LEAST, at_least=True)
    judge(get, ratio=(get.median or 0) / (bare_get.median or 1), limit=GET_LEAST, at_least=True)
    judge(post, ratio=(post.median or 0) / (bare_post.median or 1), limit=POST_LEAST, at_least=True)
    return [get, bare_get, post, bare_post, refused]


def slopes(_rows: list[Row]) -> list[Row]:
    """A page costs the same among few and many customers; the rows of the scales say so."""
    return []


def broken_guards(rows: list[Row]) -> list[str]:
    """Guard rails of --gate."""
    return [
        f"{found.subject} at {found.scale}: {found.median:.0f} a second, the guard rail is {GATE_PER_S:g}"
        for found in rows
        if found.subject == "POST of an answer" and (found.median or 0) < GATE_PER_S
    ]
