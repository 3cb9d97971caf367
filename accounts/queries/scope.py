"""Whose books a user reads and writes. Read from rows at each call, so a change acts on the next request."""

from accounts.choices import ReadScope, Role
from accounts.models import Team, User
from accounts.queries import organisation


def read_scope(user: User) -> ReadScope:
    """How far a user reads: the role's default, unless the person's own setting says less.

    Admins read all. CSMs follow the organisation's switch. A setting on the person can narrow a manager or a
    viewer, and never widens anybody.
    """
    if user.role == Role.ADMIN:
        return ReadScope.ALL
    if user.role == Role.CSM:
        return _narrower(ReadScope(organisation.current().csm_read_scope), user.read_scope)
    default = ReadScope.TEAM if user.role == Role.MANAGER else ReadScope.ALL
    return _narrower(default, user.read_scope)


def book_owner_ids(user: User) -> set[int] | None:
    """Ids of the users whose books this user may read; None means every customer, assigned or not.

    A person who has been deactivated reads nothing. Owners who have left stay in the set, for their customers
    are still there until somebody takes them over.
    """
    if not user.is_active:
        return set()
    scope = read_scope(user)
    if scope == ReadScope.ALL:
        return None
    if scope == ReadScope.OWN:
        return {user.pk}
    return _team_member_ids(user)


def write_owner_ids(user: User) -> set[int] | None:
    """Ids of the users whose books this user may change; None means all, the empty set means none.

    Admin: all. Manager: as far as the read scope, at most the teams below. CSM: the own book, whatever is
    readable. Viewer: none.
    """
    if not user.is_active or user.role == Role.VIEWER:
        return set()
    if user.role == Role.ADMIN:
        return None
    if user.role == Role.CSM or read_scope(user) == ReadScope.OWN:
        return {user.pk}
    return _team_member_ids(user)


def team_ids_below(team_id: int) -> set[int]:
    """The team itself and all teams below it in the tree."""
    children: dict[int | None, list[int]] = {}
    for pk, parent_id in Team.objects.values_list("pk", "parent_id"):
        children.setdefault(parent_id, []).append(pk)
    found, waiting = set(), [team_id]
    while waiting:
        pk = waiting.pop()
        if pk not in found:
            found.add(pk)
            waiting.extend(children.get(pk, ()))
    return found


def _team_member_ids(user: User) -> set[int]:
    if user.team_id is None:
        return {user.pk}
    members = User.objects.filter(team_id__in=team_ids_below(user.team_id)).values_list("pk", flat=True)
    return {user.pk, *members}


def _narrower(default: ReadScope, own: str) -> ReadScope:
    order = list(ReadScope)
    return default if not own else min(default, ReadScope(own), key=order.index)
