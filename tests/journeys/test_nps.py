"""An NPS campaign from the draft to the follow-up, over a real mail server and a browser without scripts."""

import re
from concurrent.futures import ThreadPoolExecutor
from email import message_from_bytes, policy
from urllib.parse import urlsplit

import pytest

from surveys.services.mail_checks import check_survey_mail
from tests.chaos import oracle
from tests.chaos.person import Mail, Person

pytestmark = [pytest.mark.browser, pytest.mark.stack]

CUSTOMERS, CONTACTS = 10, 5
INVITED = CUSTOMERS * CONTACTS
SECONDS = 60
FURTHER = (10, 10, 9, 9, 8, 7, 10, 9)  # answers after the two in the browser


def path_of(url):
    parts = urlsplit(url)
    return parts.path + (f"?{parts.query}" if parts.query else "")


def count(product, table):
    return product.value(f"SELECT count(*) FROM surveys_{table}")


def launch(product, window, *, name, only):
    """Draft and launch in the browser; `only` names the CSM whose contacts are asked."""
    page = window.page
    window.go("/surveys/new/")
    page.fill("input[name=name]", name)
    hours = page.locator("select[name=window]")
    page.locator("details", has=hours).locator("summary").click()
    hours.select_option("any")
    if only:
        box = page.locator("input[name=csm]").and_(page.get_by_label(only))
        page.locator("details", has=box).locator("summary").click()
        box.check()
    page.locator("button", has_text="Save draft").click()
    taken = len(_mails_to(product, "vera"))
    page.locator("button", has_text="Send me a test").first.click()
    product.wait(lambda: len(_mails_to(product, "vera")) > taken, SECONDS, "the test mail is out")
    product.wait(lambda: oracle.mails_are_settled(product), SECONDS, "the test mail is recorded")
    page.reload()
    page.locator("button", has_text="Launch, mail").click()
    page.locator("button", has_text="Pause").first.wait_for()
    return int(re.search(r"/surveys/(\d+)/", page.url)[1])


def test_a_campaign_from_draft_to_follow_up(product, visit):
    product.seed("company", customers=CUSTOMERS, contacts=CONTACTS)
    product.tick_until(oracle.work_is_done, SECONDS, "the first scores are there")
    product.start()
    window = visit()
    window.sign_in("vera@tend.example")
    campaign = launch(product, window, name="Spring NPS", only="Anna Berg")
    product.wait(lambda: product.sink.taken > INVITED, SECONDS, f"a test and {INVITED} mails are out")
    product.wait(lambda: oracle.mails_are_settled(product), SECONDS, "every mail is settled")
    mails = _unhappy_second([Mail(*taken) for taken in product.sink.mails if taken[0] != "vera@tend.example"])
    _mails_are_right(product, mails)
    _looking_answers_nothing(product, mails)
    unhappy = _a_browser_without_script_answers(product, visit, mails)
    _results_follow(product, window, mails, campaign)
    _the_low_answer_reaches_the_csm_and_the_score(product, unhappy)
    _the_case_is_worked_to_its_end(product, visit, unhappy)
    _one_click_unsubscribes(product, window, mails[-1])


def _unhappy_second(mails):
    """The second mail is to another customer than the first, and to the only one there that answers."""
    first, unhappy = mails[0], next(mail for mail in mails if _domain(mail) != _domain(mails[0]))
    others = [mail for mail in mails if mail not in (first, unhappy)]
    return [first, unhappy, *sorted(others, key=lambda mail: _domain(mail) == _domain(unhappy))]


def _domain(mail):
    return mail.recipient.rpartition("@")[2]


def _mails_are_right(product, mails):
    assert len({mail.recipient for mail in mails}) == len(mails) == INVITED
    assert len({mail.raw for mail in mails}) == INVITED
    for mail in mails:
        failed = [found for found in check_survey_mail(mail.raw, base=product.url) if not found.ok]
        assert failed == [], f"{mail.recipient}: {failed}"
        assert [link.rpartition("=")[2] for link in mail.ratings] == [str(n) for n in range(11)]


def _looking_answers_nothing(product, mails):
    """HEAD and GET of all eleven links of all mails, and of the way out."""

    def look(mail):
        person = Person(product.url, browser="Gateway/1")
        for link in (*mail.ratings, mail.unsubscribe):
            for method in ("HEAD", "GET"):
                person.ask(path_of(link), method=method)
        return [row for row in person.seen if row[0] != 200]

    with ThreadPoolExecutor(4) as pool:
        strange = [row for rows in pool.map(look, mails) for row in rows]
    assert strange == []
    assert (count(product, "response"), count(product, "suppression")) == (0, 0)
    states = product.rows("SELECT DISTINCT response_state FROM surveys_invitation")
    assert {state for (state,) in states} <= {"none", "visited"}


def _a_browser_without_script_answers(product, visit, mails):
    """A promoter, then somebody unhappy, whose score before is returned with the customer."""
    window = visit(java_script_enabled=False)
    page = window.page
    pleased, unhappy = mails[0], mails[1]
    page.goto(pleased.ratings[10])
    assert page.is_checked("#p10")
    assert count(product, "response") == 0
    page.locator("main button").click()
    assert page.url.endswith("/thanks")
    page.reload()
    page.go_back()
    assert product.rows("SELECT score, revision FROM surveys_response") == [(10, 1)]
    customer, score = product.rows(
        "SELECT i.customer_id, s.score FROM surveys_invitation i JOIN metrics_healthscore s"
        " ON s.customer_id = i.customer_id AND s.to_at IS NULL WHERE i.email_norm = %s",
        unhappy.recipient,
    )[0]
    page.goto(unhappy.ratings[1])
    page.fill("#c", "Support never called back.")
    page.locator("main button").click()
    assert page.url.endswith("/thanks")
    assert count(product, "response") == 2
    return unhappy.recipient, customer, score


def _results_follow(product, window, mails, campaign):
    person = Person(product.url)
    for mail, score in zip(mails[2:], FURTHER, strict=False):
        assert person.answer(mail.ratings[score], score).status == 303
    given = [10, 1, *FURTHER]
    promoters, detractors = sum(s >= 9 for s in given), sum(s <= 6 for s in given)
    expected = round(100 * (promoters - detractors) / len(given))
    window.go(f"/surveys/{campaign}/results/")
    main = window.page.locator("main")
    score = main.locator("section[aria-labelledby=sc]")
    assert score.locator(".fig").inner_text().lstrip("+") == str(expected)
    assert f"n = {len(given)}" in score.inner_text()
    low, high = _interval(promoters, detractors, len(given))
    between = score.locator("b").first.inner_text().replace("−", "-").replace("+", "")
    found = [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?", between)]
    assert found == [pytest.approx(low, abs=1), pytest.approx(high, abs=1)], between
    funnel = main.locator("ol.funnel li b").all_inner_texts()
    assert funnel[:2] == [str(INVITED), str(INVITED)]
    assert funnel[3:] == [str(len(given)), "1"]
    for mail, points in ((mails[0], 10), (mails[1], 1)):
        assert (
            product.value(
                "SELECT r.score FROM surveys_response r JOIN surveys_invitation i ON i.id = r.invitation_id"
                " WHERE i.email_norm = %s",
                mail.recipient,
            )
            == points
        )


def _interval(promoters, detractors, answers):
    """The adjusted Wald interval, written down once more: 3 pseudo-answers, 3/4 of one to each end."""
    n = answers + 3
    up, down = (promoters + 0.75) / n, (detractors + 0.75) / n
    mean = up - down
    width = 1.96 * ((up + down - mean**2) / n) ** 0.5
    return 100 * (mean - width), 100 * (mean + width)


def _the_low_answer_reaches_the_csm_and_the_score(product, unhappy):
    recipient, customer, before = unhappy
    product.wait(lambda: oracle.work_is_done(product), SECONDS, "follow-ups and scores are done")
    ((title, owner, note),) = product.rows(
        "SELECT f.title, u.email, f.note FROM customers_followup f JOIN accounts_user u ON u.id = f.owner_id"
        " WHERE f.customer_id = %s AND f.origin = 'survey'",
        customer,
    )
    assert (owner, note) == ("anna@tend.example", "Support never called back."), recipient
    assert "NPS 1" in title
    after = product.value(
        "SELECT score FROM metrics_healthscore WHERE customer_id = %s AND to_at IS NULL", customer
    )
    assert after < before, f"health of customer {customer} was {before} and is {after}"
    anna = Person(product.url).sign_in("anna@tend.example")
    assert "Support never called back." in anna.ask(f"/customers/{customer}/").text


def _the_case_is_worked_to_its_end(product, visit, unhappy):
    """One case, one alert with the comment, one escalation, the first contact, the end; Today follows."""
    _, customer, _ = unhappy
    cases = product.rows("SELECT id, state FROM surveys_case WHERE customer_id = %s", customer)
    assert [state for _, state in cases] == ["open"]
    case = cases[0][0]
    product.wait(lambda: len(_mails_to(product, "anna")) > 0, SECONDS, "the alert is out")
    assert ["Support never called back." in text for text in _mails_to(product, "anna")] == [True]
    window = visit()
    window.sign_in("anna@tend.example")
    window.go("/")
    link = window.page.locator("#cases-panel a.name")
    assert link.count() == 1
    product.rows("UPDATE surveys_case SET due_at = now() - interval '1 minute' WHERE id = %s", case)
    for _ in range(2):  # the second pass finds nothing more to say
        assert product.manage("tick", "--once").returncode == 0
    product.wait(lambda: _escalations(product), SECONDS, "the escalation is out")
    assert len(_escalations(product)) == 1
    link.click()
    page = window.page
    page.get_by_role("link", name="Log contact").click()
    page.fill("#drawer [name=note]", "Called, the outage is mended.")
    page.locator("#drawer [type=submit]").click()
    page.locator("#case-body .tag", has_text="Contacted").wait_for()
    page.get_by_role("link", name="Close").first.click()
    page.locator("#drawer input[value=resolved]").check()
    page.fill("#drawer [name=note]", "Mended and told.")
    page.locator("#drawer [type=submit]").click()
    page.locator("#case-body .tag", has_text="Closed").wait_for()
    assert product.rows(
        "SELECT c.state, c.outcome, f.state FROM surveys_case c JOIN customers_followup f ON f.id = c.follow_up_id"
    ) == [("closed", "resolved", "done")]
    window.go("/")
    assert page.locator("#cases-panel").get_by_text("No case of yours is open").count() == 1
    window.go(f"/customers/{customer}/")
    assert page.locator("#customer-timeline").get_by_text("Called, the outage is mended.").count() == 1
    window.go("/portfolio/")
    assert (
        product.value("SELECT last_nps FROM customers_customersummary WHERE customer_id = %s", customer) == 1
    )


def _escalations(product):
    return [text for text in _mails_to(product, "vera") if "over its time" in text]


def _mails_to(product, name):
    """Texts of the mails a user got."""
    mine = [raw for recipient, raw in list(product.sink.mails) if recipient == f"{name}@tend.example"]
    read = [message_from_bytes(raw, policy=policy.default) for raw in mine]
    return [f"{mail['subject']}\n{mail.get_body(('plain',)).get_content()}" for mail in read]


def _one_click_unsubscribes(product, window, mail):
    """RFC 8058: one POST by the mail program, no cookie, no redirect, twice; the next campaign leaves the address out."""
    for _ in range(2):
        program = Person(product.url)
        reply = program.ask(path_of(mail.unsubscribe), data={"List-Unsubscribe": "One-Click"})
        assert reply.status == 200
        assert "Set-Cookie" not in reply.headers
        assert len(reply.text) <= 1024
    assert product.rows("SELECT email, reason FROM surveys_suppression") == [(mail.recipient, "unsubscribed")]
    taken = product.sink.taken
    campaign = launch(product, window, name="Summer NPS", only=None)
    product.wait(lambda: product.sink.taken > taken, SECONDS, "the second campaign is out")
    skipped = product.rows(
        "SELECT s.reason FROM surveys_waveskip s JOIN customers_contact c ON c.id = s.contact_id WHERE c.email = %s",
        mail.recipient,
    )
    assert skipped == [("suppressed",)]
    window.go(f"/surveys/{campaign}/left-out/?reason=suppressed")
    assert (
        window.page.locator("main", has_text=mail.recipient).count()
        or window.page.locator("main", has_text="Robin Ash").count()
    )
    assert product.sink.deliveries()[mail.recipient] == 1
