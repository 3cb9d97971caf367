"""Closed lists about people who log in: what they are, how far they see, what they may do besides."""

from django.db.models import TextChoices


class Role(TextChoices):
    ADMIN = "admin", "Admin"
    MANAGER = "manager", "Manager"
    CSM = "csm", "CSM"
    VIEWER = "viewer", "Viewer"


class ReadScope(TextChoices):
    """Whose books a person reads. A scope never says what the person may write."""

    OWN = "own", "Own book"
    TEAM = "team", "Own team and the teams below"
    ALL = "all", "Everybody's book"


class Grant(TextChoices):
    """Rights apart from the role. None of them widens the scope; an admin holds all of them."""

    EXPORT = "export", "Export lists"
    SEND_CAMPAIGN = "send_campaign", "Send campaigns"
    PUBLISH_SCORECARD = "publish_scorecard", "Publish scorecards"
    SEE_IDENTITIES = "see_identities", "See names in answers"
    MANAGE_USERS = "manage_users", "Manage users"


class LinkPurpose(TextChoices):
    INVITE = "invite", "Invitation to join"


# What a new person starts with; an admin may take any of it away again.
GRANTS_AT_START = {
    Role.ADMIN: (),
    Role.MANAGER: (Grant.EXPORT, Grant.SEND_CAMPAIGN, Grant.SEE_IDENTITIES),
    Role.CSM: (Grant.EXPORT, Grant.SEE_IDENTITIES),
    Role.VIEWER: (),
}
