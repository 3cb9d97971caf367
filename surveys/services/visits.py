"""Looks at mailed links. A look never answers anything; it only says that a mail was seen."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from surveys.choices import ResponseState, TokenPurpose
from surveys.formulas.evidence import SETTLED_AFTER, Limits, Seen, is_automatic
from surveys.models import Invitation, LinkToken, Visit
from surveys.models.visit import NO_SCORE
from surveys.services import answer_sql, evidence, uncertain

SETTLE_BATCH = 2000  # visits per run
POSTED = "POST"


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
    answer_sql.look(
        {
            "token": link.sha256,
            "method": look.method[:4],
            "score": NO_SCORE if look.score is None else look.score,
            "client": look.fingerprint,
            "at": now,
            "since_accept": int((now - accepted_at).total_seconds()) if accepted_at else None,
            "is_prefetch": look.is_prefetch,
            "fetch_mode": look.fetch_mode[:20],
            "has_fetch_user": look.has_fetch_user,
            "is_scanner": look.is_scanner,
            "is_chromium": look.is_chromium,
        }
    )


@transaction.atomic
def settle_visits(*, now: datetime) -> int:
    """Turn looks that may be a person's into `visited`, and uncertain mails that were looked at into sent.

    A look is judged when nothing that comes later can change what it was.
    """
    limits = evidence.limits_of_policy(now)
    due = Visit.objects.filter(settled_at=None, at__lte=now - SETTLED_AFTER)
    waiting = list(due.order_by("pk")[:SETTLE_BATCH])
    if not waiting:
        return 0
    tokens = {visit.token for visit in waiting}
    links = {
        link.sha256: link
        for link in LinkToken.objects.select_related("message").filter(
            message__in=LinkToken.objects.filter(sha256__in=tokens).values("message"),
            purpose__in=[TokenPurpose.ANSWER, TokenPurpose.HONEYPOT],
        )
    }
    automatic = _automatic(waiting, links, limits)
    seen = {links[visit.token].message_id for visit in waiting if visit.token in links}
    human = {
        links[visit.token].message.invitation_id
        for visit in waiting
        if visit.pk not in automatic and visit.token in links
    }
    uncertain.settle_as_sent(message_ids=seen, by="visit", now=now)
    Invitation.objects.filter(pk__in=human, response_state=ResponseState.NONE).update(
        response_state=ResponseState.VISITED
    )
    Visit.objects.filter(pk__in=[visit.pk for visit in waiting]).update(settled_at=now)
    Visit.objects.filter(pk__in=automatic).update(is_automatic=True)
    return len(waiting)


def _automatic(waiting: list[Visit], links: dict[str, LinkToken], limits: Limits) -> set[int]:
    """Looks of the batch that are no person's, judged beside all looks of the same client at links of the mail."""
    around = Visit.objects.filter(token__in=links, fingerprint__in={visit.fingerprint for visit in waiting})
    by_mail: dict[tuple[int, str], list[Seen]] = defaultdict(list)
    for visit in around.exclude(method=POSTED):
        by_mail[(links[visit.token].message_id, visit.fingerprint)].append(_as_seen(visit, links))
    return {
        visit.pk
        for visit in waiting
        if visit.token in links
        and is_automatic(
            _as_seen(visit, links),
            by_mail[(links[visit.token].message_id, visit.fingerprint)],
            limits,
        )
    }


def _as_seen(visit: Visit, links: dict[str, LinkToken]) -> Seen:
    return Seen(
        at=visit.at,
        client=visit.fingerprint,
        token=visit.token,
        method=visit.method,
        score=None if visit.r == NO_SCORE else visit.r,
        is_honeypot=links[visit.token].purpose == TokenPurpose.HONEYPOT,
        is_prefetch=visit.is_prefetch,
        is_scanner=visit.is_scanner,
        since_accept=visit.seconds_since_accept,
    )


def purge_visits(*, now: datetime, days: int) -> int:
    """Forget looks older than the policy keeps them."""
    gone, _ = Visit.objects.filter(Q(at__lt=now - timedelta(days=days)) & ~Q(settled_at=None)).delete()
    return gone
