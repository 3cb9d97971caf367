"""Tickers and job bodies: they read the clock, make one call and say how much was done."""

from datetime import date
from typing import Any

from django.utils import timezone

from accounts.queries import organisation
from config.work import jobs
from config.work.models import Job
from config.work.tickers import ticker
from metrics.services import (
    closing,
    closing_jobs,
    definition_previews,
    disagreements,
    evidence_jobs,
    feeds,
    measure_worth,
    misses,
    overrides,
    pulse_reminders,
    reading_fills,
    recompute,
    refresh,
    rescoring,
    scorecard_review,
)


@ticker("metrics.refresh_stale_customers")
def refresh_stale_customers() -> int:
    """Drain stale marks: revenue, usage, readings, scores, summaries."""
    now = timezone.now()
    as_of = organisation.local_day(now)
    return refresh.refresh_all_stale(as_of=as_of, now=now, budget_s=refresh.BUDGET_S)


@ticker("metrics.fill_rollups")
def fill_rollups() -> int:
    """Fill company months and cohorts from the first dirty month on."""
    now = timezone.now()
    return refresh.fill_company(as_of=organisation.local_day(now), now=now)


@ticker("metrics.run_nightly")
def run_nightly() -> int:
    """Once per local day: roll all customers on, with their time-dependent readings and scores."""
    return int(recompute.start_new_day(as_of=organisation.local_day(timezone.now())) is not None)


@ticker("metrics.find_disagreements")
def find_disagreements() -> int:
    """Once per local day, after everybody's readings: compare the views of each customer."""
    return int(disagreements.start_day(today=organisation.local_day(timezone.now())) is not None)


@jobs.kind(disagreements.JOB_KIND)
def compare_views(job: Job) -> dict[str, Any]:
    """Views two tones apart on the day asked for, and which of them later outcomes confirmed."""
    return disagreements.find(today=date.fromisoformat(job.args["day"]), now=timezone.now())


@ticker("metrics.find_misses")
def find_misses() -> int:
    """Open a page for every loss, filled from history; a few days of losses per run."""
    now = timezone.now()
    return misses.find_misses(today=organisation.local_day(now), now=now)


@ticker("metrics.close_months")
def close_months() -> int:
    """Freeze the months that are due, and tell what late facts did to those frozen before."""
    now = timezone.now()
    return closing.close_due_months(now=now) + closing.restate(now=now)


@ticker("metrics.put_live")
def put_live() -> int:
    """Put approved versions in force whose day has begun, and look for customers that the run after it has missed."""
    now = timezone.now()
    return scorecard_review.put_live_due(now=now) + rescoring.start_if_left(now=now)


@ticker("metrics.check_feeds")
def check_feeds() -> int:
    """Look at each source feed once an hour: hold what is broken, release what is back."""
    return feeds.check_feeds(now=timezone.now())


@jobs.kind(rescoring.JOB_KIND)
def rescore(job: Job) -> dict[str, Any] | None:
    """Score everybody by the cards in force, from readings as they are."""
    return rescoring.run_rescore_job(job)


@jobs.kind(rescoring.SLICE_KIND)
def rescore_slice(job: Job) -> dict[str, int]:
    """One slice of it."""
    now = timezone.now()
    return rescoring.run_slice_job(job, as_of=organisation.local_day(now), now=now)


@ticker("metrics.end_overrides")
def end_overrides() -> int:
    """End overrides at the midnight they were set to end at."""
    return overrides.end_due(now=timezone.now())


@ticker("metrics.remind_of_judgements")
def remind_of_judgements() -> int:
    """Tell people a week before their override or pulse stops counting."""
    now = timezone.now()
    return overrides.tell_authors(now=now) + pulse_reminders.remind_of_pulses(now=now)


@jobs.kind(recompute.JOB_KIND)
def recompute_all(job: Job) -> dict[str, Any] | None:
    """Recompute all customers in slices; a job that waited past midnight computes the day it was asked for or later."""
    now = timezone.now()
    as_of = max(organisation.local_day(now), date.fromisoformat(job.args["as_of"]))
    return recompute.run_recompute_job(job, as_of=as_of, now=now)


@jobs.kind(recompute.SLICE_KIND)
def recompute_slice(job: Job) -> dict[str, Any]:
    """One slice of a recompute."""
    return recompute.run_slice_job(job)


@jobs.kind(definition_previews.JOB_KIND)
def preview_definition(job: Job) -> dict[str, Any]:
    """The last 12 months under the definition in force and under a draft."""
    return definition_previews.run_preview_job(job, now=timezone.now())


@jobs.kind(closing_jobs.JOB_KIND)
def close_month(job: Job) -> dict[str, Any]:
    """Freeze every number of a month."""
    return closing_jobs.run_closing_job(job, now=timezone.now())


@jobs.kind(evidence_jobs.JOB_KIND)
def find_evidence(job: Job) -> dict[str, Any]:
    """A backtest, a suggestion of weights, or a calibration."""
    return evidence_jobs.run_evidence_job(job, now=timezone.now())


@jobs.kind(reading_fills.JOB_KIND)
def fill_readings(job: Job) -> dict[str, Any]:
    """Read an added measure for everybody; a job that waited past midnight reads the day it was asked for or later."""
    now = timezone.now()
    as_of = max(organisation.local_day(now), date.fromisoformat(job.args["as_of"]))
    return reading_fills.run_fill_job(job, as_of=as_of, now=now)


@jobs.kind(measure_worth.JOB_KIND)
def judge_measure(job: Job) -> dict[str, Any]:
    """How well one measure told churners from the others."""
    return measure_worth.run_worth_job(job, now=timezone.now())
