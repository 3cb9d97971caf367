"""From a mailed secret to everything its page shows, and to everything that speaks about a press, in one query."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Max, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import JSONObject

from accounts.models import Organisation
from customers.choices import AssignmentRole
from customers.models import Assignment
from surveys import choices
from surveys.models import CampaignText, LinkToken, SenderIdentity, SurveyPolicy, Visit
from surveys.models.policy import known_scanners

RULES = (
    "scanners",
    "grace_minutes",
    "many_scores",
    "many_scores_s",
    "form_ms",
    "accept_s",
    "quick_look_s",
    "many_links",
    "many_links_minutes",
    "anonymous_min_group",
)
# What the page shows in another language than the mail's.
TEXTS = (
    "language",
    "question",
    "labels",
    "prompt",
    "prompt_negative",
    "prompt_neutral",
    "prompt_positive",
    "thank_you",
    "extra",
)
LOOKS = 100  # newest looks of a client at one invitation's links that are read
CLIENT_LOOKS = 300  # newest looks of a client at any link that are read
NEAR_DAY = timedelta(days=1)  # the organisation's day lies within a day of UTC's


def find(sha256: str, *purposes: choices.TokenPurpose, now: datetime) -> LinkToken | None:
    """The link of that hash and one of the purposes, with message, invitation, wording, answer and `home_zone`.

    `rules` are the policy's limits at `now`. Revoked and unknown links and those of another purpose are all None.
    """
    return _links(now).filter(sha256=sha256, purpose__in=purposes).first()


def find_for_press(
    sha256: str, *purposes: choices.TokenPurpose, clients: Iterable[str], now: datetime
) -> LinkToken | None:
    """The same for a POST: with `looks` of this client at links of the invitation, `domain_looks`, and `owners`.

    `domain_looks` are the newest moments at which the client opened each link of the same receiving domain; `owners`
    are the primary CSMs of the days around now.
    """
    names = list(clients)
    own = Visit.objects.filter(fingerprint__in=names).order_by("-at")
    siblings = LinkToken.objects.filter(message__invitation=OuterRef(OuterRef("message__invitation")))
    of_domain = LinkToken.objects.filter(
        purpose=choices.TokenPurpose.ANSWER,
        message__invitation__email_domain=OuterRef(OuterRef("message__invitation__email_domain")),
    )
    lately = Visit.objects.filter(
        pk__in=own.filter(at__gte=now - timedelta(hours=1)).values("pk")[:CLIENT_LOOKS]
    )
    rows = _links(now).annotate(
        looks=ArraySubquery(_looks(own.filter(token__in=siblings.values("sha256")))[:LOOKS]),
        domain_looks=ArraySubquery(
            lately.filter(token__in=of_domain.values("sha256"))
            .values("token")
            .annotate(last=Max("at"))
            .values("last")
        ),
        owners=ArraySubquery(_owners(now.date())),
    )
    return rows.filter(sha256=sha256, purpose__in=purposes).first()


def scanners_known_to(link: LinkToken) -> Sequence[str]:
    """Parts of the browser strings of mail gateways, by the policy read with the link."""
    rules = rules_of(link)
    return rules["scanners"] if "scanners" in rules else known_scanners()


def texts_of(link: LinkToken) -> list[dict[str, Any]]:
    """The campaign's wording in each of its languages, as read with the link."""
    return link.texts


def review_url_of(link: LinkToken) -> str:
    """The public review page; empty when there is none."""
    return link.review_url or ""


def rules_of(link: LinkToken) -> dict[str, Any]:
    """The policy's limits as read with the link; empty before anybody saved a policy."""
    found: dict[str, Any] | None = getattr(link, "rules", None)
    return found or {}


def _links(now: datetime) -> QuerySet[LinkToken]:
    spoken = CampaignText.objects.filter(version=OuterRef("message__invitation__wave__version"))
    newest = SurveyPolicy.objects.filter(valid_from__lte=now).order_by("-valid_from", "-pk")
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
            texts=ArraySubquery(spoken.values(found=JSONObject(**{name: name for name in TEXTS}))),
            review_url=Subquery(SenderIdentity.objects.values("review_url")[:1]),
            rules=Subquery(newest.values(found=JSONObject(**{name: name for name in RULES}))[:1]),
        )
        .filter(revoked_at=None)
    )


def _looks(visits: QuerySet[Visit]) -> QuerySet[Any]:
    honeypots = LinkToken.objects.filter(sha256=OuterRef("token"), purpose=choices.TokenPurpose.HONEYPOT)
    return visits.values(
        found=JSONObject(
            at="at",
            client="fingerprint",
            of="token",
            method="method",
            score="r",
            since_accept="seconds_since_accept",
            honeypot=Subquery(honeypots.values("sha256")[:1]),
        )
    )


def _owners(day: date) -> QuerySet[Any]:
    held = Assignment.objects.current().filter(
        Q(to_on=None) | Q(to_on__gt=day - NEAR_DAY),
        customer=OuterRef("message__invitation__customer"),
        role=AssignmentRole.PRIMARY,
        from_on__lte=day + NEAR_DAY,
    )
    return held.values(found=JSONObject(user="user_id", from_on="from_on", to_on="to_on"))


def owner_on(link: LinkToken, day: date) -> int | None:
    """Primary CSM on that day among the `owners` read with the link."""
    for held in link.owners:
        starts = held["from_on"] <= day.isoformat()
        if starts and (held["to_on"] is None or held["to_on"] > day.isoformat()):
            return int(held["user"])
    return None
