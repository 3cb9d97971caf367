"""All row locks of this app, taken in key order: admins first, then one user, then teams."""

from accounts.models import Team, User


def lock_admins() -> set[int]:
    """Lock every active admin, so that two of them cannot leave at the same time; their ids."""
    return set(User.objects.active().admins().select_for_update().order_by("pk").values_list("pk", flat=True))


def lock_user(user_id: int) -> User:
    """Lock and reread one user."""
    return User.objects.select_for_update().get(pk=user_id)


def lock_teams() -> dict[int, int | None]:
    """Lock the whole tree; parent by team."""
    return dict(Team.objects.select_for_update().order_by("pk").values_list("pk", "parent_id"))
