"""The product's own sender and answer page as calls of a worker, and their bare references with the same bytes."""

import re
import smtplib
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import include, path
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from accounts.choices import Role
from accounts.models import User
from config.work.models import CapturedMail
from customers.models import Contact
from customers.queries.access import customers_for
from surveys import tokens
from surveys.emails import MailLinks, link, survey_mail
from surveys.models import Message, SurveyPolicy
from surveys.services import delivery, frames, mail_checks
from tests.factories.surveys import launch, make_campaign

SENDER = "bench@kestrel.example"
TOKEN = re.compile(rb"/s/([A-Za-z0-9_-]{22})\b")
BODY = "x" * 6000  # about an answer page
state: dict[str, Any] = {"round": 0, "raw": [], "paths": []}


@login_not_required
@csrf_exempt
def bare(_request: HttpRequest) -> HttpResponse:
    """What any page of this project costs: routing, middleware, headers."""
    return HttpResponse(BODY)


urlpatterns = [path("bare", bare), path("", include("config.urls"))]


def invite(mails: int) -> int:
    """A launched campaign to that many new contacts, everything due; the same mails rendered for the references."""
    state["round"] += 1
    admin, _ = User.objects.get_or_create(
        email="admin@kestrel.example", defaults={"name": "Vera Lund", "role": Role.ADMIN}
    )
    now = timezone.now()
    SurveyPolicy.objects.create(
        valid_from=now, customer_cap=0, canary_size=0, cap_per_hour=0, cap_per_domain_hour=0
    )
    customers = list(customers_for(admin).order_by("pk")[:mails])
    Contact.objects.bulk_create(
        Contact(
            customer=customers[number % len(customers)],
            name=f"Robin Ash {number}",
            email=f"r{state['round']}.{number}@customer{number}.example",
            role=f"round {state['round']}",
        )
        for number in range(mails)
    )
    draft = make_campaign(
        by=admin, now=now, name=f"Round {state['round']}", audience={"role": [f"round {state['round']}"]}
    )
    launch(draft, by=admin, now=now)
    Message.objects.filter(delivery_state="planned").update(delivery_state="queued", changed_at=Now())
    state["raw"] = [(message.invitation.email_norm, _rendered(message)) for message in _due()]
    return len(state["raw"])


def _due() -> list[Message]:
    loaded = (
        "invitation__wave__campaign",
        "invitation__wave__version",
        "invitation__text",
        "invitation__contact",
        "invitation__customer",
        "invitation__owner_at_send",
    )
    return list(Message.objects.filter(delivery_state="queued").select_related(*loaded).order_by("pk"))


def _rendered(message: Message) -> bytes:
    links = MailLinks(*(link(kind, tokens.mint()[0]) for kind in ("s", "u", "s")))
    return survey_mail(message, links=links, now=timezone.now())


def render(mails: int) -> int:
    """Rendering and checking alone, without server and ledger."""
    run, found = frames.frame(now=timezone.now()), _due()[:mails]
    for message in found:
        wrong = mail_checks.why_not(
            _rendered(message), message=message, base=settings.SITE_URL, passed=run.passed
        )
        if wrong:
            raise ValueError(wrong)
    return len(found)


def send(port: int) -> int:
    """Everything due, through the product's sender, ledger and all."""
    settings.EMAIL = {
        "transport": "smtp", "tls": False, "starttls": False, "host": "127.0.0.1", "port": port, "user": "", "password": "",
    }  # fmt: skip
    return delivery.send_due(clock=timezone.now, seconds=600)


def bare_loop(port: int) -> int:
    """The same bytes by smtplib over one connection, nothing written down."""
    with smtplib.SMTP("127.0.0.1", port) as server:
        for recipient, raw in state["raw"]:
            server.sendmail(SENDER, [recipient], raw)
    return len(state["raw"])


def asked(mails: int) -> int:
    """Mails taken by the outbox, so that their links can be pressed."""
    invite(mails)
    settings.EMAIL = {"transport": "outbox"}
    CapturedMail.objects.all().delete()
    delivery.send_due(clock=timezone.now, seconds=600)
    # the accept lies an hour back: who answers within seconds is looked at as a machine
    Message.objects.filter(delivery_state="sent").update(accepted_at=timezone.now() - timedelta(hours=1))
    found = {
        TOKEN.search(bytes(raw))[1].decode() for raw in CapturedMail.objects.values_list("raw", flat=True)
    }
    state["paths"] = [(f"/s/{token}", tokens.digest(token)) for token in sorted(found)]
    return len(state["paths"])


def look() -> int:
    """One GET of every answer page."""
    return _press(lambda client, where, _digest: client.get(where).status_code == 200)


def press() -> int:
    """One POST of an answer to every page."""
    issued = timezone.now() - timedelta(minutes=1)
    return _press(
        lambda client, where, digest: client.post(
            where, {"form": tokens.form_nonce(digest, issued), "score": 9}
        ).status_code == 303
    )  # fmt: skip


def bare_look() -> int:
    return _press(lambda client, _where, _digest: client.get("/bare").status_code == 200)


def bare_press() -> int:
    return _press(
        lambda client, _where, digest: client.post("/bare", {"form": digest, "score": 9}).status_code == 200
    )


def _press(act: Any) -> int:
    client = Client()
    with override_settings(ROOT_URLCONF="bench.suites.asking"):
        return sum(bool(act(client, where, digest)) for where, digest in state["paths"])
