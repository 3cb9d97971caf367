from accounts.models.one_time_link import OneTimeLink
from accounts.models.organisation import Organisation
from accounts.models.team import Team
from accounts.models.user import User

__all__ = ["OneTimeLink", "Organisation", "Team", "User"]
