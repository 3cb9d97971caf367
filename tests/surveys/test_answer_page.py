"""The public page: looks never answer, presses answer once, and the page works with nothing but HTML."""

import re
import threading
from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from customers.models import FollowUp, StaleMark
from surveys import tokens
from surveys.models import (
    Invitation,
    Message,
    Response,
    ResponseRevision,
    SenderIdentity,
    Suppression,
    Visit,
)
from surveys.services import case_intake, visits
from tests.factories.surveys import make_sent_message
from tests.surveys.conftest import path_of

pytestmark = pytest.mark.django_db
READING = timedelta(seconds=5)


@pytest.fixture(autouse=True)
def _frozen(now):
    with time_machine.travel(now + timedelta(hours=1), tick=False):
        yield


@pytest.fixture
def asked(anna, vera, now):
    message, links = make_sent_message(anna, by=vera, now=now)
    return message, path_of(links.answer), path_of(links.unsubscribe), path_of(links.honeypot)


@pytest.fixture
def plain():
    """A browser without login that would notice a missing CSRF token."""
    return Client(enforce_csrf_checks=True)


def nonce_in(page):
    return re.search(r'name="form" value="([^"]+)"', page.content.decode()).group(1)


def send(browser, path, score, **fields):
    """Press Send as a person does: some seconds after the form came."""
    form = browser.get(path + "?change=1")
    with time_machine.travel(timezone.now() + READING, tick=False):
        return browser.post(path, {"form": nonce_in(form), "score": score, **fields})


def test_get_and_head_of_every_rating_link_answer_nothing(asked, plain):
    _, answer, unsubscribe, honeypot = asked
    for path in [*(f"{answer}?r={n}" for n in range(11)), answer, honeypot, unsubscribe, unsubscribe]:
        assert plain.get(path).status_code == 200
        head = plain.head(path)
        assert (head.status_code, head.content) == (200, b"")
    assert Response.objects.count() == 0
    assert Suppression.objects.count() == 0
    assert Invitation.objects.get().response_state == "none"
    assert Visit.objects.count() == 2 * 13


def test_the_clicked_score_is_checked_and_nonsense_is_ignored(asked, plain):
    _, answer, _, _ = asked
    assert 'value="7" checked' in plain.get(f"{answer}?r=7").content.decode()
    for nonsense in ("11", "-1", "x", "", "٣", "007"):
        page = plain.get(answer, {"r": nonsense})
        assert page.status_code == 200
        assert " checked" not in page.content.decode()


def test_a_press_records_one_answer_and_leads_to_the_thanks(asked, plain, now):
    message, answer, _, _ = asked
    posted = send(plain, answer, 9, comment="Good <script>alert(1)</script>")
    assert posted.status_code == 303
    assert posted.headers["Location"] == f"{answer}/thanks"
    response = Response.objects.get()
    assert (response.score, response.comment, response.revision) == (9, "Good <script>alert(1)</script>", 1)
    assert response.invitation == message.invitation
    assert response.owner_at_answer.name == "Anna Berg"
    assert plain.get(f"{answer}/thanks").status_code == 200
    assert list(StaleMark.objects.filter(cause="survey answer").values_list("customer_id", "from_day")) == [
        (response.customer_id, now.date())
    ]


def test_thanks_before_an_answer_leads_to_the_form(asked, plain):
    _, answer, _, _ = asked
    assert plain.get(f"{answer}/thanks").headers["Location"] == answer


def test_the_same_content_twice_adds_nothing_and_another_score_is_a_revision(asked, plain):
    _, answer, _, _ = asked
    send(plain, answer, 9, comment="Fine")
    send(plain, answer, 9, comment="Fine")
    assert ResponseRevision.objects.count() == 1
    send(plain, answer, 3)
    response = Response.objects.get()
    assert (response.score, response.comment, response.revision) == (3, "Fine", 2)
    send(plain, answer, 3, remove_comment="1")
    response.refresh_from_db()
    assert (response.comment, response.revision) == ("", 3)


def test_the_page_shows_the_score_to_the_same_browser_only_and_never_the_comment(asked, plain):
    _, answer, _, _ = asked
    send(plain, answer, 9, comment="A secret remark")
    here, elsewhere = plain.get(answer).content.decode(), Client().get(answer).content.decode()
    assert "You gave 9" in here
    assert "You gave" not in elsewhere
    assert "has been answered" in elsewhere
    assert "A secret remark" not in here + elsewhere


@pytest.mark.parametrize(
    "fields", [{}, {"score": "11"}, {"score": "x"}, {"score": "9", "comment": "x" * 4001}]
)
def test_a_bad_post_keeps_the_text_and_says_what_is_missing(asked, plain, fields):
    _, answer, _, _ = asked
    posted = plain.post(answer, {"form": nonce_in(plain.get(answer)), "comment": "My words", **fields})
    page = posted.content.decode()
    assert posted.status_code == 422
    assert "<title>Error:" in page
    assert ("My words" in page) or ("xxxx" in page)
    assert Response.objects.count() == 0


def test_a_form_without_its_proof_is_shown_once_more(asked, plain, settings):
    _, answer, _, _ = asked
    posted = plain.post(answer, {"score": "9", "comment": "My words"}, headers={"origin": "null"})
    assert posted.status_code == 422
    assert "press Send once more" in posted.content.decode()
    assert "My words" in posted.content.decode()
    again = plain.post(answer, {"form": nonce_in(posted), "score": "9", "comment": "My words"})
    assert again.status_code == 303
    assert tokens.nonce_issued_at("1.x", "y", Response.objects.get().answered_at) is None


def test_control_characters_and_broken_text_never_break_the_page(asked, plain):
    _, answer, _, _ = asked
    nasty = 'a\x00b\x1b"><img src=x onerror=alert(1)>\u202e' + "z" * 10
    assert send(plain, answer, 5, comment=nasty).status_code == 303
    assert "\x00" not in Response.objects.get().comment
    huge = plain.post(answer, {"comment": "x" * 20_000})
    assert huge.status_code == 413


def test_f8_unknown_altered_and_crossed_links_look_the_same(asked, plain):
    _, answer, unsubscribe, honeypot = asked
    token = answer.removeprefix("/s/")
    pages = [
        plain.get(path)
        for path in (
            "/s/aaaaaaaaaaaaaaaaaaaaaa",
            f"/s/{token.swapcase()}",
            f"/s/{unsubscribe.removeprefix('/u/')}",
            f"/u/{token}",
            f"/u/{honeypot.removeprefix('/s/')}",
            f"/s/{Message.objects.get().pk}",
        )
    ]
    assert {page.status_code for page in pages} == {404}
    assert len({page.content for page in pages}) == 1


def test_unknown_links_and_too_many_of_them_name_the_address_that_helps_if_one_is_set(plain):
    assert b"mailto:" not in plain.get(f"/s/{'b' * 22}").content
    SenderIdentity.objects.create(
        name="Kestrel", email="ask@kestrel.example", reply_to="help@kestrel.example", legal_name="Kestrel AS"
    )
    pages = [plain.get(f"/{'su'[n % 2]}/{n:022d}") for n in range(31)]
    assert {page.status_code for page in pages} == {404, 429}
    assert all(b'href="mailto:help@kestrel.example"' in page.content for page in pages)


def test_f8_guessing_is_slowed_down_while_real_links_work(asked, plain):
    _, answer, _, _ = asked
    codes = [plain.get(f"/s/{n:022d}").status_code for n in range(31)]
    assert codes == [404] * 30 + [429]
    assert plain.get(answer).status_code == 200


def test_the_page_carries_its_own_strict_headers_and_stays_small(asked, plain, django_assert_max_num_queries):
    _, answer, _, _ = asked
    plain.get(answer)  # statements are prepared once per connection
    with django_assert_max_num_queries(2):
        page = plain.get(f"{answer}?r=7")
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert page.headers["X-Robots-Tag"] == "noindex, nofollow"
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'")
    assert "Set-Cookie" not in page.headers
    assert len(page.content) < 12 * 1024
    assert re.findall(r"<script[^>]*>", page.content.decode()) == [
        '<script src="/static/js/answer.js" defer>'
    ]
    assert "style=" not in page.content.decode()


def test_a_post_needs_few_queries(asked, plain, django_assert_max_num_queries):
    _, answer, _, _ = asked
    nonce = nonce_in(plain.get(answer))
    with django_assert_max_num_queries(6 + 2):  # two of them are the test's own savepoint
        plain.post(answer, {"form": nonce, "score": "9"})


def test_an_expired_link_is_closed_but_a_form_opened_before_may_still_post(asked, plain, now):
    _, answer, _, _ = asked
    nonce = nonce_in(plain.get(answer))
    Invitation.objects.update(expires_at=now + timedelta(hours=2))
    for minutes, code in ((61 + 31, 410), (61 + 28, 303)):
        with time_machine.travel(now + timedelta(hours=1, minutes=minutes), tick=False):
            assert plain.get(answer).status_code == 410
            posted = plain.post(answer, {"form": nonce, "score": "9"})
            assert posted.status_code == code
            assert Response.objects.count() == (code == 303)


def test_after_the_edit_window_the_answer_is_locked(asked, plain, now):
    _, answer, _, _ = asked
    send(plain, answer, 9)
    with time_machine.travel(now + timedelta(days=8), tick=False):
        page = plain.get(f"{answer}?change=1")
        assert "<form" not in page.content.decode()
        nonce = tokens.form_nonce(tokens.digest(answer.removeprefix("/s/")), now + timedelta(days=8))
        assert plain.post(answer, {"form": nonce, "score": "2"}).status_code == 410
    assert Response.objects.get().score == 9


def test_a_contact_who_was_erased_or_a_customer_who_left_finds_a_closed_page(asked, plain, now):
    message, answer, _, _ = asked
    customer = message.invitation.customer
    customer.archived_at = now
    customer.save()
    page = plain.get(answer)
    assert page.status_code == 410
    assert customer.name not in page.content.decode()


def test_a_low_score_opens_one_follow_up_for_the_primary_csm(asked, plain, anna, now):
    _, answer, _, _ = asked
    send(plain, answer, 3, comment="Too many outages")
    assert case_intake.open_cases(now=now + timedelta(hours=2)) == 1
    send(plain, answer, 2)
    assert case_intake.open_cases(now=now + timedelta(hours=2)) == 0
    follow_up = FollowUp.objects.get()
    assert (follow_up.owner, follow_up.kind, follow_up.note) == (anna, "survey", "Too many outages")
    assert "NPS 3" in follow_up.title


def test_a_high_score_opens_no_follow_up_unless_a_call_is_wanted(asked, plain, now):
    _, answer, _, _ = asked
    send(plain, answer, 10)
    assert case_intake.open_cases(now=now + timedelta(hours=2)) == 0
    send(plain, answer, 10, contact_me="1")
    assert case_intake.open_cases(now=now + timedelta(hours=2)) == 1


@pytest.mark.parametrize(("kind", "low", "fine"), [("nps", 6, 7), ("csat5", 2, 3), ("ces7", 3, 4)])
def test_each_kind_has_its_own_border_of_unhappy(anna, vera, now, plain, kind, low, fine):
    _, links = make_sent_message(anna, by=vera, kind=kind, now=now)
    answer = path_of(links.answer)
    send(plain, answer, fine)
    assert case_intake.open_cases(now=now + timedelta(hours=2)) == 0
    send(plain, answer, low)
    assert case_intake.open_cases(now=now + timedelta(hours=2)) == 1


def test_an_answer_proves_that_an_uncertain_mail_arrived(asked, plain):
    message, answer, _, _ = asked
    Message.objects.update(delivery_state="uncertain", accepted_at=None, settled_by="")
    send(plain, answer, 9)
    message.refresh_from_db()
    assert (message.delivery_state, message.settled_by) == ("sent", "answer")


def test_a_look_settles_to_visited_but_a_head_or_prefetch_does_not(asked, plain, now):
    _, answer, _, honeypot = asked
    plain.head(answer)
    plain.get(answer, headers={"sec-purpose": "prefetch"})
    plain.get(honeypot)
    settled = now + timedelta(hours=1, minutes=3)
    visits.settle_visits(now=settled)
    assert Invitation.objects.get().response_state == "none"
    plain.get(answer, headers={"user-agent": "A person's browser"})
    visits.settle_visits(now=settled)
    assert Invitation.objects.get().response_state == "visited"


def test_f7_one_click_works_twice_with_both_encodings_and_nothing_else(asked, plain):
    _, _, unsubscribe, _ = asked
    for options in (
        {"data": "List-Unsubscribe=One-Click", "content_type": "application/x-www-form-urlencoded"},
        {"data": {"List-Unsubscribe": "One-Click"}},
        {"data": "", "content_type": "text/plain"},
    ):
        posted = plain.post(unsubscribe, **options)
        assert posted.status_code == 200
        assert len(posted.content) <= 1024
        assert not posted.cookies
    assert list(Suppression.objects.values_list("scope", "reason")) == [("all", "unsubscribed")]


def test_the_page_offers_only_this_kind(asked, plain):
    _, _, unsubscribe, _ = asked
    assert "Only no NPS surveys" in plain.get(unsubscribe).content.decode()
    plain.post(unsubscribe, {"scope": "kind"})
    assert list(Suppression.objects.values_list("scope", flat=True)) == ["nps"]


def test_the_privacy_page_is_public(plain):
    assert plain.get(reverse("surveys:privacy")).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_f20_a_hundred_posts_at_once_are_one_response(asked):
    _, answer, _, _ = asked
    nonce = nonce_in(Client().get(answer))
    barrier = threading.Barrier(20)
    codes = []

    def press(number):
        barrier.wait()
        for turn in range(5):
            score = str((number + turn) % 2)
            codes.append(Client().post(answer, {"form": nonce, "score": score}).status_code)
        connection.close()

    threads = [threading.Thread(target=press, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(codes) == 100
    assert set(codes) <= {303, 429}
    assert Response.objects.count() == 1
    response = Response.objects.get()
    assert ResponseRevision.objects.filter(response=response).count() == response.revision
