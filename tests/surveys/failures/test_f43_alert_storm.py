"""F43: one unhappy person who edits the answer again and again is one case and one alert."""

from datetime import timedelta

import pytest
from django.db import IntegrityError

from config.work.models import OutgoingMail
from customers.models import FollowUp
from surveys.models import Case, Response
from surveys.services import case_intake
from tests.factories.surveys import answer, make_sent_message

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
STORM = ((0, 2, ""), (3, 2, "Three outages"), (20, 3, ""), (40, 9, ""))  # minutes, score, comment


def storm(message, now, *, tick):
    """Play the storm with the ticker after every minute; returns the case."""
    for minute in range(60):
        at = now + minute * MINUTE
        for moment, score, comment in STORM:
            if moment == minute:
                answer(message, score, now=at, comment=comment)
        tick(now=at)
    return Case.objects.order_by("pk")


def test_f43_an_alert_storm_is_one_case_with_the_comment_and_one_alert(anna, vera, now):
    message, _ = make_sent_message(anna, by=vera, now=now)
    case = storm(message, now, tick=case_intake.open_cases).get()
    assert (case.state, case.opened_at) == ("open", now + 3 * MINUTE)
    assert case.response.score == 9
    assert list(case.events.order_by("pk").values_list("kind", "note")) == [
        ("answered", "NPS 2, with a comment"),
        ("opened", ""),
        ("answered", "NPS 3, with a comment"),
        ("answered", "NPS 9, with a comment"),
    ]
    assert FollowUp.objects.get().note == "Three outages"
    mail = OutgoingMail.objects.get()
    assert b"Three outages" in bytes(mail.raw)


def test_f43_guard_off_without_the_memory_of_the_case_a_second_one_would_open(anna, vera, now, monkeypatch):
    """The guard off: only the database then stands between the person and a second alert."""
    monkeypatch.setattr(case_intake, "_newest_case", lambda response: None)
    message, _ = make_sent_message(anna, by=vera, now=now)
    answer(message, 2, now=now, comment="Slow")
    case_intake.open_cases(now=now)
    Response.objects.update(needs_follow_up_at=now)
    with pytest.raises(IntegrityError, match="surveys_case_one_open"):
        case_intake.open_cases(now=now)
