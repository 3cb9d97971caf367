"""Health: whole columns against the reference, a preview through the product's query, and a full run after publishing."""

import statistics
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

from bench.cluster import Cluster, environment
from bench.data import generate, load
from bench.report import Row, judge, row
from bench.workers import Answer, Worker

AS_OF = generate.AS_OF.isoformat()
SUITE = "bench.suites.scoring"
MEASURES = (20, 30)
PAGE_MEASURES = 20  # of the preview and of the published card
SAMPLE = 1_000  # customers compared, and scored by the reference
FASTER = 14  # times the reference, with lines
LIMITS_AT = "100k"  # the scale that limits in seconds speak of
LOAD_S, LINES_S, BANDS_S, PREVIEW_S, PUBLISH_S = 0.5, 0.45, 0.15, 2.0, 60.0
GATE_S = 0.3  # bands alone, of 100k customers


class Times:
    """What all rounds gave, by name."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = defaultdict(list)
        self.cpu: dict[str, list[float]] = defaultdict(list)
        self.memory: dict[str, float] = {}

    def add(self, name: str, answer: Answer, *, times: float = 1.0) -> None:
        self.seconds[name].append(answer.seconds * times)
        self.cpu[name].append(answer.cpu * times)
        self.memory[name] = max(self.memory.get(name, 0), answer.peak_rss_mb)

    def add_together(self, name: str, answers: Sequence[Answer]) -> None:
        """What workers did side by side: the clock of the slowest, the processor time of all."""
        self.seconds[name].append(max(answer.seconds for answer in answers))
        self.cpu[name].append(sum(answer.cpu for answer in answers))
        self.memory[name] = max(self.memory.get(name, 0), *(answer.peak_rss_mb for answer in answers))


def run(cluster: Cluster, scale: str, rounds: Callable[[], Iterator[int]]) -> list[Row]:
    """All rows of one scale. A result that differs from the reference ends the run before any time."""
    customers = generate.SCALES[scale]
    database = load.copy_for_work(cluster, scale)
    worker, other = (Worker(environment(cluster.url(database))) for _ in range(2))
    try:
        worker.call(f"{SUITE}:prepare", as_of=AS_OF)
        for measures in MEASURES:
            worker.call(f"{SUITE}:load", measures=measures)
            worker.call(f"{SUITE}:same", as_of=AS_OF, sample=SAMPLE)
        draft = worker.call(f"{SUITE}:draft", measures=PAGE_MEASURES, as_of=AS_OF).value
        times = Times()
        for number in rounds():
            for measures in MEASURES:
                _arithmetic(worker, times, measures, customers)
            times.add("preview", worker.call(f"{SUITE}:preview", draft_id=draft, as_of=AS_OF))
            _publish(times, (worker, other), number)
    finally:
        worker.close()
        other.close()
    return _rows(times, scale) if times.seconds else []


def _publish(times: Times, workers: tuple[Worker, Worker], number: int) -> None:
    """A version that moves everybody, scored by one worker; and the next one, scored by two that share its run."""
    one, other = workers
    for turn, name in enumerate(("publish", "two")):
        one.call(f"{SUITE}:publish", measures=PAGE_MEASURES, weight=5 + 2 * number + turn, as_of=AS_OF)
        other.call(f"{SUITE}:pass_minute")
        if name == "publish":
            times.add(name, one.call(f"{SUITE}:recompute", as_of=AS_OF))
            continue
        run = one.call(f"{SUITE}:start_run").value
        for call, worker in (("lead", one), ("follow", other)):
            worker.begin(f"{SUITE}:{call}", job_id=run, as_of=AS_OF)
        answers = [worker.end() for worker in workers]
        times.add_together(name, answers)


def _arithmetic(worker: Worker, times: Times, measures: int, customers: int) -> None:
    times.add(f"load {measures}", worker.call(f"{SUITE}:load", measures=measures))
    times.add(f"load rows {measures}", worker.call(f"{SUITE}:load_rows"))
    times.add(f"lines {measures}", worker.call(f"{SUITE}:score", as_of=AS_OF, lines=True))
    sample = worker.call(f"{SUITE}:reference_rows", as_of=AS_OF, sample=SAMPLE).value
    times.add(f"reference {measures}", worker.call(f"{SUITE}:reference"), times=customers / sample)
    times.add(f"bands {measures}", worker.call(f"{SUITE}:score", as_of=AS_OF, lines=False))


def _rows(times: Times, scale: str) -> list[Row]:
    def made(key: str, name: str, subject: str, reference: str = "") -> Row:
        found = row(
            key, scale, subject, times.seconds[name], reference=reference,
            cpu=statistics.median(times.cpu[name]), peak_rss_mb=times.memory[name],
        )  # fmt: skip
        if reference:
            found.ratio = statistics.median(times.seconds[reference]) / (found.median or 1)
            found.cpu_ratio = statistics.median(times.cpu[reference]) / (found.cpu or 1)
        return found

    def within(found: Row, limit: float) -> Row:
        if scale == LIMITS_AT:
            judge(found, ratio=found.median, limit=limit, what="s")
        return found

    rows = []
    for n in MEASURES:
        faster = made("HN-6", f"lines {n}", f"scores with lines, {n} measures", f"reference {n}")
        if scale == LIMITS_AT:
            judge(faster, ratio=faster.ratio, limit=FASTER, at_least=True)
        rows += [
            within(made("HR-6", f"load {n}", f"readings as columns, {n} measures", f"load rows {n}"), LOAD_S),
            made("ref", f"load rows {n}", "readings as rows, all slots"),
            faster,
            made("ref", f"reference {n}", f"level one by one, {n}, from {SAMPLE:,} customers"),
            within(made("BH-1", f"bands {n}", f"bands alone, {n} measures", f"reference {n}"), BANDS_S),
        ]
    rows.append(within(made("HV-1", "preview", f"preview of a draft, {PAGE_MEASURES} measures"), PREVIEW_S))
    rows.append(made("HH-6", "publish", f"full run of a new version, {PAGE_MEASURES} measures, 1 worker"))
    rows.append(within(made("HH-6", "two", "the same, 2 workers that share the run"), PUBLISH_S))
    return rows


def slopes(_rows: list[Row]) -> list[Row]:
    """Everything here grows with the customers; the rows of the scales say how."""
    return []


def broken_guards(rows: list[Row]) -> list[str]:
    """Guard rails of --gate."""
    return [
        f"{found.subject} at {found.scale} took {found.median:.2f} s, the guard rail is {GATE_S:g} s"
        for found in rows
        if found.id == "BH-1" and found.scale == LIMITS_AT and (found.median or 0) > GATE_S
    ]
