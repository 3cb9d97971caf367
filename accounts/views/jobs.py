"""Background work: list, progress, second chance."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from accounts.choices import Role
from accounts.queries.jobs import job_counts, job_for, jobs_for
from accounts.services.jobs import run_again
from config.web.access import declare
from config.web.errors import DomainError
from config.web.htmx import page_or_part, part_or_page
from config.web.tables import Column, Table
from config.work.models import Job

JOBS = Table(
    columns=[
        Column("work", "Work", "title"),
        Column("state", "State", "state"),
        Column("done", "Progress", "progress_done", "num p1"),
        Column("by", "Started by", "created_by__name", "p2"),
        Column("at", "Started", "created_at", "num", down_first=True),
    ],
    default="-at",
    tie="-pk",
)


@require_safe
@declare(scope="self")
def jobs(request: HttpRequest) -> HttpResponse:
    """All background work for admins, one's own for others."""
    state = request.GET.get("state", "")
    context = {
        "page": JOBS.page(jobs_for(request.user, state=state), request.GET),
        "counts": job_counts(request.user),
        "state": state,
    }
    return page_or_part(request, "accounts/jobs.html", parts=["job_rows"], context=context)


@require_safe
@declare(scope="self")
def job_progress(request: HttpRequest, pk: int) -> HttpResponse:
    """The bar of one job; asked for every two seconds until the job is over, then the page of its result is shown anew."""
    job = _job(request, pk)
    answer = part_or_page(
        request, "components/job_progress.html", title=job.title or job.kind, context={"job": job}
    )
    if job.is_over and request.htmx and request.htmx.current_url_abs_path == job.result_url:
        answer["HX-Refresh"] = "true"
    return answer


@require_POST
@declare(scope="organisation", roles=[Role.ADMIN])
def run_job_again(request: HttpRequest, pk: int) -> HttpResponse:
    """A second chance for a job that gave up."""
    try:
        run_again(job=_job(request, pk), by=request.user, now=request.now)
    except DomainError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "The job is waiting for a worker.")
    return redirect("accounts:jobs")


def _job(request: HttpRequest, pk: int) -> Job:
    job = job_for(request.user, pk)
    if job is None:
        raise Http404
    return job
