"""Where every mail stands, survey mails and service mails together."""

import argparse
import json
from collections import Counter
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand
from django.db.models import Count, Min
from django.utils import timezone

from config.work.models import MailState, OutgoingMail
from surveys.queries import deliveries
from surveys.services import sending_state


class Command(BaseCommand):
    help = "Counts of all mails per state. Exit 1 when a mail is uncertain or sending is held. --release ends a hold."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON document")
        parser.add_argument(
            "--release", action="store_true", help="let mail leave again after a restore or a move"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Print the report."""
        now = timezone.now()
        if options["release"]:
            sending_state.release(by=None, now=now)
        found = report(now)
        if options["json"]:
            self.stdout.write(json.dumps(found, default=_text))
        else:
            self._tell(found)
        if found["counts"]["uncertain"] or found["hold"]:
            raise SystemExit(1)

    def _tell(self, found: dict[str, Any]) -> None:
        self.stdout.write(f"{found['eligible']} mails")
        for state, count in found["counts"].items():
            if count:
                self.stdout.write(f"  {count:>7} {state}")
        if found["counts"]["uncertain"]:
            self.stdout.write("Uncertain mails wait for a decision: Campaigns, Deliveries.")
        if found["breaker"]["state"] == "open":
            self.stdout.write(
                f"Mail server down since {found['breaker']['since']}: {found['breaker']['error']}"
            )
        if found["hold"]:
            reason = found["hold"]["reason"]
            hold = found["hold"]
            if reason == sending_state.COPY:
                reason = f"mails last left from {hold['sent_from']}, this is {hold['here']}"
            self.stdout.write(
                f"Sending is held ({reason}). Look at the waiting mails, then: manage.py outbox --release"
            )


def report(now: datetime) -> dict[str, Any]:
    """The document of `outbox --json`; `counts` sum to `eligible`, every mail and every contact left out."""
    by_class = deliveries.counts_by_class() | _service_counts()
    total: Counter[str] = Counter(deliveries.no_mail())
    for counts in by_class.values():
        total.update(counts)
    return {
        "as_of": now,
        "counts": {state: total[state] for state in deliveries.STATES},
        "eligible": sum(total.values()),
        **deliveries.sending_facts(now),
        "oldest_age_s": _ages(now),
        "by_class": by_class,
        "waves": deliveries.waves_counted(),
    }


def _service_counts() -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {"security": deliveries.no_mail()}
    rows = OutgoingMail.objects.values_list("mail_class", "state").annotate(count=Count("pk")).order_by()
    for mail_class, state, count in rows:
        found.setdefault(mail_class, deliveries.no_mail())[state] += count
    return found


def _ages(now: datetime) -> dict[str, int | None]:
    survey = deliveries.oldest_since()
    waiting = OutgoingMail.objects.filter(state__in=deliveries.WAITING_STATES)
    service = dict(waiting.values_list("state").annotate(oldest=Min("created_at")).order_by())
    ages: dict[str, int | None] = {}
    for state in deliveries.WAITING_STATES:
        moments = [moment for moment in (survey[state], service.get(MailState(state))) if moment]
        ages[state] = max(0, int((now - min(moments)).total_seconds())) if moments else None
    return ages


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
