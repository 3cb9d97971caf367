"""How well one measure alone told churners from the others: its AUC on past outcomes, before a card takes it up."""

from collections import defaultdict
from datetime import date, datetime
from typing import Any

from config.work import jobs
from config.work.models import Job
from metrics.formulas import evidence
from metrics.formulas.evidence import Evidence, Outcome
from metrics.formulas.health_measures import MeasureVersion
from metrics.queries.measures import catalog
from metrics.queries.outcomes import PAYING, Fate
from metrics.services import backtests
from metrics.services.replays import Report, read_then

JOB_KIND = "metrics.measure_worth"
HORIZON = 90  # days in which a paying customer left or stayed


def start(*, measure: MeasureVersion, as_of: date, by: Any, url: str) -> Job:
    """Let a worker find it out; `url` shows the result."""
    args = {"key": measure.key, "version": measure.version, "as_of": as_of.isoformat(), "url": url}
    return jobs.start(
        kind=JOB_KIND,
        args=args,
        title=f"Judging “{measure.title}”",
        by=by,
        dedupe_key=f"measure_worth:{measure.key}:{measure.version}",
    )


def newest(measure: MeasureVersion) -> Job | None:
    """The last job that judged this measure."""
    asked = Job.objects.filter(kind=JOB_KIND, args__key=measure.key, args__version=measure.version)
    return asked.order_by("-pk").first()


def run_worth_job(job: Job, *, now: datetime) -> dict[str, Any]:
    """Body of the job."""
    measure = catalog()[job.args["key"], job.args["version"]]

    def report(done: int, total: int) -> None:
        jobs.advance(job, done=done, total=total)

    found = worth(measure, as_of=date.fromisoformat(job.args["as_of"]), now=now, report=report)
    return {"url": job.args["url"], **found}


def worth(
    measure: MeasureVersion, *, as_of: date, now: datetime, report: Report | None = None
) -> dict[str, Any]:
    """Outcomes of paying customers of the last 24 months against what the measure said then, as known then.

    Those without a reading are left out and counted. Too few outcomes: `said` says so, and there is no AUC.
    """
    asked = backtests.trial(horizon=HORIZON, as_of=as_of, population=PAYING)
    outcomes = backtests.outcomes_for(asked)
    by_day: dict[date, list[Fate]] = defaultdict(list)
    for fate in outcomes.rows:
        by_day[fate.scored_on].append(fate)
    rows: list[Outcome] = []
    for number, (day, fates) in enumerate(sorted(by_day.items()), start=1):
        rows += _judged(measure, day, fates, now=now)
        if report is not None:
            report(number, len(by_day))
    seen = [row for row in rows if row.score is not None]
    guard = Evidence(len(seen), sum(row.churned for row in seen), outcomes.months)
    found = evidence.auc(seen) if guard.is_enough else None
    return {
        "said": guard.said(noun="outcomes"),
        "outcomes": guard.outcomes,
        "churned": guard.churned,
        "without": len(rows) - len(seen),
        "auc": float(found.value) if found else None,
        "low": found.low if found else None,
        "high": found.high if found else None,
        "ranks": bool(found and found.ranks),
    }


def _judged(measure: MeasureVersion, day: date, fates: list[Fate], *, now: datetime) -> list[Outcome]:
    """The fates with the reading of their day; higher is better, whichever way the measure points."""
    values = {row.customer_id: row.at(measure.slot)[0] for row in read_then(day, now=now)}
    sign = 1 if measure.better == "up" else -1
    return [
        Outcome(fate.customer, None if value is None else sign * value, fate.mrr, fate.churned)
        for fate in fates
        for value in (values.get(fate.customer),)
    ]
