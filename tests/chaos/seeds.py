"""What an installation holds before a test harms it, made by the services in a process of its own.

python -m tests.chaos.seeds NAME '{"option": …}' prints one JSON line.
"""

import json
import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from datetime import timedelta

from django.utils import timezone

from accounts.choices import Role
from accounts.models import User
from config.work import jobs
from customers import tasks  # noqa: F401 - registers the kinds of jobs
from customers.models import Contact, Customer
from customers.services.imports import batches
from surveys.models import Campaign, SurveyPolicy
from surveys.services import advance, campaigns, delivery
from tests.factories.customers import (
    make_contact,
    make_customer,
    make_follow_up,
    make_pulse,
    make_ticket,
    make_usage,
)
from tests.factories.surveys import make_campaign
from tests.factories.users import PASSWORD, make_organisation, make_team, make_user

NOW = timezone.now().replace(microsecond=0)
TODAY = NOW.date()
# The people of these tests press Send at once after a mail that was taken just now; that alone makes nobody suspect.
QUICK = {"form_ms": 0, "accept_s": 0, "quick_look_s": 0}


def people():
    """The organisation, its admin and two CSMs in different teams."""
    make_organisation(name="Kestrel", time_zone="UTC", currency="EUR")
    north, south = make_team("North"), make_team("South")
    SurveyPolicy.objects.create(valid_from=NOW, **QUICK)
    vera = make_user("Vera Lund", Role.ADMIN, email="vera@tend.example", password=PASSWORD)
    anna = make_user("Anna Berg", team=north, email="anna@tend.example", password=PASSWORD)
    carl = make_user("Carl Voss", team=south, email="carl@tend.example", password=PASSWORD)
    return vera, anna, carl


def organisation(**fields):
    """Nothing but the organisation's settings."""
    return {"currency": make_organisation(**fields).currency}


def company(*, customers=8, contacts=1, facts=True, follow_up=False, asked=False, sent=False):
    """Customers of Anna with contacts, revenue and, with `facts`, enough readings for a score; one of Carl's."""
    vera, anna, carl = people()
    made = []
    for number in range(customers):
        customer = make_customer(
            owner=anna,
            name=f"Harbour {number}",
            mrr=f"{100 * (number + 1)}.00",
            since=TODAY - timedelta(days=200),
            now=NOW,
        )
        made.append(customer.pk)
        Contact.objects.bulk_create(  # thousands of them in the long runs
            Contact(
                customer=customer,
                email=f"c{number}.{place}@harbour{number}.example",
                name=f"Robin Ash {place}",
            )
            for place in range(contacts)
        )
        if facts:
            _facts(customer, number)
        if follow_up:
            make_follow_up(customer, owner=anna, title="Send the plan", now=NOW)
    stranger = make_customer(
        owner=carl, name="Zanzibar Freight", mrr="900.00", since=TODAY - timedelta(days=90), now=NOW
    )
    make_contact(stranger, "quill@zanzibar.example", name="Quillon Marsh", now=NOW)
    if asked:
        campaign()
    if sent:
        delivery.send_due(clock=timezone.now)
    return {
        "customers": made,
        "stranger": stranger.pk,
        "people": {"vera": vera.pk, "anna": anna.pk, "carl": carl.pk},
    }


def _facts(customer, number):
    """Usage, a ticket and a pulse that differ from customer to customer."""
    for back in range(0, 60, 3):
        make_usage(
            customer,
            day=TODAY - timedelta(days=back + 1),
            user=f"u{back % (number + 2)}",
            count=number + 1,
            now=NOW,
        )
    make_ticket(customer, opened_at=NOW - timedelta(days=5 + number), now=NOW)
    make_pulse(customer, level=1 + number % 5, note="The planner is slow.", now=NOW)


def campaign(*, launched=True, no_limits=True):
    """An NPS campaign to every contact, by the admin, that may send at any hour; launched with its snapshot."""
    vera = User.objects.get(email="vera@tend.example")
    if no_limits:
        SurveyPolicy.objects.create(
            valid_from=NOW,
            customer_cap=0,
            canary_size=0,
            cap_per_hour=0,
            cap_per_domain_hour=0,
            typed_count_over=1_000_000,
            **QUICK,
        )
    made = make_campaign(by=vera, now=NOW, name="Harbour NPS")
    if launched:
        campaigns.launch(campaign=made, by=vera, now=NOW)
        advance.advance_campaigns(now=NOW)
    return {"campaign": Campaign.objects.get().pk, "customers": Customer.objects.count()}


def import_job(*, text, columns):
    """A customers file uploaded and checked by the admin, its import waiting for a worker."""
    vera = User.objects.get(email="vera@tend.example")
    batch = batches.upload(
        kind="customers", source="import", file_name="c.csv", chunks=[text.encode()], options={}, by=vera
    )
    job = batches.check(
        batch=batch, fields=dict(zip(columns, columns, strict=True)), constants={}, options={}, by=vera
    )
    jobs.run(job.pk)
    batch.refresh_from_db()
    return {"batch": batch.pk, "job": batches.commit(batch=batch, may_skip_bad=False, by=vera).pk}


if __name__ == "__main__":
    answer = {
        "organisation": organisation,
        "company": company,
        "campaign": campaign,
        "import_job": import_job,
    }[sys.argv[1]](**json.loads(sys.argv[2]))
    sys.stdout.write(json.dumps(answer) + "\n")
