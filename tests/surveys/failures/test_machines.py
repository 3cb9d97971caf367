"""F1, F3, F4, F6, F7, F27, F45: what scanners do to links and buttons. Each guard is also shown switched off."""

import html
import random
import re
from collections import Counter
from datetime import timedelta
from email import message_from_bytes, policy

import pytest
import time_machine
from django.utils import timezone

from config.work.models import OutgoingMail
from customers.models import FollowUp, StaleMark
from surveys.emails import preview_parts
from surveys.formulas import evidence
from surveys.models import (
    Case,
    Invitation,
    Response,
    ResponseEvent,
    ResponseRevision,
    Suppression,
    SurveyPolicy,
    Visit,
)
from surveys.services import delivery, unsubscribes
from surveys.services.responses import Answer, record_response
from surveys.views import answer as answer_view
from surveys.views import public
from surveys.views import unsubscribe as unsubscribe_view
from tests.factories.surveys import launch, make_audience, make_campaign
from tests.surveys.conftest import path_of
from tests.surveys.failures.conftest import CHROME, Someone

pytestmark = pytest.mark.django_db


def nothing_counted():
    """No score, no case, no alert, no health reading (S-7)."""
    assert Response.objects.counted().count() == 0
    assert Response.objects.exclude(needs_follow_up_at=None).count() == 0
    assert (Case.objects.count(), StaleMark.objects.filter(cause__startswith="survey").count()) == (0, 0)
    assert Invitation.objects.filter(response_state="answered").count() == 0


HREF = re.compile(r'href="(https?://[^"]+)"')
URI = re.compile(r"https?://[^\s>]+")


@pytest.fixture
def captured(anna, vera, now, sink):
    """Every link of a mail as the server took it: the HTML, the text and the header for the way out."""
    make_audience(anna)
    launch(make_campaign(by=vera, now=now), by=vera, now=now)
    delivery.send_due(clock=lambda: now)
    mime = message_from_bytes(sink.taken[0].raw, policy=policy.default)
    links = HREF.findall(html.unescape(mime.get_body(("html",)).get_content()))
    links += URI.findall(mime.get_body(("plain",)).get_content()) + URI.findall(mime["List-Unsubscribe"])
    with time_machine.travel(now + timedelta(hours=1), tick=False):
        yield sorted({path_of(link) for link in links})


def looks_answered_nothing(paths):
    """HEAD and GET of every link, forwards, backwards and shuffled."""
    checker = Someone(CHROME)
    for order in (paths, paths[::-1], random.Random(1).sample(paths, len(paths))):
        for path in order:
            assert checker.look(path, "head").status_code == 200
            assert checker.look(path).status_code == 200
    assert (Response.objects.count(), Suppression.objects.count()) == (0, 0)
    nothing_counted()
    rows = Visit.objects.values_list("token", "r", "method", "fingerprint", "minute")
    assert max(Counter(rows).values()) == 1
    assert len(rows) == 2 * 13  # eleven scores, the plain link, the hidden one
    assert (FollowUp.objects.count(), OutgoingMail.objects.count()) == (0, 0)
    answer_link = next(path for path in paths if "?r=9" in path).partition("?")[0]
    assert Someone("Firefox/140").press(answer_link, 9).status_code == 303


def test_f01_head_and_get_of_every_link_in_three_orders_answer_nothing(captured):
    assert len(captured) >= 15  # and the ways out, and the privacy page
    looks_answered_nothing(captured)


def test_f01_guard_off_a_look_that_answers_is_noticed(captured, monkeypatch):
    def answering(*, link, look, now):
        if look.score == 9:
            record_response(link=link, answer=Answer(score=look.score), now=now)

    monkeypatch.setattr(answer_view, "note_visit", answering)
    with pytest.raises(AssertionError):
        looks_answered_nothing([path for path in captured if "?r=" in path])


def soon(asked, seconds):
    """The mail was taken so many seconds ago."""
    accepted = timezone.now() - timedelta(seconds=seconds)
    type(asked.message).objects.update(accepted_at=accepted)


def a_scanner_presses(asked):
    soon(asked, 8)
    for score in (0, 10):
        posted = Someone(CHROME).press(asked.answer, score, after=timedelta(milliseconds=200))
        assert posted.status_code == 303
    nothing_counted()
    assert Response.objects.get().status == "suspect"


def test_f03_a_button_pressed_within_seconds_is_suspect_and_the_next_human_answer_replaces_it(asked):
    a_scanner_presses(asked)
    assert Invitation.objects.get().response_state == "suspect"
    first = ResponseRevision.objects.order_by("number").first()
    assert first.evidence == {"verdict": "suspect", "reasons": ["E3", "E4", "W1"]}
    assert ResponseEvent.objects.filter(kind="suspected").count() == 1
    with time_machine.travel(timezone.now() + timedelta(hours=2), tick=False):
        assert Someone("Firefox/140").press(asked.answer, 0).status_code == 303
        response = Response.objects.get()
        assert (response.status, response.score, response.revision) == ("counted", 0, 3)
        assert response.needs_follow_up_at == response.answered_at + timedelta(minutes=10)
        assert response.revisions.order_by("-number").first().evidence["verdict"] == "counted"
        assert StaleMark.objects.filter(cause="survey answer").count() == 1
    assert Invitation.objects.get().response_state == "answered"


def test_f03_guard_off_without_the_limits_the_scanner_is_counted(asked, now):
    SurveyPolicy.objects.create(valid_from=now, form_ms=0, accept_s=0)
    with pytest.raises(AssertionError):
        a_scanner_presses(asked)


def test_f03_a_scripted_submit_without_a_press_is_suspect(asked):
    robot = Someone(CHROME, **{"sec-fetch-mode": "navigate"})
    robot.press(asked.answer, 10)
    nothing_counted()
    assert ResponseRevision.objects.get().evidence["reasons"] == ["E5"]


def test_f03_a_suspect_press_leaves_a_counted_answer_and_is_logged(asked):
    Someone("Firefox/140").press(asked.answer, 9, comment="Good")
    marks = StaleMark.objects.count()
    assert Someone("Barracuda Sentinel").press(asked.answer, 1).status_code == 303
    response = Response.objects.get()
    assert (response.score, response.comment, response.revision) == (9, "Good", 1)
    assert list(ResponseEvent.objects.values_list("kind", "reason")) == [("set_aside", "1: E6")]
    assert StaleMark.objects.count() == marks
    assert Invitation.objects.get().response_state == "answered"


def a_honeypot_visitor_presses(asked, presser):
    Someone(CHROME).look(asked.honeypot)
    with time_machine.travel(timezone.now() + timedelta(seconds=100), tick=False):
        presser.press(asked.answer, 3, after=timedelta(seconds=10))


def test_f04_a_press_after_the_hidden_link_is_suspect_and_another_clients_counts(asked):
    a_honeypot_visitor_presses(asked, Someone(CHROME))
    nothing_counted()
    assert ResponseRevision.objects.get().evidence["reasons"] == ["E1"]
    Someone("Firefox/140").press(asked.answer, 3)
    assert Response.objects.get().status == "counted"


def test_f04_guard_off_without_the_rule_the_press_is_counted(asked, monkeypatch):
    monkeypatch.setattr(evidence, "HONEYPOT_NEAR", timedelta(0))
    a_honeypot_visitor_presses(asked, Someone(CHROME))
    with pytest.raises(AssertionError):
        nothing_counted()


def test_s_114_the_hidden_link_shows_a_page_without_a_form_and_takes_no_post(asked):
    page = Someone().look(asked.honeypot)
    assert (page.status_code, b"<form" in page.content) == (200, False)
    assert Someone().post(asked.honeypot, {"score": 9}).status_code == 200
    assert Response.objects.count() == 0


def looking_unsubscribes_nobody(asked):
    for method in ("get", "head"):
        assert Someone(CHROME).look(asked.unsubscribe, method).status_code == 200
    assert Suppression.objects.count() == 0
    nothing_counted()


def test_f06_a_look_at_the_way_out_unsubscribes_nobody(asked):
    looking_unsubscribes_nobody(asked)


def test_f06_guard_off_a_look_that_unsubscribes_is_noticed(asked, monkeypatch):
    real = public.find_link

    def unsubscribing(token, *purposes):
        link = real(token, *purposes)
        unsubscribes.unsubscribe(link=link, scope="all", now=timezone.now())
        return link

    monkeypatch.setattr(public, "find_link", unsubscribing)
    with pytest.raises(AssertionError):
        looking_unsubscribes_nobody(asked)


IMAGES = re.compile(r"<img[^>]+>")
SRC = re.compile(r'src="([^"]+)"')


def images_do_nothing(html):
    for tag in IMAGES.findall(html):
        assert not re.search(r'(width|height)="[01]"', tag), tag
        Someone("Image proxy").look(SRC.search(tag)[1])
    assert (Visit.objects.count(), Response.objects.count()) == (0, 0)


def mail_of(asked):
    text = asked.message.invitation.text
    return preview_parts(text.version, text)[1]


def test_f27_images_of_a_mail_change_nothing_and_none_is_a_pixel(asked):
    images_do_nothing(mail_of(asked))


def test_f27_guard_off_a_pixel_or_a_link_as_an_image_is_noticed(asked):
    for tag in (f'<img src="{asked.answer}?r=9" width="40" height="40">', '<img src="/x.png" width="1">'):
        with pytest.raises(AssertionError):
            images_do_nothing(tag)


def test_limits_of_the_policy_reach_the_judgement(asked, now):
    SurveyPolicy.objects.create(valid_from=now, form_ms=10_000, scanners=["Newcomer"])
    Someone("Newcomer 1").press(asked.answer, 9)
    assert ResponseRevision.objects.get().evidence["reasons"] == ["E3", "E6"]


def one_click_works(asked):
    """As a mail program does it: no cookie, no Referer, no Origin, both encodings, twice."""
    for kind, body in (
        ("application/x-www-form-urlencoded", b"List-Unsubscribe=One-Click"),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--\r\n',
        ),
    ) * 2:
        said = Someone("Mail program").client.generic("POST", asked.unsubscribe, body, kind)
        assert (said.status_code, len(said.content) <= 1024, dict(said.cookies)) == (200, True, {})
    assert list(Suppression.objects.values_list("scope", "reason")) == [("all", "unsubscribed")]


def test_f07_one_click_works_twice_in_both_encodings(asked):
    one_click_works(asked)


def test_f07_guard_off_a_page_that_wants_a_form_token_is_noticed(asked, monkeypatch):
    monkeypatch.setattr(unsubscribe_view.unsubscribe, "csrf_exempt", False)
    with pytest.raises(AssertionError):
        one_click_works(asked)


def a_gateway_over_its_limit_still_opens_what_it_was_sent(asked):
    """One network guesses until it is told to wait; its own links, its people's answers and all others go on."""
    gateway = Someone("Gateway")
    assert [gateway.look(f"/s/{n:022d}").status_code for n in range(4)] == [404, 404, 404, 429]
    assert {gateway.look(path).status_code for path in asked.links} == {200}
    elsewhere = Someone("Gateway").client.get("/s/" + "z" * 22, REMOTE_ADDR="198.51.100.7")
    assert elsewhere.status_code == 404
    assert Someone("Firefox/140").press(asked.answer, 9).status_code == 303
    assert Response.objects.counted().count() == 1


def test_f45_the_limit_is_for_guesses_alone(asked, monkeypatch):
    monkeypatch.setattr(public, "MISS_LIMIT", 3)
    a_gateway_over_its_limit_still_opens_what_it_was_sent(asked)


def test_f45_guard_off_a_limit_of_all_looks_is_noticed(asked, monkeypatch):
    monkeypatch.setattr(public, "MISS_LIMIT", 3)
    real = public.find_link

    def limited(token, *purposes):
        allowed = public.limits.allow("look", "gateway", limit=9, window=public.MISS_WINDOW)
        return real(token, *purposes) if allowed else None

    monkeypatch.setattr(public, "find_link", limited)
    with pytest.raises(AssertionError):
        a_gateway_over_its_limit_still_opens_what_it_was_sent(asked)
