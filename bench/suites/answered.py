"""Pages of results over many answers as calls of a worker, and the bare count over the same rows beside them."""

import logging
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.choices import Role
from accounts.models import User
from customers.models import Contact, Customer, CustomerSummary
from surveys.models import Campaign, Invitation, Message, Response, Wave
from surveys.queries import scores, slices
from surveys.queries.slices import Slice
from tests.factories.surveys import make_campaign

FIRST_ID = 10_000_000  # of the rows made here
WAVES, PEOPLE_OF_CUSTOMER = 2, 4
state: dict[str, Any] = {}


def fill(answers: int) -> int:
    """That many answers to two waves of one campaign; each row is a copy of one that the models accepted."""
    admin, _ = User.objects.get_or_create(
        email="admin@kestrel.example", defaults={"name": "Vera Lund", "role": Role.ADMIN}
    )
    now = timezone.now()
    campaign = make_campaign(by=admin, now=now, name="Bench")
    Campaign.objects.filter(pk=campaign.pk).update(state="active", launched_at=now, launched_by=admin)
    version, sent = campaign.current, now - timedelta(days=80)
    waves = [
        Wave.objects.create(campaign=campaign, version=version, number=n + 1, snapshot_at=now, state="collecting")
        for n in range(WAVES)
    ]  # fmt: skip
    people = answers // WAVES
    home = Customer.objects.create(name="Bench 0", currency="EUR")
    homes = max(people // PEOPLE_OF_CUSTOMER, 1)
    summary = CustomerSummary.objects.create(customer=home, mrr=100)
    _copies(home, homes, {"id": f"{FIRST_ID} + n - 1", "name": "'Bench ' || n", "segment": _of("segment")})
    _copies(summary, homes, {"customer_id": f"{FIRST_ID} + n - 1", "mrr": "n % 7 * 100"})
    one = Contact.objects.create(customer=home, name="Robin Ash", email="one@customer.example")
    invitation = Invitation.objects.create(
        wave=waves[0], contact=one, customer=home, text=version.texts.get(), email_norm=one.email,
        response_state="answered", expires_at=now + timedelta(days=30),
    )  # fmt: skip
    message = Message.objects.create(
        invitation=invitation, not_before=sent, max_at=now, message_id="bench-one", delivery_state="sent",
        settled_by="reply", accepted_at=sent,
    )  # fmt: skip
    response = Response.objects.create(
        invitation=invitation, message=message, campaign=campaign, customer=home, contact=one, kind="nps",
        series_key=version.series_key, scale_min=0, scale_max=10, score=9, sent_at=sent, first_answered_at=sent,
        answered_at=sent,
    )  # fmt: skip
    person = f"{FIRST_ID} + (n - 1) % {people}"
    customer = f"{FIRST_ID} + (n - 1) % {people} % {homes}"
    day = "interval '1 minute' * (n % 100000)"
    many = {"id": f"{FIRST_ID} + n - 1", "invitation_id": f"{FIRST_ID} + n - 1", "customer_id": customer}
    said = many | {"message_id": f"{FIRST_ID} + n - 1", "contact_id": person}
    _copies(one, people, many | {"email": "'p' || n || '@d' || n % 500 || '.example'", "role": _of("role")})
    _copies(
        invitation, answers,
        said | {"wave_id": f"{waves[0].pk} + (n - 1) / {people}", "email_norm": "'p' || n || '@d.example'",
                "email_domain": "'d' || n % 500 || '.example'"},
    )  # fmt: skip
    _copies(message, answers, many | {"message_id": "'bench-' || n", "accepted_at": f"accepted_at + {day}"})
    _copies(
        response, answers,
        said | {"score": "(n * 7919) % 11", "comment": _of("comment"), "answered_at": f"answered_at + {day}"},
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    state.update(key=version.series_key, campaign=campaign.pk, client=_signed_in(admin))
    return Response.objects.count() - 1


def _of(name: str) -> str:
    words = {
        "segment": ["small", "mid", "large"],
        "role": ["Decision maker", "Influencer", "User", ""],
        "comment": ["", "Slow since the last update, and nobody answers", "Great support", ""],
    }[name]
    return f"(ARRAY{words})[n % {len(words)} + 1]"


def _copies(one: Model, number: int, changed: dict[str, str]) -> None:
    """Copies of a row; `changed` are expressions of `n` for columns that differ."""
    names = [field.column for field in one._meta.concrete_fields]
    values = ", ".join(changed.get(name, name) for name in names)
    table, key = one._meta.db_table, one._meta.pk.column
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(names)}) SELECT {values}"
            f" FROM (SELECT * FROM {table} WHERE {key} = {one.pk}) one, generate_series(1, {number}) n"
        )


def _signed_in(admin: User) -> Client:
    settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, "testserver"]
    logging.getLogger("django.request").setLevel(logging.CRITICAL)
    client = Client()
    client.force_login(admin)
    return client


def figures() -> dict[str, dict[str, int]]:
    """n, happy, unhappy and sum of all answers, as the pages count them and as plain SQL does."""
    series = next(one for one in slices.series_list() if one.key == state["key"])
    rows = slices.answers(Slice(series=series.key), series.scale)
    held = scores.weighting.merged(scores.tally_customers(rows, series.scale)[0].values())
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), sum((score >= 9)::int), sum((score <= 6)::int), sum(score) FROM surveys_response"
            " WHERE series_key = %s AND status = 'counted'",
            [series.key],
        )
        plain = cursor.fetchone()
    names = ("n", "happy", "unhappy", "total")
    return {
        "page": {name: getattr(held, name) for name in names},
        "plain": dict(zip(names, plain, strict=True)),
    }


def look(page: str, times: int) -> int:
    """How many of that many looks at a page succeeded."""
    key, campaign = state["key"], state["campaign"]
    queries = {
        "scores": f"?series={key}&span=all",
        "comparison": f"?series={key}",
        "funnel_panel": f"?campaign={campaign}&by=domain",
        "topic_effects": f"?series={key}&span=all",
    }
    href = reverse(f"surveys:{page}", args=[campaign] if page == "results" else []) + queries.get(page, "")
    return sum(state["client"].get(href).status_code == 200 for _ in range(times))


def count(times: int) -> int:
    """The reference: the bare count over the same rows, read as they lie."""
    with connection.cursor() as cursor:
        for _ in range(times):
            cursor.execute("SELECT count(status) FROM surveys_response WHERE series_key = %s", [state["key"]])
            cursor.fetchone()
    return times
