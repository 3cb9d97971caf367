"""Customers with enough facts for a score, and the starter card."""

from datetime import date, timedelta
from decimal import Decimal

from accounts.choices import Role
from accounts.models import User
from accounts.queries.organisation import local_day
from metrics.services import lint, scorecard_review, scorecards
from metrics.services.scorecards import ensure_default_scorecard
from metrics.services.scores import score_customers
from surveys.models import Response
from tests.factories.customers import (
    NOW,
    make_contact,
    make_customer,
    make_pulse,
    make_subscription,
    make_ticket,
    make_touchpoint,
    make_usage,
)
from tests.factories.users import make_user

TODAY = NOW.date()


def days_before(count: int) -> date:
    return TODAY - timedelta(days=count)


def make_scored_customer(*, owner=None, name="", level=4, mrr="100.00", **fields):
    """Four of ten seats active, usage doubled, seen yesterday, one solved ticket, pulse of today."""
    customer = make_customer(owner=owner, name=name, phase="adoption", **fields)
    make_subscription(customer, mrr=mrr, quantity=Decimal(10))
    for day, user in ((1, "a"), (2, "b"), (3, "c"), (4, "d"), (30, "a"), (31, "a"), (60, "a")):
        make_usage(customer, day=days_before(day), user=user)
    make_ticket(customer, opened_at=NOW - timedelta(days=20), solved_at=NOW - timedelta(days=18))
    make_pulse(customer, level=level, note="as the call of today says" if level < 3 else "")
    make_touchpoint(customer, occurred_at=NOW - timedelta(days=5))
    return customer


def make_answer(customer, score, *, kind="nps", at=NOW, contact=None, status="counted", **fields):
    """A counted answer as an import would store it."""
    contact = contact or make_contact(customer)
    low, high = (0, 10) if kind == "nps" else (1, 5) if kind.endswith("5") else (1, 7)
    return Response.objects.create(
        customer=customer,
        contact=contact,
        kind=kind,
        channel="import",
        series_key=kind,
        scale_min=low,
        scale_max=high,
        score=score,
        status=status,
        first_answered_at=at,
        answered_at=at,
        **fields,
    )


def score_now(*customers, now=NOW, as_of=None):
    """Score these customers (all without arguments) as the worker does."""
    ids = [customer.pk for customer in customers] or None
    return score_customers(customer_ids=ids, as_of=as_of or now.date(), now=now)


def starter(now=NOW):
    return ensure_default_scorecard(now=now)


def send_draft(draft, *, by, now=NOW, on=None, note="Changed as the review of spring says"):
    """Send a draft to review with a preview of it and a note on every warning."""
    findings = lint.findings_of(draft, now=now)
    notes = {lint.name_of(one): "seen and meant" for one in findings if one.level == "W"}
    scorecards.acknowledge(draft=draft, notes=notes, by=by, now=now)
    scorecards.note_preview(draft=draft, summary={}, now=now)
    return scorecard_review.send_to_review(
        draft=draft,
        version=draft.version,
        note=note,
        effective_on=on or local_day(now),
        by=by,
        now=now,
    )


def put_in_force(draft, *, by, now=NOW, **fields):
    """A draft through review and approval by a second admin."""
    second = User.objects.filter(email="second.admin@tend.example").first() or make_user(
        "Second Admin", Role.ADMIN, email="second.admin@tend.example"
    )
    sent = send_draft(draft, by=by, now=now, **fields)
    return scorecard_review.approve(version=sent, by=second, now=now)
