"""`create_user EMAIL --role ROLE`: a login without an invitation, for the first admin and for scripts."""

import json
import secrets
import sys
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandParser
from django.core.validators import validate_email
from django.utils import timezone

from accounts.choices import Role
from accounts.services.users import create_user
from config.web.errors import DomainError

PASSWORD_BYTES = 12  # 96 bits, typed at most once


class Command(BaseCommand):
    help = "Make a login. Without --password-stdin a random password is made and printed once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--role", required=True, choices=Role.values)
        parser.add_argument("--name", default="", help="the person's name; the part before @ when missing")
        parser.add_argument(
            "--password-stdin", action="store_true", help="read the password from standard input"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(self, *_args: Any, **options: Any) -> None:
        email = options["email"].strip().lower()
        given = sys.stdin.readline().rstrip("\n") if options["password_stdin"] else ""
        password = given or secrets.token_urlsafe(PASSWORD_BYTES)
        try:
            validate_email(email)
            user = create_user(
                email=email,
                name=options["name"] or email.partition("@")[0].replace(".", " ").title(),
                role=options["role"],
                password=password,
                by=None,
                now=timezone.now(),
            )
        except (DomainError, ValidationError) as error:
            self._refuse(" ".join(getattr(error, "messages", [str(error)])), as_json=options["json"])
        answer = {"ok": True, "id": user.pk, "email": user.email, "role": user.role}
        if not given:
            answer["password"] = password
        if options["json"]:
            self.stdout.write(json.dumps(answer))
            return
        self.stdout.write(f"{user.email} may sign in as {user.get_role_display()}.")
        if not given:
            self.stdout.write(f"Password, shown this once: {password}")

    def _refuse(self, message: str, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps({"ok": False, "error": message}))
        else:
            self.stderr.write(message)
        sys.exit(2)
