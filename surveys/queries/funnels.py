"""The funnel by wave, segment, language, receiving domain or customer, and what it says about deliveries (S-34, S-35)."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, FilteredRelation, Q, Value

from customers.queries.access import customers_for
from surveys.choices import DeliveryState, ResponseState, ResponseStatus
from surveys.models import Campaign, Invitation, Response, WaveSkip
from surveys.queries.results import mails_not_accepted
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
    asked = Invitation.objects.filter(is_test=False, **_rules(wanted))
    if by == "customer":
        asked = asked.visible_to(user)
    counted = FilteredRelation("response", condition=Q(response__status=ResponseStatus.COUNTED))
    found = (
        asked.order_by()
        .annotate(counted=counted)
        .values_list(FIELDS[by])
        .annotate(
            asked=Count("*"),
            visited=Count(Value(1), filter=Q(response_state__in=SEEN) | Q(counted__isnull=False)),
            answered=Count("counted"),
            suspect=Count(Value(1), filter=Q(response_state__in=SUSPECT)),
        )
        .order_by("-asked", FIELDS[by])[:LINES_SHOWN]
    )
    rows = list(found)
    mails, commented = _mails_not_accepted(wanted, by), _commented(wanted, by)
    left_out, names = _left_out(wanted, by, user), _names([row[0] for row in rows], by, user)
    return [
        Line(
            key=key,
            name=names.get(key, str(key or "none")),
            eligible=invited + left_out[key],
            skipped=mails[key, DeliveryState.SKIPPED] + left_out[key],
            sent=invited - mails[key, ""],
            bounced=mails[key, DeliveryState.BOUNCED],
            visited=visited,
            answered=answered,
            commented=commented[key],
            suspect=suspect,
        )
        for key, invited, visited, answered, suspect in rows
    ]


def _rules(wanted: Slice, prefix: str = "") -> dict[str, Any]:
    """The filters over invitations, as seen from them or from rows that belong to one."""
    rules = {
        "wave": wanted.wave,
        "wave__campaign": wanted.campaign,
        "wave__version__series_key": wanted.series,
        "customer__segment": wanted.segment,
        "language": wanted.language,
        "phase_at_send": wanted.phase,
        "owner_at_send": wanted.owner,
    }
    return {f"{prefix}{name}": value for name, value in rules.items() if value}


def _mails_not_accepted(wanted: Slice, by: str) -> Counter[tuple[Any, str]]:
    """First mails the server did not take, by group and state; without a state, all of the group."""
    rows = mails_not_accepted().filter(**_rules(wanted, "invitation__")).order_by()
    found: Counter[tuple[Any, str]] = Counter()
    grouped = rows.values_list(f"invitation__{FIELDS[by]}", "delivery_state").annotate(n=Count("*"))
    for key, state, number in grouped:
        found[key, state] += number
        found[key, ""] += number
    return found


def _commented(wanted: Slice, by: str) -> Counter[Any]:
    """Counted answers with a comment, by group."""
    rows = Response.objects.counted().exclude(comment="").filter(invitation__is_test=False)
    rows = rows.filter(**_rules(wanted, "invitation__")).order_by()
    return Counter(dict(rows.values_list(f"invitation__{FIELDS[by]}").annotate(n=Count("*"))))


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
