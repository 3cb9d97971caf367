"""The product's own sender and answer page as calls of a worker, and their bare references with the same bytes."""

import logging
import re
import smtplib
import socket
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.mail import EmailMultiAlternatives, get_connection
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import include, path
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from accounts.choices import Role
from accounts.models import User
from config.work import smtp
from config.work.models import CapturedMail
from customers.models import Contact
from customers.queries.access import customers_for
from surveys import tokens
from surveys.emails import MailLinks, bodies, link, survey_mail, values_of, wording_of
from surveys.models import Message, SurveyPolicy
from surveys.services import delivery, mail_forms
from tests.factories.surveys import launch, make_campaign

SENDER = "bench@kestrel.example"
TOKEN = re.compile(rb"/s/([A-Za-z0-9_-]{22})\b")
ONE_NETWORK = "203.0.113.7"
BODY = "x" * 6000  # about an answer page
state: dict[str, Any] = {"round": 0, "due": [], "raw": [], "paths": []}


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
    state["due"] = _due()
    state["raw"] = [(message.invitation.email_norm, _rendered(message)) for message in state["due"]]
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


def _links() -> MailLinks:
    return MailLinks(*(link(kind, tokens.mint()[0]) for kind in ("s", "u", "s")))


def _rendered(message: Message) -> bytes:
    return survey_mail(message, links=_links(), now=timezone.now())


def render() -> int:
    """Filling and checking alone, without server and ledger."""
    forms = mail_forms.Forms()
    return sum(bool(_filled(message, forms)) for message in state["due"])


def _filled(message: Message, forms: mail_forms.Forms) -> bytes:
    values = values_of(message, links=_links(), now=timezone.now())
    form = forms.of(wording_of(message), values)
    raw = form.filled(values)
    if wrong := mail_forms.why_not(raw, form=form, values=values):
        raise ValueError(wrong)
    return raw


def send(port: int) -> int:
    """Everything due, through the product's sender, ledger and all."""
    settings.EMAIL = _server(port)
    return delivery.send_due(clock=timezone.now, seconds=600)


def hand_over(port: int) -> int:
    """The same mails filled, checked and handed over by the product, the dot apart, but nothing written down."""
    forms, transport = mail_forms.Forms(), smtp.SmtpTransport(_server(port))
    results = [
        transport.deliver(
            sender=SENDER,
            recipient=message.invitation.email_norm,
            raw=_filled(message, forms),
            before_dot=lambda: True,
        )
        for message in state["due"]
    ]
    transport.close()
    return sum(found.result == smtp.Result.ACCEPTED for found in results)


def _server(port: int) -> dict[str, Any]:
    plain = {"transport": "smtp", "tls": False, "starttls": False, "user": "", "password": ""}
    return plain | {"host": "127.0.0.1", "port": port}


def bare_loop(port: int) -> int:
    """The same bytes by smtplib over one connection, nothing written down."""
    with smtplib.SMTP("127.0.0.1", port) as server:
        for recipient, raw in state["raw"]:
            server.sendmail(SENDER, [recipient], raw)
    return len(state["raw"])


def django_mail(port: int) -> int:
    """Both templates rendered, built and sent the usual way, with a connection per mail."""
    backend = "django.core.mail.backends.smtp.EmailBackend"
    taken = 0
    for message in state["due"]:
        wording, values = wording_of(message), values_of(message, links=_links(), now=timezone.now())
        plain, html = bodies(wording, values)
        mail = EmailMultiAlternatives(
            wording.text.subject, plain, SENDER, [values.address],
            connection=get_connection(backend, host="127.0.0.1", port=port, username="", password="", use_tls=False),
        )  # fmt: skip
        mail.attach_alternative(html, "text/html")
        taken += mail.send()
    return taken


def pipelined(port: int) -> int:
    """The limit: the same bytes over one socket, every mail's commands in one write."""
    with socket.create_connection(("127.0.0.1", port)) as server, server.makefile("rb") as replies:
        server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        replies.readline()
        for recipient, raw in state["raw"]:
            server.sendall(f"MAIL FROM:<{SENDER}>\r\nRCPT TO:<{recipient}>\r\nDATA\r\n".encode())
            found = [replies.readline()[:3] for _ in range(3)]
            server.sendall(raw.replace(b"\r\n.", b"\r\n..") + b".\r\n")
            if [*found, replies.readline()[:3]] != [b"250", b"250", b"354", b"250"]:
                return 0
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


def refuse() -> int:
    """One GET of as many unknown links from a network that has guessed too often; a line of log for each is left out."""
    logging.disable(logging.WARNING)
    guesser = Client(REMOTE_ADDR=ONE_NETWORK)
    while guesser.get("/s/0123456789012345678901").status_code == 404:
        pass
    return _press(
        lambda client, where, _digest: client.get(f"{where}x").status_code == 429, network=ONE_NETWORK
    )


def bare_look() -> int:
    return _press(lambda client, _where, _digest: client.get("/bare").status_code == 200)


def bare_press() -> int:
    return _press(
        lambda client, _where, digest: client.post("/bare", {"form": digest, "score": 9}).status_code == 200
    )


def _press(act: Any, *, network: str = "10.{}.{}.1") -> int:
    """Each from a network of its own, as people answer: hundreds of links opened by one network are a gateway's."""
    client, taken = Client(), 0
    with override_settings(ROOT_URLCONF="bench.suites.asking"):
        for number, (where, digest) in enumerate(state["paths"]):
            client.defaults["REMOTE_ADDR"] = network.format(*divmod(number, 256))
            taken += bool(act(client, where, digest))
    return taken
