"""Promoters are brought to their CSM, gently."""

from datetime import timedelta

import pytest

from customers.models import FollowUp
from surveys.models import Case
from surveys.services.advocacy import ask_promoters
from tests.factories.surveys import answer, make_sent_message

pytestmark = pytest.mark.django_db
HOURS = timedelta(hours=2)


@pytest.fixture
def promoter(anna, vera, now):
    message, _ = make_sent_message(anna, by=vera, now=now)
    return answer(message, 10, now=now, comment="Love it")


def test_s_209_a_promoter_becomes_one_private_follow_up_once_the_score_has_settled(promoter, anna, now):
    assert ask_promoters(now=now) == 0
    assert ask_promoters(now=now + HOURS) == 1
    follow_up = FollowUp.objects.get(origin="advocacy")
    assert (follow_up.owner, follow_up.note, "gave 10" in follow_up.title) == (anna, "Love it", True)
    assert ask_promoters(now=now + HOURS) == 0


def test_s_209_a_person_is_not_asked_again_within_half_a_year(promoter, now):
    ask_promoters(now=now + HOURS)
    FollowUp.objects.update(state="done", done_at=now)
    assert ask_promoters(now=now + HOURS) == 0
    FollowUp.objects.update(created_at=now - timedelta(days=181))
    assert ask_promoters(now=now + HOURS) == 1


def test_s_209_nobody_is_asked_while_a_case_is_open_at_the_customer(promoter, now):
    case = Case.objects.create(
        customer=promoter.customer, response=promoter, opened_at=now, due_at=now, close_by=now
    )
    assert ask_promoters(now=now + HOURS) == 0
    case.state, case.closed_at, case.outcome = "closed", now, "resolved"
    case.save()
    assert ask_promoters(now=now + HOURS) == 1


@pytest.mark.parametrize("score", [8, 2])
def test_s_209_others_are_not_asked(anna, vera, now, score):
    message, _ = make_sent_message(anna, by=vera, now=now)
    answer(message, score, now=now)
    assert ask_promoters(now=now + HOURS) == 0
