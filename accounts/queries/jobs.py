"""Background work as its owner and the admins see it."""

from django.db.models import Count, Q, QuerySet

from accounts.models import User
from config.work.models import Job, JobState

OPEN = (JobState.QUEUED, JobState.RUNNING)


def jobs_for(user: User, *, state: str = "") -> QuerySet[Job]:
    """Jobs this user may see: admins all, others their own. `state`: open, done, dead, or all when empty."""
    rows = Job.objects.select_related("created_by")
    if not user.is_admin:
        rows = rows.filter(created_by=user)
    if state == "open":
        return rows.filter(state__in=OPEN)
    return rows.filter(state=state) if state in JobState.values else rows


def job_for(user: User, pk: int) -> Job | None:
    """One job this user may see, or None."""
    return jobs_for(user).filter(pk=pk).first()


def job_counts(user: User) -> dict[str, int]:
    """Numbers for the tabs of the list."""
    return jobs_for(user).aggregate(
        total=Count("pk"),
        open=Count("pk", filter=Q(state__in=OPEN)),
        done=Count("pk", filter=Q(state=JobState.DONE)),
        dead=Count("pk", filter=Q(state=JobState.DEAD)),
    )
