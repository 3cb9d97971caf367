"""F1, F3, F4, F6, F27: what scanners do to links and buttons. Each guard is also shown switched off."""

import random
import re
from collections import Counter
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from customers.models import StaleMark
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
from surveys.services import unsubscribes
from surveys.services.responses import Answer, record_response
from surveys.views import answer as answer_view
from surveys.views import public
from tests.surveys.failures.conftest import CHROME, Someone

pytestmark = pytest.mark.django_db


def nothing_counted():
    """No score, no case, no alert, no health reading (S-7)."""
    assert Response.objects.counted().count() == 0
    assert Response.objects.exclude(needs_follow_up_at=None).count() == 0
    assert (Case.objects.count(), StaleMark.objects.filter(cause__startswith="survey").count()) == (0, 0)
    assert Invitation.objects.filter(response_state="answered").count() == 0


def looked_at(asked):
    """All links forwards, the ends of the scale and the ways out again backwards and shuffled."""
    few = [asked.ratings[0], asked.ratings[10], asked.answer, asked.honeypot, asked.unsubscribe]
    checker = Someone(CHROME)
    for order in (asked.links, few[::-1], random.Random(1).sample(few, len(few))):
        for path in order:
            assert checker.look(path, "head").status_code == 200
            assert checker.look(path).status_code == 200


def looks_answered_nothing(asked):
    looked_at(asked)
    assert (Response.objects.count(), Suppression.objects.count()) == (0, 0)
    nothing_counted()
    rows = Visit.objects.values_list("token", "r", "method", "fingerprint", "minute")
    assert max(Counter(rows).values()) == 1
    assert len(rows) == 2 * 13
    assert Someone().look(asked.answer).status_code == 200


def test_f01_head_and_get_of_every_link_in_three_orders_answer_nothing(asked):
    looks_answered_nothing(asked)


def test_f01_guard_off_a_look_that_answers_is_noticed(asked, monkeypatch):
    def answering(*, link, look, now):
        if look.score == 9:
            record_response(link=link, answer=Answer(score=look.score), now=now)

    monkeypatch.setattr(answer_view, "note_visit", answering)
    with pytest.raises(AssertionError):
        looks_answered_nothing(asked)


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
