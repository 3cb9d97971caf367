"""The effect of a draft as a table of months: at once where customers are few, else by a job that keeps it."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from config.work import jobs
from config.work.models import Job
from customers.queries.access import everybody
from metrics.formulas.definition import DEFAULT, Definition, as_texts, with_values
from metrics.formulas.result import Result
from metrics.queries import definitions
from metrics.queries.metric_rows import MetricRow
from metrics.queries.spans import PARTS
from metrics.services.definitions import Effect, preview

JOB_KIND = "metrics.preview_definition"
AT_ONCE = 2_000  # customers that are recomputed within the patience of a reader
Pairs = Sequence[tuple[Result, Result]]


@dataclass(frozen=True, slots=True)
class PreviewTable:
    """Months, oldest first, and for each number its values under the definition in force and under the draft."""

    months: Sequence[date]
    numbers: Mapping[str, Pairs]

    def changed(self) -> list[str]:
        """Keys of the numbers that differ in any month."""
        return [key for key, pairs in self.numbers.items() if any(_differs(*pair) for pair in pairs)]


def is_for_job() -> bool:
    """Whether there are too many customers for a page to wait."""
    return everybody().count() > AT_ONCE


def preview_table(draft: Definition, *, now: datetime) -> PreviewTable:
    """The last 12 complete months under both definitions, now. Nothing is stored."""
    return _table(preview(draft, now=now))


def start_preview(*, draft: Definition, as_of: date, by: Any, url: str) -> Job:
    """Let a worker make the preview; `url` is the page that shows it. An equal preview that runs is returned."""
    mark = _fingerprint(draft, as_of)
    args = {"values": as_texts(draft), "fingerprint": mark, "url": url}
    title = "Preview of a definition"
    return jobs.start(kind=JOB_KIND, args=args, title=title, by=by, dedupe_key=f"preview:{mark}", total=1)


def run_preview_job(job: Job, *, now: datetime) -> dict[str, Any]:
    """Body of the job: the table becomes its result."""
    draft = with_values(DEFAULT, job.args["values"])
    return {"url": job.args["url"], **_plain(preview_table(draft, now=now)), "made_at": now.isoformat()}


def preview_job(draft: Definition, *, as_of: date) -> Job | None:
    """The newest job that previews this draft on this day against the definition in force."""
    mark = _fingerprint(draft, as_of)
    return Job.objects.filter(kind=JOB_KIND, args__fingerprint=mark).order_by("-pk").first()


def table_of_job(job: Job) -> PreviewTable:
    """What a finished job has found."""
    found: dict[str, Any] = job.result
    numbers = {
        key: [(_result(before), _result(after)) for before, after in pairs]
        for key, pairs in found["numbers"].items()
    }
    return PreviewTable([date.fromisoformat(month) for month in found["months"]], numbers)


def _table(effects: Sequence[Effect]) -> PreviewTable:
    rows = [(_numbers(effect.before), _numbers(effect.after)) for effect in effects]
    keys = list(rows[0][0]) if rows else []
    return PreviewTable(
        [effect.period.start for effect in effects],
        {key: [(before[key], after[key]) for before, after in rows] for key in keys},
    )


def _numbers(row: MetricRow) -> dict[str, Result]:
    parts = {name: getattr(row.span, name) for name in PARTS}
    own = {name: Result(Decimal(part)) for name, part in parts.items() if part is not None}
    return own | dict(row.values)


def _differs(before: Result, after: Result) -> bool:
    return (before.value, before.reason) != (after.value, after.reason)


def _plain(table: PreviewTable) -> dict[str, Any]:
    return {
        "months": [month.isoformat() for month in table.months],
        "numbers": {
            key: [[_written(before), _written(after)] for before, after in pairs]
            for key, pairs in table.numbers.items()
        },
    }


def _written(result: Result) -> list[str]:
    return ["" if result.value is None else str(result.value), result.reason]


def _result(written: Sequence[str]) -> Result:
    value, reason = written
    return Result(Decimal(value) if value else None, reason)


def _fingerprint(draft: Definition, as_of: date) -> str:
    said = [as_texts(draft), definitions.current_number(), as_of.isoformat()]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:40]
