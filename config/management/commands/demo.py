"""The demo company: a seeded story, loaded through the services."""

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from accounts.queries import organisation
from config.devstack.demo import LOGINS, PASSWORD
from config.management.demo_company import asking, load, story
from customers.models import ExternalId

MONTHS, CUSTOMERS = range(1, 121), range(6, 20_001)  # what the story is written for


class Command(BaseCommand):
    help = "Load the demo company. Refuses a database that holds people or customers."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--seed", type=int, default=7)
        parser.add_argument("--months", type=int, default=24)
        parser.add_argument("--customers", type=int, default=200)

    def handle(self, **options: Any) -> None:
        if User.objects.exists() or ExternalId.objects.exists():
            raise CommandError(
                "This database holds people or customers already, so the demo company is not loaded."
                " Start with an empty one: python3 manage.py dev --reset",
                returncode=2,
            )
        if options["months"] not in MONTHS or options["customers"] not in CUSTOMERS:
            raise CommandError("The demo takes 1 to 120 months and 6 to 20000 customers.", returncode=2)
        self._load(options)

    @transaction.atomic
    def _load(self, options: dict[str, Any]) -> None:
        """All or nothing: a demo that was interrupted leaves an empty database, and one commit is quick."""
        self.started, now = time.monotonic(), timezone.now()
        people = load.found_company(now=now)
        today = organisation.local_day(now)
        built = story.build(
            seed=options["seed"],
            months=options["months"],
            customers=options["customers"],
            today=today,
            csms=load.CSMS,
        )
        load.load(built, people, now=now, report=self._report)
        self._report(asking.ask(built, by=people[load.PEOPLE[0].email], now=now))
        load.put_cards_in_force(people, today=today, report=self._report)
        load.compute(today=today, now=now, report=self._report)
        load.close_last_month(built, by=people[load.PEOPLE[0].email], report=self._report)
        self.stdout.write(f"Demo company loaded in {time.monotonic() - self.started:.1f} s.")
        names = ", ".join(f"{email} ({role})" for email, role in LOGINS.items())
        self.stdout.write(f"Logins: {names}; password {PASSWORD}")

    def _report(self, words: str) -> None:
        self.stdout.write(f"  {time.monotonic() - self.started:6.1f} s  {words}")
