"""From a mailed secret to everything its page shows, in one query."""

from django.db.models import Subquery

from accounts.models import Organisation
from surveys import choices
from surveys.models import LinkToken


def find(sha256: str, *purposes: choices.TokenPurpose) -> LinkToken | None:
    """The link of that hash and one of the purposes, with message, invitation, wording, answer and `home_zone`.

    Revoked and unknown links and those of another purpose are all None.
    """
    return (
        LinkToken.objects.select_related(
            "message__invitation__wave__campaign",
            "message__invitation__wave__version",
            "message__invitation__text",
            "message__invitation__contact",
            "message__invitation__customer",
            "message__invitation__response",
        )
        .annotate(home_zone=Subquery(Organisation.objects.values("time_zone")[:1]))
        .filter(sha256=sha256, purpose__in=purposes, revoked_at=None)
        .first()
    )
