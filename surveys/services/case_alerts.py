"""Mails and alerts about cases: one mail per event, as a row of the event's own transaction, so never twice."""

from collections.abc import Iterable
from datetime import datetime

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse

from accounts.models import User
from accounts.permissions import may_see_identities
from accounts.queries import organisation
from accounts.queries.managers import admins, manager_above
from customers.choices import AlertState
from customers.models import Alert
from surveys.choices import CaseEventKind
from surveys.models import Case, CaseEvent
from surveys.queries.case_clock import CaseClock, due_of
from surveys.services.case_mirror import said

MAIL_CLASS = "alert"
ALERT_KIND = "case"
HEADLINES = {
    CaseEventKind.OPENED: "New case",
    CaseEventKind.REOPENED: "Case open again",
    CaseEventKind.ANSWERED: "Another unhappy answer",
    CaseEventKind.REASSIGNED: "Case for you",
    CaseEventKind.REMINDED: "Case soon due",
    CaseEventKind.ESCALATED: "Case over its time",
}


def tell(case: Case, event: CaseEvent, *, clock: CaseClock, to: Iterable[User] | None = None) -> None:
    """Mail the event to its assignee, to the admins when there is none, or to those named."""
    receivers = list(to) if to is not None else [case.assignee] if case.assignee is not None else admins()
    for receiver in receivers:
        if receiver.is_active and may_see_identities(receiver):
            _mail(case, event, receiver, clock)


def above(case: Case) -> list[User]:
    """Whom an escalation goes to: the manager of the assignee, else the admins."""
    manager = manager_above(case.assignee) if case.assignee is not None else None
    return [manager] if manager is not None else admins()


def raise_alert(case: Case, receivers: Iterable[User], *, now: datetime) -> None:
    """Show an escalation on Today of its receivers; the title names nobody."""
    step = "first contact" if case.contacted_at is None else "closing"
    Alert.objects.bulk_create(
        [
            Alert(
                customer=case.customer,
                receiver=receiver,
                kind=ALERT_KIND,
                rule=ALERT_KIND,
                dedupe_key=f"{ALERT_KIND} {case.pk}",
                title=f"A survey case is over its time for {step}",
                link=reverse("surveys:case", args=[case.pk]),
                opened_at=now,
            )
            for receiver in receivers
        ],
        ignore_conflicts=True,
    )


def clear_alerts(case: Case, *, now: datetime) -> None:
    """The reason of an escalation is over."""
    found = Alert.objects.filter(dedupe_key=f"{ALERT_KIND} {case.pk}", state=AlertState.OPEN)
    found.update(state=AlertState.CLEARED, closed_at=now)


def _mail(case: Case, event: CaseEvent, receiver: User, clock: CaseClock) -> None:
    response = event.response or case.response
    context = {
        "case": case,
        "event": event,
        "receiver": receiver,
        "response": response,
        "contact": case.contact,
        "headline": HEADLINES[CaseEventKind(event.kind)],
        "said": said(response),
        "due": f"{due_of(case).astimezone(clock.calendar_of(receiver).zone):%A %-d %B, %H:%M %Z}",
        "step": "First contact" if case.contacted_at is None else "Closing",
        "href": settings.SITE_URL + reverse("surveys:case", args=[case.pk]),
        "organisation": organisation.current(),
    }
    subject = " ".join(render_to_string("surveys/emails/case-subject.txt", context).split())
    body = render_to_string("surveys/emails/case-body.txt", context)
    mail = EmailMultiAlternatives(subject, body, to=[receiver.email], headers={"X-Tend-Class": MAIL_CLASS})
    mail.attach_alternative(render_to_string("surveys/emails/case-body.html", context), "text/html")
    mail.send()
