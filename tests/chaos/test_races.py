"""Many at once through the real web server: one launch, one answer."""

import threading
from collections import Counter
from urllib.parse import urlsplit

import pytest

from tests.chaos import oracle
from tests.chaos.person import NONCE, TOKEN, Mail, Person

pytestmark = [pytest.mark.chaos, pytest.mark.smoke]

LAUNCHES, ANSWERS = 4, 100


def at_once(acts):
    """Run all acts from a common start; their results."""
    start, found = threading.Barrier(len(acts)), []

    def run(act):
        start.wait()
        found.append(act())

    threads = [threading.Thread(target=run, args=[act]) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(found) == len(acts)
    return found


def test_clicking_launch_in_many_tabs_makes_one_wave_and_answering_a_hundred_times_one_answer(install):
    product = install()
    product.seed("company", customers=3, contacts=2, facts=False)
    campaign = product.seed("campaign", launched=False)["campaign"]
    product.start_web()
    product.wait_for_web()
    vera = Person(product.url).sign_in("vera@tend.example")
    token = TOKEN.search(vera.ask(f"/surveys/{campaign}/").text)[1]

    def launch():
        return vera.ask(f"/surveys/{campaign}/launch/", data={"csrfmiddlewaretoken": token}).status

    statuses = Counter(at_once([launch] * LAUNCHES))
    assert max(statuses) < 500, product.about(str(statuses))
    for _ in range(2):
        product.manage("tick", "--once")
    waves = product.rows("SELECT count(*) FROM surveys_wave")
    launches = product.value("SELECT count(*) FROM work_auditentry WHERE action = 'campaign.launched'")
    assert (waves, launches) == ([(1,)], 1)
    assert len(product.sink.mails) == 7
    oracle.check_nobody_got_two(product)

    link = urlsplit(Mail(*product.sink.mails[0]).ratings[0]).path
    form = NONCE.search(Person(product.url).ask(link).text)[1]

    def answer():
        return Person(product.url).ask(link, data={"form": form, "score": 9}).status

    statuses = Counter(at_once([answer] * ANSWERS))
    assert statuses == {303: ANSWERS}, product.about(str(statuses))
    assert product.rows("SELECT score, revision FROM surveys_response") == [(9, 1)]
    assert product.value("SELECT count(*) FROM surveys_responserevision") == 1
