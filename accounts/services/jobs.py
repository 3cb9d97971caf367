"""What a person may do to a piece of background work."""

from datetime import datetime

from django.db import transaction

from accounts.models import User
from config.web.errors import DomainError
from config.work import audit, jobs
from config.work.models import Job, JobState


class JobNotDeadError(DomainError):
    code = "job_not_dead"


@transaction.atomic
def run_again(*, job: Job, by: User, now: datetime) -> None:
    """Put a job that gave up back into the queue. Raises JobNotDeadError for any other state."""
    if job.state != JobState.DEAD:
        raise JobNotDeadError("This job has not stopped.", hint="Only a stopped job can be run again.")
    jobs.run_again(job)
    audit.record(by=by, now=now, action="job.run_again", subject=job)
