"""Suspect answers with the reasons in words, and what machines did: automatic opens and suspects by domain."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery

from customers.queries.access import customers_for, customers_to_edit
from surveys.choices import ResponseState, ResponseStatus, TokenPurpose
from surveys.formulas.evidence import REASONS
from surveys.models import Invitation, LinkToken, Response, ResponseRevision, Visit

JUDGES = ("admin", "manager")
DOMAINS = 20  # lines of the list by receiving domain


@dataclass(frozen=True)
class DomainRate:
    """Answers from one receiving domain; `rate` is suspect / (suspect + answered), in percent."""

    domain: str
    suspect: int
    answered: int

    @property
    def rate(self) -> float:
        return 100 * self.suspect / (self.suspect + self.answered)


def suspects_for(user: Any, *, campaign: str = "", domain: str = "", reason: str = "") -> QuerySet[Response]:
    """Suspect answers in the reader's scope, each with `evidence` of its newest revision and `domain`."""
    newest = ResponseRevision.objects.filter(response=OuterRef("pk")).order_by("-number")
    rows = (
        Response.objects.filter(status=ResponseStatus.SUSPECT, customer__in=customers_for(user))
        .select_related("customer", "contact", "campaign")
        .annotate(
            evidence=Subquery(newest.values("evidence")[:1]),
            domain=F("invitation__email_domain"),
            ends_at=F("invitation__expires_at"),
        )
    )
    if campaign.isascii() and campaign.isdigit() and len(campaign) < len("2147483648"):
        rows = rows.filter(campaign=int(campaign))
    if domain:
        rows = rows.filter(invitation__email_domain=domain)
    return rows.filter(evidence__reasons__contains=[reason]) if reason in REASONS else rows


def campaigns_with_suspects(user: Any) -> list[tuple[int, str]]:
    """Id and name of the campaigns that have a suspect answer in the reader's scope."""
    rows = suspects_for(user).order_by("campaign__name", "campaign").values_list("campaign", "campaign__name")
    return list(rows.distinct())


def reasons_in_words(evidence: dict[str, Any] | None) -> list[tuple[str, str]]:
    """Id and sentence of every reason on a revision."""
    found = (evidence or {}).get("reasons", [])
    return [(name, REASONS[name]) for name in found if name in REASONS]


def may_judge(user: Any, response: Response) -> bool:
    """Accept, reject, void, restore: an admin everywhere, a manager for the customers of the team (S-142)."""
    if user.role not in JUDGES:
        return False
    if response.customer_id is None:
        return bool(user.role == "admin")
    return customers_to_edit(user).filter(pk=response.customer_id).exists()


def judged_by(user: Any) -> QuerySet[Response]:
    """Answers this user may decide about."""
    if user.role not in JUDGES:
        return Response.objects.none()
    rows = Response.objects.filter(customer__in=customers_to_edit(user))
    return rows | Response.objects.filter(customer=None) if user.role == "admin" else rows


def automatic_opens(*, campaign_ids: Iterable[int]) -> dict[int, int]:
    """Looks of the kept days that are no person's, per campaign: opens that were ignored."""
    links = LinkToken.objects.filter(
        sha256=OuterRef("token"),
        purpose__in=[TokenPurpose.ANSWER, TokenPurpose.HONEYPOT],
    )
    rows = (
        Visit.objects.filter(is_automatic=True)
        .annotate(campaign=Subquery(links.values("message__invitation__wave__campaign")[:1]))
        .filter(campaign__in=list(campaign_ids))
        .values_list("campaign")
        .annotate(opens=Count("pk"))
    )
    return dict(rows)


def suspects_by_domain(user: Any, *, campaign_id: int | None = None) -> list[DomainRate]:
    """Receiving domains that sent a suspect answer, the highest share first."""
    answered = [ResponseState.ANSWERED, ResponseState.LOCKED]
    suspect = [ResponseState.SUSPECT, ResponseState.DISCARDED]
    rows = Invitation.objects.filter(is_test=False, customer__in=customers_for(user))
    if campaign_id is not None:
        rows = rows.filter(wave__campaign=campaign_id)
    counts = (
        rows.values_list("email_domain")
        .annotate(
            suspect=Count("pk", filter=Q(response_state__in=suspect)),
            answered=Count("pk", filter=Q(response_state__in=answered)),
        )
        .filter(suspect__gt=0)
    )
    rates = [DomainRate(*row) for row in counts]
    return sorted(rates, key=lambda found: (-found.rate, -found.suspect, found.domain))[:DOMAINS]
