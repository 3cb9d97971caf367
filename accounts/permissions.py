"""What a user may do, apart from whose customers the user sees (that is `queries.scope`)."""

from accounts.choices import Grant, Role
from accounts.models import User


def may(user: User, grant: Grant | str) -> bool:
    """Whether the user holds a grant now. Admins hold all; a grant never widens the scope."""
    return user.may(grant)


def can_write(user: User) -> bool:
    """Whether the role writes customer work at all; which customers is for `queries.scope.write_owner_ids`."""
    return user.is_active and user.role != Role.VIEWER


def may_see_identities(user: User) -> bool:
    """Whether names, addresses and comments of contacts are shown unmasked to this user."""
    return user.role != Role.VIEWER or may(user, Grant.SEE_IDENTITIES)
