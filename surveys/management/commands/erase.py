"""Forget a person, or forget again after a restore whomever the privacy ledger names."""

import argparse
import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from config.web.errors import DomainError
from customers.services import erasure as customers_erasure
from surveys.formulas.addresses import address_key
from surveys.queries.suppressions import is_erased
from surveys.services import erasure, privacy_ledger
from surveys.services.addresses import hasher

REFUSED = 2  # exit code


class Command(BaseCommand):
    help = (
        "Forget a person everywhere; scores, dates and counts stay. --replay does it again after a restore."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--contact", metavar="EMAIL", help="the address of the person")
        what.add_argument("--replay", action="store_true", help="work through the privacy ledger again")
        parser.add_argument("--dry-run", action="store_true", help="count, and change nothing")
        parser.add_argument("--json", action="store_true", help="one JSON document")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Print rows changed per table."""
        if options["replay"]:
            found: dict[str, Any] = {"ok": True, **erasure.replay(now=timezone.now())}
        else:
            found = self._erase(options["contact"], is_dry_run=options["dry_run"])
        if options["json"]:
            self.stdout.write(json.dumps(found))
            return
        for name, value in found.items():
            self.stdout.write(f"{name}: {value}")

    def _erase(self, email: str, *, is_dry_run: bool) -> dict[str, Any]:
        key = address_key(email)
        if key is None:
            raise CommandError(
                f"“{email}” is no address that can be mailed. Check its spelling.", returncode=REFUSED
            )
        now = timezone.now()
        try:
            with transaction.atomic():
                row, rows = customers_erasure.erase_person(email=email, by=None, now=now)
                more = erasure.drain(erasure_id=row.pk, now=now) or {}
                found = {
                    "ok": True,
                    "dry_run": is_dry_run,
                    "subject": f"hmac:{hasher()(key)[:16]}",
                    "contacts": len(row.contact_ids),
                    "rows": _sum(rows, more),
                    "mail_cancelled": more.get("surveys_message", 0),
                    "suppressed": is_erased(hasher()(key)),
                }
                transaction.set_rollback(is_dry_run)
        except DomainError as error:
            raise CommandError(str(error), returncode=REFUSED) from error
        if not is_dry_run:
            privacy_ledger.catch_up(now=now)
        return found | {"ledger_seq": privacy_ledger.last_seq()}


def _sum(first: dict[str, int], second: dict[str, int]) -> dict[str, int]:
    return {name: first.get(name, 0) + second.get(name, 0) for name in sorted({*first, *second})}
