"""People and teams for lists and choices."""

from dataclasses import dataclass

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.db.models import Count, Q, QuerySet

from accounts.choices import Role
from accounts.models import Team, User


def people(*, find: str = "", role: str = "", left: bool = False) -> QuerySet[User]:
    """Users with their team; `find` looks into name and email, `left` shows the ones without access instead."""
    rows = User.objects.select_related("team").filter(is_active=not left)
    if find:
        rows = rows.filter(Q(name__icontains=find) | Q(email__icontains=find))
    return rows.filter(role=role) if role in Role.values else rows


def user_counts() -> dict[str, int]:
    """How many people are active, invited (no password yet) and gone."""
    waiting = Q(is_active=True, password__startswith=UNUSABLE_PASSWORD_PREFIX)
    return User.objects.aggregate(
        active=Count("pk", filter=Q(is_active=True)),
        waiting=Count("pk", filter=waiting),
        left=Count("pk", filter=Q(is_active=False)),
    )


def user_or_none(pk: int) -> User | None:
    """One user with the team, or None."""
    return User.objects.select_related("team").filter(pk=pk).first()


def team_or_none(pk: int) -> Team | None:
    """One team, or None."""
    return Team.objects.select_related("parent").filter(pk=pk).first()


@dataclass(frozen=True)
class TeamRow:
    """A team in the tree: how deep it stands, who manages it, how many people it has."""

    team: Team
    depth: int
    members: int
    managers: tuple[str, ...]


def team_tree() -> list[TeamRow]:
    """All teams in tree order, siblings by name. Two queries, whatever the size."""
    teams = list(
        Team.objects.annotate(size=Count("members", filter=Q(members__is_active=True))).order_by("name")
    )
    managers: dict[int | None, list[str]] = {}
    for team_id, name in (
        User.objects.active().filter(role=Role.MANAGER).order_by("name").values_list("team_id", "name")
    ):
        managers.setdefault(team_id, []).append(name)
    below: dict[int | None, list[Team]] = {}
    for team in teams:
        below.setdefault(team.parent_id, []).append(team)

    def walk(parent: int | None, depth: int) -> list[TeamRow]:
        rows = []
        for team in below.get(parent, ()):
            rows.append(TeamRow(team, depth, team.size, tuple(managers.get(team.pk, ()))))
            rows += walk(team.pk, depth + 1)
        return rows

    return walk(None, 0)
