"""F2, F3, F5: real browsers that open everything, press everything, and what our own script may never do."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings

from surveys.models import Response, Suppression
from tests.browser.conftest import admin, visit  # noqa: F401 - fixtures
from tests.factories.surveys import make_sent_message
from tests.factories.users import make_team, make_user
from tests.surveys.conftest import path_of

ROOT = Path(settings.BASE_DIR)
SUBMITS = re.compile(
    r"\.(?:submit|requestSubmit)\s*\(|\.click\s*\(\)|sendBeacon|XMLHttpRequest|fetch\s*\(|hx-post"
)


def sends_by_itself(text):
    """Lines of a public page or its script that could send a form without a press."""
    return [line.strip()[:120] for line in text.splitlines() if SUBMITS.search(line)]


def public_sources():
    pages = {"answer", "thanks", "public", "notice", "unsubscribe", "privacy"}
    templates = [path for path in (ROOT / "templates/surveys").glob("*.html") if path.stem in pages]
    return [*templates, *(ROOT / "config/static/js").glob("answer*.js")]


def test_f05_no_public_page_or_script_can_send_a_form_by_itself():
    sources = public_sources()
    assert len(sources) >= 4
    assert {path.name: found for path in sources if (found := sends_by_itself(path.read_text()))} == {}


@pytest.mark.parametrize(
    "text", ["form.submit()", "f.requestSubmit ();", "fetch('/s/x', {method: 'POST'})", "button.click()"]
)
def test_f05_guard_off_an_added_automatic_submit_is_noticed(text):
    assert sends_by_itself(text)


@pytest.fixture
def asked(visit, admin):  # noqa: F811 - fixtures
    """A window and the links of a mail that the server has just taken."""
    owner = make_user("Anna Berg", team=make_team("North"), email="anna@tend.example")
    now = datetime.now(UTC).replace(microsecond=0)
    message, links = make_sent_message(owner, by=admin, now=now)
    return visit(), message, links


def posts_of(page):
    sent = []
    page.on("request", lambda request: sent.append(request.url) if request.method != "GET" else None)
    return sent


def opened_and_waited(window, links, sent):
    """The links of the mail, ten seconds each on the page's own clock, with all timers of its scripts."""
    window.page.clock.install()
    ratings = [f"{links.answer}?r={score}" for score in range(11)]
    for link in (*ratings, links.answer, links.honeypot, links.unsubscribe):
        window.page.goto(window.base + path_of(link))
        window.page.clock.run_for(10_000)
    assert sent == []
    assert (Response.objects.count(), Suppression.objects.count()) == (0, 0)


@pytest.mark.browser
def test_f02_f05_a_browser_that_opens_every_link_and_waits_sends_nothing(asked):
    window, _, links = asked
    opened_and_waited(window, links, posts_of(window.page))


@pytest.mark.browser
def test_f02_f05_guard_off_a_script_that_sends_after_three_seconds_is_noticed(asked):
    window, _, links = asked
    sent = posts_of(window.page)
    later = "setTimeout(() => document.querySelector('form[method=post]').submit(), 3000)"
    window.page.route(
        "**/answer*.js", lambda route: route.fulfill(content_type="text/javascript", body=later)
    )
    window.page.clock.install()
    window.page.goto(f"{window.base}{path_of(links.answer)}?r=9")
    with window.page.expect_request(lambda request: request.method == "POST"):  # the page leaves by itself
        window.page.clock.run_for(10_000)
    assert len(sent) == 1


@pytest.mark.browser
def test_f03_a_browser_that_presses_every_button_within_seconds_is_suspect(asked):
    window, message, links = asked
    window.page.goto(f"{window.base}{path_of(links.answer)}?r=3")
    type(message).objects.update(accepted_at=datetime.now(UTC) - timedelta(seconds=2))
    window.page.evaluate("document.querySelector('form[method=post]').requestSubmit()")
    window.page.wait_for_url("**/thanks")
    response = Response.objects.get()
    assert (response.status, response.needs_follow_up_at) == ("suspect", None)
    window.page.goto(f"{window.base}{path_of(links.answer)}?r=9")
    window.page.locator("main form button").last.click()
    window.page.wait_for_url("**/thanks")
    response.refresh_from_db()
    assert (response.status, Response.objects.counted().count()) == ("suspect", 0)
    assert {"E4"} <= set(response.revisions.order_by("-number").first().evidence["reasons"])
