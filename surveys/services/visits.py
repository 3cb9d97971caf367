"""Looks at mailed links. A look never answers anything; it only says that a mail was seen."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from surveys.choices import ResponseState, TokenPurpose
from surveys.models import Invitation, LinkToken, Visit
from surveys.models.visit import NO_SCORE
from surveys.services import uncertain

SETTLE_BATCH = 2000  # visits per run
QUICK_S = 10  # seconds after the server took the mail: too quick for a person


@dataclass(frozen=True)
class Look:
    """One GET or HEAD of a link as its client showed itself."""

    method: str
    score: int | None
    fingerprint: str
    is_prefetch: bool = False
    fetch_mode: str = ""
    has_fetch_user: bool = False
    is_scanner: bool = False
    is_chromium: bool = False


def note_visit(*, link: LinkToken, look: Look, now: datetime) -> None:
    """One row per link, score, method, client and minute. Takes no lock and touches no other row."""
    accepted_at = link.message.accepted_at
    Visit.objects.bulk_create(
        [
            Visit(
                token=link.sha256,
                method=look.method[:4],
                r=NO_SCORE if look.score is None else look.score,
                fingerprint=look.fingerprint,
                minute=now.replace(second=0, microsecond=0),
                at=now,
                seconds_since_accept=int((now - accepted_at).total_seconds()) if accepted_at else None,
                is_prefetch=look.is_prefetch,
                fetch_mode=look.fetch_mode[:20],
                has_fetch_user=look.has_fetch_user,
                is_scanner=look.is_scanner,
                is_chromium=look.is_chromium,
            )
        ],
        ignore_conflicts=True,
    )


@transaction.atomic
def settle_visits(*, now: datetime) -> int:
    """Turn looks that may be a person's into `visited`, and uncertain mails that were looked at into sent."""
    waiting = list(Visit.objects.filter(settled_at=None).order_by("pk")[:SETTLE_BATCH])
    if not waiting:
        return 0
    links = {
        link.sha256: link
        for link in LinkToken.objects.select_related("message").filter(
            sha256__in={visit.token for visit in waiting},
            purpose__in=[TokenPurpose.ANSWER, TokenPurpose.HONEYPOT],
        )
    }
    seen = {links[visit.token].message_id for visit in waiting if visit.token in links}
    human = {links[visit.token].message.invitation_id for visit in waiting if _may_be_human(visit, links)}
    uncertain.settle_as_sent(message_ids=seen, by="visit", now=now)
    Invitation.objects.filter(pk__in=human, response_state=ResponseState.NONE).update(
        response_state=ResponseState.VISITED
    )
    Visit.objects.filter(pk__in=[visit.pk for visit in waiting]).update(settled_at=now)
    return len(waiting)


def _may_be_human(visit: Visit, links: dict[str, LinkToken]) -> bool:
    """Not HEAD, no prefetch mark, no honeypot, not within seconds of the mail's acceptance (S-113)."""
    link = links.get(visit.token)
    quick = visit.seconds_since_accept is not None and visit.seconds_since_accept < QUICK_S
    return (
        link is not None
        and link.purpose == TokenPurpose.ANSWER
        and visit.method == "GET"
        and not visit.is_prefetch
        and not quick
    )


def purge_visits(*, now: datetime, days: int) -> int:
    """Forget looks older than the policy keeps them."""
    gone, _ = Visit.objects.filter(Q(at__lt=now - timedelta(days=days)) & ~Q(settled_at=None)).delete()
    return gone
