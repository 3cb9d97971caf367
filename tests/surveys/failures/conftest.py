"""A mail that the server took an hour ago, and clients that look at its links or press Send."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from tests.factories.surveys import make_sent_message
from tests.surveys.conftest import path_of

READING = timedelta(seconds=5)
CHROME = "Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0 Safari/537.36"
NONCE = re.compile(r'name="form" value="([^"]+)"')


class Someone:
    """A browser of its own, named by its browser string."""

    def __init__(self, name="Firefox/140", **headers):
        self.client = Client(enforce_csrf_checks=True)
        self.headers = {"user-agent": name, **headers}

    def look(self, path, method="get"):
        return getattr(self.client, method)(path, headers=self.headers)

    def press(self, path, score, *, after=READING, **fields):
        """Open the form, then press Send `after` that time."""
        page = self.look(f"{path}?change=1")
        found = NONCE.search(page.content.decode())
        assert found, page.content.decode()[:2000]
        with time_machine.travel(timezone.now() + after, tick=False):
            return self.post(path, {"form": found[1], "score": score, **fields})

    def post(self, path, data):
        return self.client.post(path, data, headers=self.headers)


@pytest.fixture
def an_hour_later(now):
    with time_machine.travel(now + timedelta(hours=1), tick=False) as clock:
        yield clock


class Asked:
    """The paths of one mail's links."""

    def __init__(self, message, links):
        self.message = message
        self.answer, self.honeypot = path_of(links.answer), path_of(links.honeypot)
        self.unsubscribe = path_of(links.unsubscribe)
        self.ratings = [f"{self.answer}?r={score}" for score in range(11)]

    @property
    def links(self):
        return [*self.ratings, self.answer, self.honeypot, self.unsubscribe]


@pytest.fixture
def asked(anna, vera, now, an_hour_later):
    return Asked(*make_sent_message(anna, by=vera, now=now))
