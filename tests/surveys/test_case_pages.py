"""The pages of cases: who sees which, what they show, what people do there (S-134, S-142)."""

from datetime import timedelta

import pytest
import time_machine
from django.urls import reverse

from config.work.models import AuditEntry
from customers.models import CustomerSummary, FollowUp, Touchpoint
from surveys.models import CampaignText, Case, Message
from surveys.services import case_intake, cases, delivery
from tests.factories.cases import make_case, make_low_answer
from tests.factories.customers import make_assignment, make_contact, make_customer
from tests.factories.surveys import answer, launch, make_audience, make_campaign

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
HTMX = {"HX-Request": "true"}


def url(name, *args):
    return reverse(f"surveys:{name}", args=args)


@pytest.fixture
def case(anna, now):
    customer = make_customer(owner=anna, name="Zyxlarch")
    CustomerSummary.objects.filter(pk=customer.pk).update(mrr=1200)
    contact = make_contact(customer, "zyxmail@larch.example", name="Zyxperson", role="sponsor")
    return make_case(contact, at=now, comment="Zyxcomment <b>bold</b>")


@pytest.fixture(autouse=True)
def an_hour_later(now):
    with time_machine.travel(now + HOUR, tick=False):
        yield


def text(response):
    return response.content.decode()


GETS = ("case", "case_contact", "case_wait", "case_note", "case_close")
READERS = {"anna": 200, "mia": 200, "vera": 200, "ben": 404, "carl": 404, "vic": 403}
FORMS = {
    "case_contact": {"kind": "call", "occurred_at": "2026-03-16T10:30", "note": ""},
    "case_wait": {"note": ""},
    "case_note": {"note": "Heard nothing"},
    "case_close": {"outcome": "resolved", "note": "Fixed"},
}


@pytest.mark.parametrize("who", READERS)
def test_s_142_a_case_opens_for_its_csm_the_manager_and_admins_alone(request, client, case, who):
    client.force_login(request.getfixturevalue(who))
    found = {name: client.get(url(name, case.pk)).status_code for name in GETS}
    assert found == dict.fromkeys(GETS, READERS[who])
    assert client.get(url("case_resume", case.pk)).status_code == 405
    lists = [client.get(url("cases") + f"?tab={tab}") for tab in ("mine", "team", "overdue")]
    lists.append(client.get(url("cases_panel")))
    shown = "".join(text(page) for page in lists)
    assert ("Zyxperson" in shown) is (READERS[who] == 200)
    assert ("Zyxcomment" in shown) is (READERS[who] == 200)


@pytest.mark.parametrize("who", READERS)
def test_s_142_only_those_who_may_read_a_case_work_on_it(request, client, case, who):
    client.force_login(request.getfixturevalue(who))
    for name in ("case_note", "case_wait"):
        code = client.post(url(name, case.pk), FORMS[name]).status_code
        assert code == {200: 302}.get(READERS[who], READERS[who]), name
    code = client.post(url("case_resume", case.pk)).status_code
    assert code == {200: 302}.get(READERS[who], READERS[who])


def test_s_142_a_csm_does_not_reassign_a_manager_does(client, case, anna, mia, ben):
    make_assignment(case.customer, ben, role="co_owner")
    client.force_login(anna)
    assert client.post(url("case_reassign", case.pk), {"to": ben.pk}).status_code == 403
    assert url("case_reassign", case.pk) not in text(client.get(url("case", case.pk)))
    client.force_login(mia)
    form = text(client.get(url("case_reassign", case.pk)))
    assert "Ben Ode" in form
    assert "Carl Voss" not in form
    assert (
        client.post(url("case_reassign", case.pk), {"to": ben.pk, "note": "You know them"}).status_code == 302
    )
    case.refresh_from_db()
    assert case.assignee == ben


def test_nobody_is_signed_in(client, case):
    assert client.get(url("case", case.pk)).status_code == 302
    assert client.get(url("cases")).status_code == 302


def test_the_list_shows_score_words_customer_money_and_the_clock(client, case, anna):
    client.force_login(anna)
    page = text(client.get(url("cases")))
    for word in ("Zyxperson", "Zyxlarch", "NPS", "Zyxcomment", "1,200", "h left", "first contact"):
        assert word in page, word
    assert "<b>bold" not in page
    assert "15\xa0h left" in page


@pytest.mark.parametrize(
    ("tab", "who", "there"),
    [
        ("mine", "anna", True),
        ("mine", "mia", False),
        ("team", "mia", True),
        ("team", "anna", False),
        ("unassigned", "vera", False),
        ("overdue", "anna", False),
        ("closed", "anna", False),
        ("no such tab", "anna", True),
    ],
)
def test_each_tab_lists_its_own(request, client, case, tab, who, there):
    client.force_login(request.getfixturevalue(who))
    assert ("Zyxperson" in text(client.get(url("cases"), {"tab": tab}))) is there


def test_overdue_and_closed_cases_have_their_tabs(client, case, anna, now):
    client.force_login(anna)
    with time_machine.travel(now + timedelta(days=3), tick=False):
        client.force_login(anna)
        page = text(client.get(url("cases"), {"tab": "overdue"}))
        assert "Zyxperson" in page
        assert "8\xa0h over" in page
    cases.close(case=case, outcome="resolved", note="Fixed", by=anna, now=now + HOUR)
    assert "Zyxperson" not in text(client.get(url("cases")))
    assert "Resolved" in text(client.get(url("cases"), {"tab": "closed"}))


def test_a_case_of_somebody_who_left_is_nobodys(client, case, anna, vera):
    anna.is_active = False
    anna.save()
    client.force_login(vera)
    assert "has left" in text(client.get(url("cases"), {"tab": "unassigned"}))


def test_the_page_of_a_case_shows_the_answer_the_history_and_the_way_on(client, case, anna):
    client.force_login(anna)
    page = text(client.get(url("case", case.pk)))
    for word in (
        "Zyxcomment &lt;b&gt;",
        "Zyxlarch",
        "sponsor",
        "Opened",
        "NPS 2",
        "Log contact",
        "Anna Berg",
    ):
        assert word in page, word


def test_working_a_case_on_its_page_from_contact_to_the_end(client, case, anna):
    client.force_login(anna)
    drawer = client.get(url("case_contact", case.pk), headers=HTMX)
    assert "Log contact" in text(drawer)
    saved = client.post(url("case_contact", case.pk), FORMS["case_contact"], headers=HTMX)
    assert saved.headers["HX-Trigger"] == "customer-changed"
    assert Touchpoint.objects.get().contact == case.contact
    part = text(client.get(url("case", case.pk), headers=HTMX | {"HX-Target": "case-body"}))
    assert "<html" not in part
    assert "Log contact" not in part
    client.post(url("case_wait", case.pk), {"note": "Waits for their CFO"})
    assert "for the customer since" in text(client.get(url("case", case.pk)))
    client.post(url("case_resume", case.pk))
    assert client.post(url("case_close", case.pk), {"outcome": "resolved"}).status_code == 422
    assert client.post(url("case_close", case.pk), FORMS["case_close"]).status_code == 302
    page = text(client.get(url("case", case.pk)))
    assert "Resolved: Fixed" in page
    assert url("case_close", case.pk) not in page
    assert FollowUp.objects.get().state == "done"


def test_a_second_contact_is_refused_in_words(client, case, anna):
    client.force_login(anna)
    for code in (302, 422):
        answer = client.post(url("case_contact", case.pk), FORMS["case_contact"])
        assert answer.status_code == code
    assert "logged once" in text(answer)


@pytest.mark.parametrize("name", FORMS)
def test_nonsense_is_told_and_never_an_error(client, case, anna, name):
    client.force_login(anna)
    bad = {"kind": "x", "occurred_at": "y", "outcome": "z", "note": "\x00" * 3}
    assert client.post(url(name, case.pk), bad).status_code == 422
    assert client.post(url(name, case.pk), {"note": "n" * 2000, "outcome": "resolved"}).status_code == 422
    assert client.get(url(name, 2**31)).status_code == 404


def test_cases_of_an_archived_customer_are_only_read(client, case, anna, now):
    case.customer.archived_at = now
    case.customer.save()
    client.force_login(anna)
    assert "Log contact" not in text(client.get(url("case", case.pk)))
    assert client.post(url("case_note", case.pk), FORMS["case_note"]).status_code == 403


def test_s_134_the_closed_loop_is_told_in_figures_by_person_and_kind(client, case, anna, mia, now):
    other = make_contact(case.customer, "kim@larch.example")
    make_low_answer(other, 1, at=now, kind="csat5")
    third = make_contact(case.customer, "lea@larch.example")
    make_low_answer(third, 1, at=now, kind="csat5")
    case_intake.open_cases(now=now)
    at = now + 2 * HOUR
    cases.contact(case=case, kind="call", occurred_at=at, note="", by=anna, now=at)
    late = Case.objects.get(contact=other)
    day = now + timedelta(days=4)
    cases.contact(case=late, kind="call", occurred_at=day, note="", by=anna, now=day)
    cases.close(case=late, outcome="resolved", note="Fixed", by=anna, now=day)
    with time_machine.travel(day, tick=False):
        client.force_login(mia)
        response = client.get(url("cases"))
        report = response.context["report"]
        page = text(response)
    whole = report.whole
    assert (whole.cases, whole.closed, whole.contacted) == (3, 1, 1)
    assert (whole.median_s, whole.slow_s) == (17 * 3600, 32 * 3600)
    assert (whole.in_time, whole.judged) == (1, 3)  # the third is over its time
    assert (whole.reopened, whole.ended) == (0, 1)
    assert [loop.name for loop in report.by_person] == ["Anna Berg"]
    assert [loop.name for loop in report.by_kind] == ["CSAT, 1–5", "NPS, 0–10"]
    assert "17\xa0h" in page
    assert "1 of 3" in page


def test_cu_1_the_customer_page_lists_open_cases_to_those_who_work_on_them(
    client, case, anna, vic, ben, vera
):
    for person, there in ((anna, True), (vic, False)):
        client.force_login(person)
        page = text(client.get(url("customer_panel", case.customer_id)))
        assert (url("case", case.pk) in page) is there


def test_td_1_today_leads_to_the_case_from_its_panel_and_its_follow_up(client, case, anna):
    client.force_login(anna)
    page = text(client.get(reverse("customers:today")))
    assert url("cases_panel") in page
    assert url("case", case.pk) in page
    assert reverse("customers:follow_up_done", args=[case.follow_up_id]) not in page
    panel = text(client.get(url("cases_panel"), headers=HTMX))
    assert "Zyxcomment" in panel
    assert "15\xa0h left" in panel


@pytest.mark.parametrize("name", ["follow_up_done", "follow_up_reopen", "follow_up_change"])
def test_the_follow_up_of_a_case_is_worked_on_in_the_case(client, case, anna, name):
    client.force_login(anna)
    answer = client.post(reverse(f"customers:{name}", args=[case.follow_up_id]))
    assert answer.status_code == 403
    assert "case" in text(answer)
    assert FollowUp.objects.get().state == "open"


def test_lists_of_follow_ups_lead_to_the_case(client, case, anna):
    client.force_login(anna)
    for href in (
        reverse("customers:follow_ups"),
        reverse("customers:customer_follow_ups", args=[case.customer_id]),
    ):
        page = text(client.get(href))
        assert url("case", case.pk) in page
        assert reverse("customers:follow_up_change", args=[case.follow_up_id]) not in page


QUESTIONS = [
    {"key": "why", "type": "text", "question": "What first?", "options": [], "when": "negative"},
    {"key": "use", "type": "choice", "question": "Which part?", "options": ["Plans", "Exports"], "when": ""},
]


def test_a_comment_that_comes_later_reaches_case_and_follow_up_with_the_further_answers(
    client, anna, vera, now
):
    make_audience(anna)
    campaign = make_campaign(by=vera, now=now)
    CampaignText.objects.filter(version=campaign.current).update(extra=QUESTIONS)
    launch(campaign, by=vera, now=now)
    delivery.send_due(clock=lambda: now)
    message = Message.objects.get()
    answer(message, 3, now=now, extra={"use": 1})
    case_intake.open_cases(now=now + HOUR)
    follow_up = FollowUp.objects.get()
    assert follow_up.note == ""
    late = "Zyxlate <i>words</i>"
    answer(message, 2, now=now + 2 * HOUR, comment=late, extra={"why": "Zyxwhy <b>", "use": 2})
    case_intake.open_cases(now=now + 3 * HOUR)
    follow_up.refresh_from_db()
    assert (follow_up.note, "gave NPS 2" in follow_up.title) == (late, True)
    assert "Zyxlate" not in str(list(AuditEntry.objects.values_list("before", "after")))
    client.force_login(anna)
    for page in (text(client.get(url("case", Case.objects.get().pk))), text(client.get(url("responses")))):
        assert "Zyxlate &lt;i&gt;words" in page
        assert '<dt>What first?</dt><dd class="wrap">Zyxwhy &lt;b&gt;</dd>' in page
        assert "Exports" in page
    assert "NPS 2, with a comment" in text(client.get(url("case", Case.objects.get().pk)))
