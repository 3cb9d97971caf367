"""Alerts on their way: who hears of them, the rows, the mails, and one summary per CSM after a new scorecard."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse

from accounts.choices import Role
from accounts.models import Team, User
from accounts.queries import organisation
from accounts.queries.scope import book_owner_ids
from customers.choices import AlertState
from customers.models import Alert, CustomerSummary
from metrics.choices import AlertKind
from metrics.formulas.health_numbers import shown
from metrics.models import AlertRule
from metrics.queries.measures import Catalog
from metrics.services.alert_causes import Moved, cause_rows
from metrics.services.settled import Verdict

OWNER, MANAGER = "owner", "manager"
MAIL_CLASS = "alert"


@dataclass(frozen=True, slots=True)
class Message:
    """A rule that speaks about a customer; `moved` is None when the score itself did not change."""

    rule: AlertRule
    verdict: Verdict
    renewal_on: date | None
    moved: Moved | None

    @property
    def key(self) -> str:
        """One open alert per rule and customer."""
        return dedupe_key(self.rule.pk, self.verdict.customer_id)


def dedupe_key(rule_id: int, customer_id: int) -> str:
    """What an alert of a rule about a customer is known by."""
    return f"health {rule_id} {customer_id}"


def send(
    messages: Sequence[Message],
    *,
    ended: Collection[tuple[int, int]],
    measures: Catalog,
    now: datetime,
) -> list[Alert]:
    """Close what is over (pairs of rule and customer) or told anew, store one alert per receiver, queue the mails."""
    over = {dedupe_key(*pair) for pair in ended} | {message.key for message in messages}
    if over:
        open_alerts = Alert.objects.filter(dedupe_key__in=over, state=AlertState.OPEN)
        open_alerts.update(state=AlertState.CLEARED, closed_at=now)
    if not messages:
        return []
    owners = _owners({message.verdict.customer_id for message in messages})
    post = Postbox(owners.values())
    alerts = [
        (_alert(message, receiver, measures, now), message.rule.by_mail)
        for message in messages
        for receiver in post.receivers(message.rule, owners.get(message.verdict.customer_id))
    ]
    Alert.objects.bulk_create([alert for alert, _ in alerts], ignore_conflicts=True)
    names = _names(message.verdict.customer_id for message in messages)
    mail_alerts([alert for alert, by_mail in alerts if by_mail], names)
    return [alert for alert, _ in alerts]


def _owners(customer_ids: Collection[int]) -> dict[int, User]:
    rows = CustomerSummary.objects.filter(customer_id__in=customer_ids).exclude(owner=None)
    return {row.customer_id: row.owner for row in rows.select_related("owner").only("customer_id", "owner")}


def _names(customer_ids: Iterable[int]) -> dict[int, str]:
    rows = CustomerSummary.objects.filter(customer_id__in=set(customer_ids))
    return dict(rows.values_list("customer_id", "customer__name"))


class Postbox:
    """Who hears of the customers of some owners: the owner, and the nearest manager above in the tree of teams."""

    def __init__(self, owners: Iterable[User]) -> None:
        self.parents = dict(Team.objects.values_list("pk", "parent_id"))
        self.managers: dict[int, list[User]] = defaultdict(list)
        for user in User.objects.active().filter(role=Role.MANAGER).exclude(team=None).order_by("pk"):
            self.managers[user.team_id].append(user)
        self.above = {owner.pk: self._above(owner) for owner in owners}

    def _above(self, owner: User) -> list[User]:
        team, found = owner.team_id, list[User]()
        while team is not None and not found:
            found = [user for user in self.managers.get(team, ()) if user.pk != owner.pk]
            team = self.parents.get(team)
        scopes = [(user, book_owner_ids(user)) for user in found]
        return [user for user, ids in scopes if ids is None or owner.pk in ids]

    def receivers(self, rule: AlertRule, owner: User | None) -> list[User]:
        """Each once; nobody for a customer without a CSM."""
        if owner is None:
            return []
        found = [owner] if OWNER in rule.receivers and owner.is_active else []
        if MANAGER in rule.receivers:
            found += self.above[owner.pk]
        return found


def _alert(message: Message, receiver: User, measures: Catalog, now: datetime) -> Alert:
    return Alert(
        customer_id=message.verdict.customer_id,
        receiver=receiver,
        kind=message.rule.kind,
        rule=str(message.rule.pk),
        dedupe_key=message.key,
        title=title_of(message),
        causes=cause_rows(message.moved, measures) if message.moved else [],
        link=reverse("customers:customer", args=[message.verdict.customer_id]) + "#health",
        opened_at=now,
    )


def title_of(message: Message) -> str:
    """An alert in one line, without the name of the customer."""
    verdict = message.verdict
    named = verdict.bands.named(verdict.after.band)
    label = named.label if named else "Not enough data"
    score = "" if verdict.score is None else shown(verdict.score, verdict.bands.of)
    if message.rule.kind == AlertKind.UNSCORED:
        return "No score any more: too little of the weight has a reading"
    if message.rule.kind == AlertKind.RED_BEFORE_RENEWAL and message.renewal_on:
        return f"{label} at {score or 'no score'}, and renews on {message.renewal_on:%-d %b %Y}"
    if message.rule.kind == AlertKind.DROP:
        change = message.moved.change if message.moved else None
        before = change.before if change and change.before is not None else None
        fell = "" if before is None else f" from {shown(before, verdict.bands.of)}"
        return f"Health fell{fell} to {score} within {message.rule.days} days"
    verb = "rose" if message.rule.kind == AlertKind.BAND_BETTER else "fell"
    return f"Health {verb} to {label}, now {score}"


def mail_alerts(alerts: Sequence[Alert], names: Mapping[int, str]) -> None:
    """One mail per alert, as rows of this transaction."""
    if not alerts:
        return
    org = organisation.current()
    for alert in alerts:
        context = {
            "alert": alert,
            "name": names.get(alert.customer_id, "") if alert.customer_id else "",
            "causes": alert.causes,
            "href": settings.SITE_URL + alert.link,
            "organisation": org,
        }
        subject = " ".join(render_to_string("metrics/emails/alert-subject.txt", context).split())
        body = render_to_string("metrics/emails/alert-body.txt", context)
        mail = EmailMultiAlternatives(
            subject, body, to=[alert.receiver.email], headers={"X-Tend-Class": MAIL_CLASS}
        )
        mail.attach_alternative(render_to_string("metrics/emails/alert-body.html", context), "text/html")
        mail.send()


def tell_of_cards(found: Sequence[tuple[Verdict, Moved]], *, now: datetime) -> None:
    """One summary per CSM and version of a scorecard: how many of the customers it moved.

    Slices of one run add to the same row; a summary that was put away stays away.
    """
    owners = _owners({verdict.customer_id for verdict, _ in found}) if found else {}
    moved: dict[tuple[int, str], dict[int, str]] = defaultdict(dict)
    titles = {}
    for verdict, change in found:
        owner = owners.get(verdict.customer_id)
        if owner is None or not owner.is_active:
            continue
        version = change.after.version
        titles[f"card {version.pk}"] = f"{version.scorecard.title} {version.label}"
        moved[owner.pk, f"card {version.pk}"][verdict.customer_id] = verdict.move
    for (owner_id, key), customers in sorted(moved.items()):
        _add_to_summary(owner_id, key, titles[key], customers, now)


def _add_to_summary(owner_id: int, key: str, title: str, customers: Mapping[int, str], now: datetime) -> None:
    rows = Alert.objects.filter(dedupe_key=key, receiver_id=owner_id)
    if not rows.exists():
        Alert.objects.bulk_create(
            [
                Alert(
                    receiver_id=owner_id,
                    kind=AlertKind.CARD_PUBLISHED,
                    rule=AlertKind.CARD_PUBLISHED,
                    dedupe_key=key,
                    title=title,
                    link=reverse("customers:portfolio") + "?sort=trend",
                    opened_at=now,
                )
            ],
            ignore_conflicts=True,
        )
    row = rows.select_for_update().order_by("-pk")[0]
    known: dict[str, Any] = next((dict(one.get("customers", {})) for one in row.causes), {})
    known |= {str(pk): move for pk, move in customers.items()}
    row.title = f"{title} moved {len(known)} of your customers"[:200]
    row.causes = [{"cause": "config", "text": _counted(known), "points": "", "customers": known}]
    row.save(update_fields=["title", "causes"])


def _counted(moves: Mapping[str, str]) -> str:
    words = {"better": "to a better band", "worse": "to a worse band", "unscored": "without a score now"}
    counts = {word: sum(move == kind for move in moves.values()) for kind, word in words.items()}
    rest = len(moves) - sum(counts.values())
    said = [f"{count} {word}" for word, count in counts.items() if count]
    return ", ".join([*said, *([f"{rest} within a band or to another card"] if rest else [])])
