"""What leaves in files: invitations, messages, events, responses, revisions of the reader's own customers (S-143)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import QuerySet

from accounts.choices import Role
from customers.queries.access import customers_to_edit
from surveys.formulas.scales import scale_of
from surveys.models import DeliveryEvent, Invitation, Message, Response, ResponseEvent, ResponseRevision

FORMULAS = {
    "nps": "NPS = 100 x (promoters 9-10 - detractors 0-6) / n",
    "csat": "CSAT = share of the top two boxes",
    "ces": "CES = share agreeing",
}
NO_FORMULA = "mean; no agreed cuts on this scale"
CHUNK = 1000


@dataclass(frozen=True)
class Export:
    """One file: its columns, each with how a row fills it, and which rows."""

    rows: QuerySet[Any]
    columns: tuple[tuple[str, Callable[[Any], Any]], ...]

    def header(self) -> list[str]:
        return [name for name, _ in self.columns]

    def lines(self, zone: ZoneInfo) -> Iterator[list[Any]]:
        """Rows of cells; every instant in UTC, followed by the same in the organisation's zone."""
        for row in self.rows.iterator(chunk_size=CHUNK):
            yield [cell for _, fill in self.columns for cell in [_plain(fill(row), zone)]]


@dataclass(frozen=True)
class Local:
    """An instant to be written in the organisation's zone."""

    moment: datetime | None


def _plain(value: Any, zone: ZoneInfo) -> Any:
    if isinstance(value, Local):
        return value.moment.astimezone(zone).isoformat() if value.moment else None
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return value


def _of(path: str) -> Callable[[Any], Any]:
    """A value by its dotted path; a missing link on the way is empty."""
    names = path.split(".")

    def fill(row: Any) -> Any:
        for name in names:
            row = getattr(row, name, None)
            if row is None:
                return None
        return row

    return fill


def _column(name: str, path: str = "") -> tuple[str, Callable[[Any], Any]]:
    return name, _of(path or name)


def _instant(name: str, path: str = "") -> tuple[tuple[str, Callable[[Any], Any]], ...]:
    fill = _of(path or name)
    return (f"{name}_utc", fill), (f"{name}_local", lambda row: Local(fill(row)))


def _formula(row: Response) -> str:
    if scale_of(row.kind, row.scale_min, row.scale_max, row.direction) is None:
        return NO_FORMULA
    return FORMULAS[row.kind.rstrip("57")]


def _scored(path: str = "") -> tuple[tuple[str, Callable[[Any], Any]], ...]:
    def response(row: Any) -> Response:
        return _of(path)(row) if path else row

    return (
        ("score", lambda row: row.score),
        ("scale", lambda row: f"{response(row).scale_min}..{response(row).scale_max}"),
        ("direction", lambda row: response(row).direction),
        ("formula", lambda row: _formula(response(row))),
    )


RESPONSES = (
    _column("response_id", "pk"), _column("customer_id"), _column("customer", "customer.name"),
    _column("contact_email", "contact.email"), _column("kind"), *_scored(), _column("comment"), _column("wants_contact"),
    _column("campaign", "campaign.name"), _column("series", "series_key"), _column("channel"), _column("status"),
    _column("language"), _column("phase"), _column("owner_at_answer", "owner_at_answer.name"),
    *_instant("sent_at"), *_instant("answered_at"), _column("revision"),
)  # fmt: skip
REVISIONS = (
    _column("response_id"), _column("number"), _column("customer_id", "response.customer_id"),
    _column("kind", "response.kind"), *_scored("response"), _column("comment"), _column("wants_contact"),
    *_instant("occurred_at"), *_instant("recorded_at"),
)  # fmt: skip
INVITATIONS = (
    _column("invitation_id", "pk"), _column("campaign", "wave.campaign.name"), _column("wave", "wave.number"),
    _column("customer_id"), _column("customer", "customer.name"), _column("contact_email", "email_norm"),
    _column("language"), _column("phase_at_send"), _column("owner_at_send", "owner_at_send.name"),
    _column("response_state"), *_instant("created_at"), *_instant("expires_at"),
)  # fmt: skip
MESSAGES = (
    _column("message_id"), _column("invitation_id"), _column("kind"), _column("seq"), _column("delivery_state"),
    _column("skip_reason"), _column("failure"), _column("attempts"), _column("reply_code"), *_instant("accepted_at"),
    *_instant("created_at"),
)  # fmt: skip
EVENTS = (
    _column("response_id"), _column("kind"), _column("by", "by.name"), _column("reason"), *_instant("occurred_at"),
)  # fmt: skip
DELIVERIES = (
    _column("message_id", "message.message_id"), _column("type"), _column("source"), *_instant("occurred_at"),
)  # fmt: skip
WHAT = ("responses", "revisions", "invitations", "messages", "events", "deliveries")


def export_of(what: str, user: Any, *, answers: QuerySet[Response]) -> Export:
    """A file of this user: `answers` are the responses the reader's filters leave, all others their whole scope."""
    mine = _mine(user, "customer")
    if what == "responses":
        rows = answers.select_related("customer", "contact", "campaign", "owner_at_answer").order_by("pk")
        return Export(rows, RESPONSES)
    if what == "revisions":
        held = ResponseRevision.objects.filter(response__in=answers.values("pk")).select_related("response")
        return Export(held.order_by("response", "number"), REVISIONS)
    if what == "events":
        judged = ResponseEvent.objects.filter(
            **_mine(user, "response__customer"), response__is_anonymous=False
        )
        return Export(judged.select_related("by").order_by("pk"), EVENTS)
    if what == "deliveries":
        seen = DeliveryEvent.objects.filter(**_mine(user, "message__invitation__customer"))
        return Export(seen.select_related("message").order_by("pk"), DELIVERIES)
    if what == "messages":
        sent = Message.objects.filter(**_mine(user, "invitation__customer"), invitation__is_test=False)
        return Export(sent.order_by("pk"), MESSAGES)
    asked = Invitation.objects.filter(**mine, is_test=False).select_related(
        "wave__campaign", "customer", "owner_at_send"
    )
    return Export(asked.order_by("pk"), INVITATIONS)


def _mine(user: Any, path: str) -> dict[str, Any]:
    """A rule that keeps rows of the customers whose named answers the user may read (S-142)."""
    return {} if user.role == Role.ADMIN else {f"{path}__in": customers_to_edit(user)}
