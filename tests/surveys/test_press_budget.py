"""S-100: what a look and a press cost in statements. Begin, commit and savepoints stand apart."""

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from surveys.models import Response
from tests.surveys.failures import conftest
from tests.surveys.failures.conftest import NONCE, READING, Someone

pytestmark = pytest.mark.django_db
an_hour_later, asked = conftest.an_hour_later, conftest.asked

LOOK, PRESS = 2, 6
APART = ("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT", "ROLLBACK")


def statements(act):
    with CaptureQueriesContext(connection) as captured:
        act()
    return [query["sql"][:90] for query in captured if not query["sql"].startswith(APART)]


def pressing(someone, path, score, **fields):
    """The statements of the POST alone."""
    page = someone.look(f"{path}?change=1")
    data = {"form": NONCE.search(page.content.decode())[1], "score": score, **fields}
    with time_machine.travel(timezone.now() + READING, tick=False):
        return statements(lambda: someone.post(path, data))


def test_s_100_a_look_costs_two_statements_in_every_state(asked):
    me = Someone()
    for path in (f"{asked.answer}?r=7", asked.honeypot):
        assert len(statements(lambda path=path: me.look(path))) <= LOOK
    me.press(asked.answer, 9)
    for path in (asked.answer, f"{asked.answer}?change=1", f"{asked.answer}/thanks"):
        assert len(statements(lambda path=path: me.look(path))) <= LOOK


def test_s_100_no_press_costs_more_than_six_statements(asked):
    me, scanner = Someone("Firefox/140"), Someone("Barracuda Sentinel")
    costs = {
        "suspect": pressing(scanner, asked.answer, 0),
        "suspect again": pressing(scanner, asked.answer, 1),
        "in its place": pressing(me, asked.answer, 2, comment="Slow"),
        "changed": pressing(me, asked.answer, 3),
        "the same": pressing(me, asked.answer, 3),
        "set aside": pressing(scanner, asked.answer, 10),
    }
    assert {name: made for name, made in costs.items() if len(made) > PRESS} == {}
    assert Response.objects.get().score == 3


def test_s_100_a_first_answer_costs_six_statements(asked):
    made = pressing(Someone(), asked.answer, 2, comment="Slow")
    assert len(made) == PRESS, made
