"""Mails about logins: subject, text and HTML from templates, one function each."""

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse

from accounts.models import User
from accounts.queries import organisation


def send_invitation(*, user: User, secret: str, by: User) -> None:
    """Ask a person to set a password; the link carries the secret and works once."""
    context = {
        "user": user,
        "by": by,
        "organisation": organisation.current(),
        "href": settings.SITE_URL + reverse("accounts:accept_invite", args=[secret]),
        "site": settings.SITE_URL,
    }
    _send("invite", user.email, context)


def _send(mail: str, to: str, context: dict[str, object]) -> None:
    subject = " ".join(render_to_string(f"accounts/emails/{mail}-subject.txt", context).split())
    message = EmailMultiAlternatives(
        subject, render_to_string(f"accounts/emails/{mail}-body.txt", context), to=[to]
    )
    message.attach_alternative(render_to_string(f"accounts/emails/{mail}-body.html", context), "text/html")
    message.send()
