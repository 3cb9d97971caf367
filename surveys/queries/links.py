"""From a mailed secret to everything its page shows, in one query."""

from collections.abc import Sequence

from django.db.models import Subquery
from django.db.models.functions import Now

from accounts.models import Organisation
from surveys import choices
from surveys.models import LinkToken, SurveyPolicy
from surveys.models.policy import known_scanners


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
        .annotate(
            home_zone=Subquery(Organisation.objects.values("time_zone")[:1]),
            policy_scanners=Subquery(
                SurveyPolicy.objects.filter(valid_from__lte=Now())
                .order_by("-valid_from", "-pk")
                .values("scanners")[:1]
            ),
        )
        .filter(sha256=sha256, purpose__in=purposes, revoked_at=None)
        .first()
    )


def scanners_known_to(link: LinkToken) -> Sequence[str]:
    """Parts of the browser strings of mail gateways, by the policy read with the link."""
    found: list[str] | None = getattr(link, "policy_scanners", None)
    return known_scanners() if found is None else found
