"""S-100, BS-1, BT-1, F45: what a look, a press and a refusal cost in statements.

Begin, commit and savepoints stand apart, and what is prepared once per connection.
"""

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from surveys.models import Response, ResponseRevision, Visit
from surveys.queries import links
from surveys.views import public
from tests.surveys.failures import conftest
from tests.surveys.failures.conftest import NONCE, READING, Someone

pytestmark = pytest.mark.django_db
an_hour_later, asked = conftest.an_hour_later, conftest.asked

LOOK, PRESS = 2, 2
REFUSAL = 3  # the link, the address that helps, the counter
APART = ("PREPARE", "SAVEPOINT", "RELEASE", "BEGIN", "COMMIT", "ROLLBACK")


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


@pytest.mark.parametrize("pooler", [False, True])
def test_bs_1_every_press_reads_once_and_writes_once(asked, settings, pooler):
    settings.DATABASE_POOLER = pooler
    me, scanner = Someone("Firefox/140"), Someone("Barracuda Sentinel")
    costs = {
        "suspect": pressing(scanner, asked.answer, 0),
        "suspect again": pressing(scanner, asked.answer, 1),
        "in its place": pressing(me, asked.answer, 2, comment="Slow"),
        "changed": pressing(me, asked.answer, 3),
        "the same": pressing(me, asked.answer, 3),
        "set aside": pressing(scanner, asked.answer, 10),
    }
    assert {name: made for name, made in costs.items() if len(made) != PRESS} == {}
    assert (Response.objects.get().score, ResponseRevision.objects.count()) == (3, 4)
    assert Visit.objects.filter(method="POST").count() == 5  # the same point twice in a minute is one row


def test_bs_1_a_first_answer_reads_once_and_writes_once(asked):
    made = pressing(Someone(), asked.answer, 2, comment="Slow")
    assert len(made) == PRESS, made
    assert ResponseRevision.objects.get().comment == "Slow"


def test_s_100_the_first_look_of_a_process_costs_no_more(asked, monkeypatch):
    monkeypatch.setattr(links, "_frozen", {})
    for _ in range(2):
        assert len(statements(lambda: Someone().look(asked.answer))) == LOOK
    assert len(links._frozen) == 1


def test_f45_a_refused_guess_costs_three_statements_and_notes_no_look(asked):
    gateway = Someone("Gateway")
    codes = [gateway.look(f"/s/{number:022d}").status_code for number in range(public.MISS_LIMIT + 1)]
    assert codes[-1] == 429
    for path in ("/s/unknown", f"{asked.unsubscribe}x"):
        made = statements(lambda path=path: gateway.look(path))
        assert len(made) <= REFUSAL, made
    assert Visit.objects.count() == 0
    assert gateway.look(asked.answer).status_code == 200
