"""The tree of teams. A manager reads the books of the own team and of all teams below it."""

from datetime import datetime

from django.db import transaction

from accounts.models import Team, User
from accounts.services.locks import lock_teams
from config.web.errors import DomainError
from config.work import audit


class TeamNameTakenError(DomainError):
    code = "team_name_taken"


class TeamLoopError(DomainError):
    code = "team_loop"


class TeamInUseError(DomainError):
    code = "team_in_use"


@transaction.atomic
def save_team(*, team: Team | None, name: str, parent: Team | None, by: User, now: datetime) -> Team:
    """Add a team (`team` is None) or change its name and place. Raises TeamNameTakenError and TeamLoopError."""
    parents = lock_teams()
    name = name.strip()
    twins = Team.objects.filter(name__iexact=name)
    if (twins.exclude(pk=team.pk) if team else twins).exists():
        raise TeamNameTakenError(
            f"There is a team “{name}” already.", hint="Choose another name.", field="name"
        )
    if team is not None and parent is not None and team.pk in _way_up(parent.pk, parents):
        raise TeamLoopError(
            f"{parent} stands below {team} itself.", hint="Choose a team outside this branch.", field="parent"
        )
    before = {"name": team.name, "parent": team.parent_id} if team else None
    team = team or Team()
    team.name, team.parent = name, parent
    team.save()
    after = {"name": team.name, "parent": team.parent_id}
    if after != before:
        action = "team.changed" if before else "team.created"
        audit.record(by=by, now=now, action=action, subject=team, before=before, after=after)
    return team


@transaction.atomic
def remove_team(*, team: Team, by: User, now: datetime) -> None:
    """Remove a team nobody belongs to. Raises TeamInUseError while it has members or teams below."""
    lock_teams()
    members, below = team.members.count(), team.children.count()
    if members or below:
        raise TeamInUseError(
            f"{team} still has {members} members and {below} teams below it.",
            hint="Move them to another team first.",
        )
    audit.record(by=by, now=now, action="team.removed", subject=team, before={"name": team.name})
    team.delete()


def _way_up(team_id: int | None, parents: dict[int, int | None]) -> set[int]:
    """The team and all teams above it."""
    seen: set[int] = set()
    while team_id is not None and team_id not in seen:
        seen.add(team_id)
        team_id = parents.get(team_id)
    return seen
