"""Workers die while they send (F9). Nobody gets two mails, and every mail that may be lost is named.

CHAOS_MAIL=5000/40 sends 5,000 invitations through 40 kills; without it a small run of the same. It takes some minutes:

    CHAOS_MAIL=5000/40 python3 -m pytest tests/chaos/test_mail.py -k workers_killed -s
"""

import os
import random
import time

import pytest

from tests.chaos import oracle
from tests.chaos.product import SHORT_LEASES

pytestmark = [pytest.mark.chaos, pytest.mark.smoke]

MAILS, KILLS = (int(number) for number in os.environ.get("CHAOS_MAIL", "150/6").split("/"))
CONTACTS = 5 if MAILS < 1000 else 50  # per customer
CUSTOMERS = MAILS // CONTACTS
INVITED = CUSTOMERS * CONTACTS + 1  # one contact of another CSM's customer
SLOW_S = 0.02  # the reply comes so late that a kill often falls between dot and reply
FEW = 25  # mails for the tests with a chosen point of death
SEED = 7
DONE_SECONDS = 90 + MAILS // 5
BEFORE_THE_DOT = ("after_claim", "before_connect", "before_write_ahead")
AFTER_THE_DOT = ("after_write_ahead", "after_dot", "after_reply", "before_record")
RECORDED = ("after_record",)


@pytest.fixture
def inviting(install):
    """An installation with a few invitations and no process: the tests are the sender."""
    product = install(**SHORT_LEASES)
    product.seed("company", customers=FEW, contacts=1, facts=False, asked=True)
    product.invited = FEW + 1
    return product


def killed_at(product, point):
    """One pass of all tickers that dies on its second mail."""
    product.note(f"a sender dies at {point}")
    done = product.manage("tick", "--once", CHAOS="1", FAULTS=f"mail.{point}=kill@2")
    assert done.returncode == -9, product.about(f"{point}: {done.returncode} {done.stdout}{done.stderr}")
    product.kills += 1


def tick_until_settled(product):
    product.tick_until(oracle.mails_are_settled, DONE_SECONDS, "every mail is settled")


def test_f09_workers_killed_while_sending_double_nothing_and_lose_nothing_silently(install):
    product = install(delay=SLOW_S, **SHORT_LEASES)
    product.seed("company", customers=CUSTOMERS, contacts=CONTACTS, facts=False, asked=True)
    product.start_valkey()
    product.start_worker(0)
    product.start_worker(1)
    product.start_beat()
    chance = random.Random(SEED)
    began, between = time.monotonic(), MAILS // KILLS  # mails from kill to kill, about
    for number in range(KILLS):
        goal = product.sink.taken + chance.randint(between // 6, between // 2)
        product.wait(
            lambda goal=goal: product.sink.taken >= goal or oracle.mails_are_settled(product),
            DONE_SECONDS,
            f"{goal} mails are out",
        )
        time.sleep(chance.uniform(0, SLOW_S))  # anywhere in the conversation
        _kill_some(product, number)
    product.wait(lambda: oracle.mails_are_settled(product), DONE_SECONDS, "every mail is settled")
    oracle.check_nobody_got_two(product)
    counts = oracle.check_every_invitation_is_accounted_for(product, invited=INVITED)
    oracle.check_only_kills_left_doubt(product, counts)
    assert counts["sent"] + counts["uncertain"] == INVITED, product.about(str(counts))
    assert counts["sent"] >= INVITED - KILLS
    assert product.json("survey_ledger")["ok"]
    took = time.monotonic() - began
    print(f"{INVITED} invited, {product.kills} kills, {took:.0f} s: {counts}")  # noqa: T201 - shown with -s


def test_f09_a_kill_at_every_step_delivers_once_or_leaves_the_mail_to_a_person(inviting):
    for point in (*BEFORE_THE_DOT, *AFTER_THE_DOT, *RECORDED):
        before = inviting.sink.taken
        killed_at(inviting, point)
        assert inviting.sink.taken - before <= 2
    tick_until_settled(inviting)
    oracle.check_nobody_got_two(inviting)
    counts = oracle.check_every_invitation_is_accounted_for(inviting, invited=inviting.invited)
    assert counts["uncertain"] == len(AFTER_THE_DOT), inviting.about(str(counts))
    assert counts["sent"] == inviting.invited - len(AFTER_THE_DOT)


def test_f09_guard_off_a_design_that_sends_uncertain_mails_again_is_found_out(inviting):
    """The guard is off: what was on its way at the kill goes back to the queue by itself."""
    killed_at(inviting, "before_record")
    inviting.rows(
        "UPDATE surveys_message SET delivery_state = 'queued', phase = '', lease_token = '', lease_until = NULL"
        " WHERE delivery_state = 'sending' AND phase = 'dot'"
    )
    tick_until_settled(inviting)
    with pytest.raises(AssertionError, match="delivered more than once"):
        oracle.check_nobody_got_two(inviting)


def test_f09_guard_off_a_design_that_forgets_mails_is_found_out(inviting):
    """The guard is off: what was on its way before the dot counts as sent."""
    killed_at(inviting, "before_write_ahead")
    inviting.rows(
        "UPDATE surveys_message SET delivery_state = 'sent', phase = '', lease_token = '', lease_until = NULL,"
        " accepted_at = now(), settled_by = 'reply' WHERE delivery_state = 'sending'"
    )
    tick_until_settled(inviting)
    with pytest.raises(AssertionError, match="never taken"):
        oracle.check_every_invitation_is_accounted_for(inviting, invited=inviting.invited)


def _kill_some(product, number):
    """In turn a process of a pool, which its worker replaces, and a whole worker, which its supervisor replaces."""
    name = f"worker{number % 2}"
    pool = product.children_of(name)
    if number % 3 and pool:
        product.kill_process(pool[number % len(pool)])
    else:
        product.kill_service(name)
        product.start_worker(number % 2)
