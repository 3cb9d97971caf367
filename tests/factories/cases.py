"""Unhappy answers and their cases."""

from surveys.models import Case, Response
from surveys.services import case_intake
from tests.factories.health import make_answer


def make_low_answer(contact, score=2, *, at, kind="nps", comment="Slow", **fields):
    """An unhappy answer that waits for its case from `at` on."""
    row = make_answer(contact.customer, score, kind=kind, at=at, contact=contact, comment=comment, **fields)
    Response.objects.filter(pk=row.pk).update(needs_follow_up_at=at)
    return row


def make_case(contact, score=2, *, at, **fields):
    """An open case of this contact."""
    make_low_answer(contact, score, at=at, **fields)
    case_intake.open_cases(now=at)
    return Case.objects.get(contact=contact, customer=contact.customer, closed_at=None)
