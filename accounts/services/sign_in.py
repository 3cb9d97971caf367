"""How people sign in: the adapter that fits allauth to Tend (invited people only, one-page messages, audit log)."""

from typing import Any, ClassVar

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from accounts.models import User
from config.web.client import address
from config.work import audit


class AccountAdapter(DefaultAccountAdapter):
    """Sign-in by email for people an admin has invited."""

    error_messages: ClassVar[dict[str, Any]] = {
        **DefaultAccountAdapter.error_messages,
        "email_password_mismatch": "That email and password do not match. Check both, or set a new password.",
        "too_many_login_attempts": "Too many tries that did not match. Wait 15 minutes, or set a new password.",
        "incorrect_password": "That is not your present password.",
        "enter_current_password": "Enter your present password.",
    }

    def is_open_for_signup(self, _request: HttpRequest) -> bool:
        """Nobody registers alone; an admin invites."""
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        return address(request)

    def get_reset_password_from_key_url(self, key: str) -> str:
        """Every mailed link starts with SITE_URL, whatever host the request named."""
        uidb36, _, token = key.partition("-")
        return settings.SITE_URL + reverse("account_reset_password_from_key", args=[uidb36, token])

    def format_email_subject(self, subject: str) -> str:
        return " ".join(subject.split())

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        """Note a failed sign-in with the address it came from; the password is never touched."""
        audit.record(
            by=None,
            now=request.now,  # type: ignore[attr-defined] - third-party-type
            action="sign_in.failed",
            after={"email": str(credentials.get("email", ""))[:254], "from": address(request)},
            actor_kind="nobody",
        )

    def post_login(self, request: HttpRequest, user: User, **kwargs: Any) -> HttpResponse:
        """Note a sign-in and go on without a greeting."""
        audit.record(
            by=user,
            now=request.now,  # type: ignore[attr-defined] - third-party-type
            action="sign_in.ok",
            subject=user,
            after={"from": address(request)},
        )
        return super().post_login(request, user, **kwargs)

    def add_message(
        self, request: HttpRequest, level: int, message_template: str | None = None, *args: Any, **kwargs: Any
    ) -> None:
        """Only what a person needs to hear: a greeting after each sign-in is noise."""
        if message_template and message_template.rsplit("/", 1)[-1] in {"logged_in.txt", "logged_out.txt"}:
            return
        super().add_message(request, level, message_template, *args, **kwargs)
