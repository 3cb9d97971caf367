"""Backtests, suggestions and calibration as background work: they replay years and take longer than a page waits."""

from datetime import date, datetime
from typing import Any

from config.work import jobs
from config.work.models import Job
from metrics.formulas.health_cards import read_card
from metrics.models import ScorecardVersion
from metrics.queries.cards import cards_in_force
from metrics.services import backtests, calibrations, suggestions
from metrics.services.backtests import Trial
from metrics.services.replays import Candidate, Report

JOB_KIND = "metrics.evidence"
BACKTEST, SUGGEST, CALIBRATE = "backtest", "suggest", "calibrate"
TITLES = {BACKTEST: "Backtest", SUGGEST: "Suggest weights", CALIBRATE: "Calibrate"}


def start(
    *,
    what: str,
    version: ScorecardVersion,
    asked: Trial,
    url: str,
    by: Any,
    other: ScorecardVersion | None = None,
    with_curves: bool = False,
) -> Job:
    """Let a worker find it out; the same question that still runs is not asked twice. `url` shows the result."""
    args = asked.as_dict() | {
        "what": what,
        "version": version.pk,
        "other": other.pk if other else None,
        "curves": with_curves,
        "url": url,
    }
    key = ":".join(str(args[name]) for name in sorted(args) if name != "url")
    return jobs.start(
        kind=JOB_KIND,
        args=args,
        title=f"{TITLES[what]} {version.scorecard.title} {version.label}",
        by=by,
        dedupe_key=f"evidence:{key}"[:200],
    )


def run_evidence_job(job: Job, *, now: datetime) -> dict[str, Any]:
    """Body of the job."""
    args = job.args
    version = ScorecardVersion.objects.select_related("scorecard").get(pk=args["version"])
    asked = backtests.trial(
        horizon=args["horizon"],
        population=args["population"],
        first=date.fromisoformat(args["first"]),
        last=date.fromisoformat(args["last"]),
        as_of=date.fromisoformat(args["as_of"]),
        half=args["half"],
    )

    def report(done: int, total: int) -> None:
        jobs.advance(job, done=done, total=total)

    if args["what"] == SUGGEST:
        _suggest(version, asked, curves=args["curves"], by=job.created_by, now=now, report=report)
    elif args["what"] == CALIBRATE:
        result = calibrations.calibrate(tested=tested_of(version), asked=asked, now=now, report=report)
        calibrations.store(version=version, asked=asked, result=result, by=job.created_by)
    else:
        _backtest(version, args["other"], asked, by=job.created_by, now=now, report=report)
    return {"url": args["url"]}


def tested_of(version: ScorecardVersion) -> Candidate:
    """A version with the card rules that are in force."""
    return Candidate(read_card(version.body), version.scorecard.key, cards_in_force())


def _suggest(
    version: ScorecardVersion, asked: Trial, *, curves: bool, by: Any, now: datetime, report: Report
) -> None:
    result = suggestions.suggest(
        body=version.body,
        tested=tested_of(version),
        asked=asked,
        now=now,
        with_curves=curves,
        report=report,
    )
    suggestions.store(version=version, body=version.body, asked=asked, result=result, by=by)


def _backtest(
    version: ScorecardVersion, other: int | None, asked: Trial, *, by: Any, now: datetime, report: Report
) -> None:
    """One version, or a second one beside it on the same rows."""
    versions = [version]
    if other is not None:
        versions.insert(0, ScorecardVersion.objects.select_related("scorecard").get(pk=other))
    results = backtests.run(
        tested=[tested_of(one) for one in versions], asked=asked, now=now, seed=version.pk, report=report
    )
    for one, result in zip(versions, results, strict=True):
        backtests.store(version=one, asked=asked, result=result, by=by)
