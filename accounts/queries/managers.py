"""Who stands above a person, and who looks after what nobody looks after."""

from collections.abc import Iterable

from accounts.choices import Role
from accounts.models import Team, User
from accounts.queries.scope import book_owner_ids


def manager_above(user: User) -> User | None:
    """The nearest active manager up the tree of teams who reads this person's book; never the person."""
    for team in teams_above([user.team_id]):
        found = User.objects.active().filter(role=Role.MANAGER, team=team).exclude(pk=user.pk).order_by("pk")
        for manager in found:
            owners = book_owner_ids(manager)
            if owners is None or user.pk in owners:
                return manager
    return None


def teams_above(team_ids: Iterable[int | None]) -> list[int]:
    """These teams and all above them, each once, the nearest first."""
    parents = dict(Team.objects.values_list("pk", "parent_id"))
    found: list[int] = []
    for start in team_ids:
        team = start
        while team is not None and team not in found:
            found.append(team)
            team = parents.get(team)
    return found


def admins() -> list[User]:
    """Active admins: the queue of what has no owner is theirs."""
    return list(User.objects.active().admins().order_by("pk"))
