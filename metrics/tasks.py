"""Tickers and job bodies: they read the clock, make one call and say how much was done."""

from datetime import date
from typing import Any

from django.utils import timezone

from accounts.queries import organisation
from config.work import jobs
from config.work.models import Job
from config.work.tickers import ticker
from metrics.services import closing, closing_jobs, definition_previews, recompute, refresh


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


@ticker("metrics.close_months")
def close_months() -> int:
    """Freeze the months that are due, and tell what late facts did to those frozen before."""
    now = timezone.now()
    return closing.close_due_months(now=now) + closing.restate(now=now)


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
