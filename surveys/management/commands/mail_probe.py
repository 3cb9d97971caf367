"""A survey mail to a user, sent at once, with what to look for when it arrives."""

import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts.models import User
from config.work import smtp
from surveys.queries import policy as policies
from surveys.services import mail_probe

CHECKS = (
    "SPF: the envelope sender's domain names your relay: look for spf=pass in Authentication-Results.",
    "DKIM: dkim=pass with d={domain}, and its h= list holds list-unsubscribe and list-unsubscribe-post.",
    "DMARC: dmarc=pass; the From domain {domain} is aligned with SPF or DKIM.",
    "List-Unsubscribe is on one line, unchanged, and your mail program shows its own unsubscribe button.",
    "The mail is in the inbox, not in spam, and Reply-To ({reply_to}) is a mailbox somebody reads.",
    "Gmail counts 5,000 mails a day from a domain as bulk and refuses senders above 0.3 % complaints.",
)


class Command(BaseCommand):
    help = "Send a probe in the manner of a survey mail to a user and print what to check in it. Exit 1 when refused."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--to", required=True, metavar="USER", help="address of a user")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Talk to the mail server once; nothing is stored."""
        user = User.objects.filter(email__iexact=options["to"], is_active=True).first()
        if user is None:
            message = "There is no active user with this address. A probe goes to users only."
            raise CommandError(message, returncode=2)
        sender = policies.sender()
        outcome = mail_probe.send(to=user.email, sender=sender, now=timezone.now())
        said = f"{outcome.code or ''} {outcome.text}".strip()
        if outcome.result != smtp.Result.ACCEPTED:
            message = f"Not accepted at the step “{outcome.phase}” ({outcome.result}): {said}"
            raise CommandError(message, returncode=1)
        self.stdout.write(f"The server took it ({said}). In the mail at {user.email} check:")
        for line in CHECKS:
            domain = sender.email.rpartition("@")[2]
            self.stdout.write(f"- {line.format(domain=domain, reply_to=sender.reply_to)}")
