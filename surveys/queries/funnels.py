"""The funnel by wave, segment, language, receiving domain or customer, and what it says about deliveries (S-34, S-35)."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q, QuerySet

from customers.queries.access import customers_for
from surveys.choices import ACCEPTED, DeliveryState, MessageKind, ResponseState, ResponseStatus
from surveys.models import Campaign, Invitation, WaveSkip
from surveys.queries.slices import Slice

FIELDS = {
    "wave": "wave",
    "segment": "customer__segment",
    "language": "language",
    "domain": "email_domain",
    "customer": "customer",
}
# Left out before there was an invitation: known per wave and customer, not per language or domain.
SKIP_FIELDS = {"wave": "wave", "segment": "customer__segment", "customer": "customer"}
SEEN = (ResponseState.VISITED, ResponseState.ANSWERED, ResponseState.LOCKED)
SUSPECT = (ResponseState.SUSPECT, ResponseState.DISCARDED)
MANY_SENT = 20  # mails to a domain from which on silence is a finding
LINES_SHOWN = 100


@dataclass(frozen=True)
class Line:
    """One group's way from the audience to a comment. Rates pool their counts, never average rates."""

    key: Any
    name: str
    eligible: int
    skipped: int
    sent: int
    bounced: int
    visited: int
    answered: int
    commented: int
    suspect: int

    @property
    def response_rate(self) -> float | None:
        """Answered of accepted."""
        return self.answered / self.sent if self.sent else None

    @property
    def completion(self) -> float | None:
        """Answered of visited."""
        return self.answered / self.visited if self.visited else None

    @property
    def suspect_rate(self) -> float | None:
        """Suspect of suspect and answered."""
        whole = self.suspect + self.answered
        return self.suspect / whole if whole else None

    @property
    def finding(self) -> str:
        """What a person should look at, in words; only receiving domains are judged (S-35)."""
        if self.sent >= MANY_SENT and not self.visited and not self.suspect:
            return "nobody opened a link: mails may not arrive"
        if self.suspect and not self.answered:
            return "only suspect answers: a gateway may be pressing the buttons"
        return ""


def lines(wanted: Slice, by: str, *, user: Any) -> list[Line]:
    """The funnel of a campaign, wave or series in groups, the largest first. Customers are those the reader may see."""
    asked = _asked(wanted)
    if by == "customer":
        asked = asked.visible_to(user)
    found = (
        asked.order_by()
        .values(FIELDS[by])
        .annotate(
            asked=Count("pk"),
            sent=Count("pk", filter=Q(messages__delivery_state__in=ACCEPTED)),
            bounced=Count("pk", filter=Q(messages__delivery_state=DeliveryState.BOUNCED)),
            skipped=Count("pk", filter=Q(messages__delivery_state=DeliveryState.SKIPPED)),
            visited=Count(
                "pk", filter=Q(response_state__in=SEEN) | Q(response__status=ResponseStatus.COUNTED)
            ),
            answered=Count("pk", filter=Q(response__status=ResponseStatus.COUNTED)),
            commented=Count(
                "pk", filter=Q(response__status=ResponseStatus.COUNTED) & ~Q(response__comment="")
            ),
            suspect=Count("pk", filter=Q(response_state__in=SUSPECT)),
        )
    )
    rows = sorted(found, key=lambda row: row["asked"], reverse=True)[:LINES_SHOWN]
    left_out, names = _left_out(wanted, by, user), _names([row[FIELDS[by]] for row in rows], by, user)
    return [
        Line(
            key=row[FIELDS[by]],
            name=names.get(row[FIELDS[by]], str(row[FIELDS[by]] or "none")),
            eligible=row["asked"] + left_out[row[FIELDS[by]]],
            skipped=row["skipped"] + left_out[row[FIELDS[by]]],
            **{
                name: row[name] for name in ("sent", "bounced", "visited", "answered", "commented", "suspect")
            },
        )
        for row in rows
    ]


def _asked(wanted: Slice) -> QuerySet[Invitation]:
    """Invitations with their first message: one row each."""
    rows = Invitation.objects.filter(is_test=False, messages__kind=MessageKind.FIRST)
    rules = {
        "wave": wanted.wave,
        "wave__campaign": wanted.campaign,
        "wave__version__series_key": wanted.series,
        "customer__segment": wanted.segment,
        "language": wanted.language,
        "phase_at_send": wanted.phase,
        "owner_at_send": wanted.owner,
    }
    return rows.filter(**{name: value for name, value in rules.items() if value})


def _left_out(wanted: Slice, by: str, user: Any) -> Counter[Any]:
    if by not in SKIP_FIELDS:
        return Counter()
    rules = {
        "wave": wanted.wave,
        "wave__campaign": wanted.campaign,
        "wave__version__series_key": wanted.series,
    }
    rows = WaveSkip.objects.filter(**{name: value for name, value in rules.items() if value})
    if by == "customer":
        rows = rows.visible_to(user)
    return Counter(dict(rows.order_by().values_list(SKIP_FIELDS[by]).annotate(n=Count("pk"))))


def _names(keys: list[Any], by: str, user: Any) -> dict[Any, str]:
    if by == "customer":
        return dict(customers_for(user).filter(pk__in=keys).values_list("pk", "name"))
    if by == "wave":
        rows = Campaign.objects.filter(waves__in=keys).values_list("waves", "name", "waves__number")
        return {pk: f"{name}, wave {number}" for pk, name, number in rows}
    return {}
