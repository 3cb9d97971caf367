"""F8, F40: altered links are all alike, and no link is ever written into a log."""

import io
import logging
import re
import runpy
import time
from datetime import timedelta
from pathlib import Path
from statistics import median
from types import SimpleNamespace

import pytest
from django.conf import settings as site
from django.db import connection
from django.test.utils import CaptureQueriesContext
from gunicorn.config import Config
from gunicorn.glogging import Logger

from config.checks import routes
from config.web.masking import MaskedFormatter, masked
from surveys.models import Invitation, LinkToken
from surveys.views import answer as answer_view
from surveys.views import public
from tests.surveys.failures.conftest import Someone

pytestmark = pytest.mark.django_db
ROUNDS = 15


def altered(asked):
    """Every character flipped, other cases, and each secret at the door of another."""
    token, way_out, pit = (
        path.rpartition("/")[2] for path in (asked.answer, asked.unsubscribe, asked.honeypot)
    )
    flips = [f"{token[:at]}{'A' if token[at] != 'A' else 'B'}{token[at + 1 :]}" for at in range(len(token))]
    wrong = [f"/s/{one}" for one in (*flips, token.swapcase(), token.lower(), token[:-1], f"{token}A")]
    return [*wrong, f"/s/{way_out}", f"/u/{token}", f"/u/{pit}"]


def altered_links_are_one_page(asked):
    wrong = altered(asked)
    assert len(wrong) == public.MISS_LIMIT - 1
    pages = [Someone().look(path) for path in wrong]
    assert {page.status_code for page in pages} == {404}
    assert len({(page.content, tuple(sorted(page.headers.items()))) for page in pages}) == 1


def test_f08_every_altered_character_and_every_crossed_link_is_the_same_page(asked):
    altered_links_are_one_page(asked)
    assert [Someone().look(f"/s/{n:022d}").status_code for n in range(2)] == [404, 429]
    assert Someone().look(asked.answer).status_code == 200


def test_f08_guard_off_a_link_that_opens_any_door_is_noticed(asked, monkeypatch):
    real = public.links.find
    monkeypatch.setattr(
        public.links, "find", lambda sha, *_, now: real(sha, "answer", "unsubscribe", now=now)
    )
    with pytest.raises(AssertionError):
        altered_links_are_one_page(asked)


KINDS = ("unknown", "altered", "crossed", "revoked")


@pytest.fixture
def misses(asked, monkeypatch):
    """A path of each kind of miss, with the limit out of the way."""
    monkeypatch.setattr(public, "MISS_LIMIT", 10_000)
    token = asked.answer.removeprefix("/s/")
    LinkToken.objects.filter(purpose="honeypot").update(revoked_at=Invitation.objects.get().created_at)
    paths = (
        "/s/aaaaaaaaaaaaaaaaaaaaaa",
        f"/s/{token.swapcase()}",
        asked.unsubscribe.replace("/u/", "/s/"),
        asked.honeypot,
    )
    return dict(zip(KINDS, paths, strict=True))


def the_same_work(misses):
    """The statements of each kind of miss, values aside."""
    Someone().look(misses["unknown"])  # what the first look of all reads and keeps
    done = {}
    for kind in KINDS:
        with CaptureQueriesContext(connection) as seen:
            Someone().look(misses[kind])
        done[kind] = [re.sub(r"'[^']*'", "''", one["sql"]) for one in seen.captured_queries]
    assert len(done["unknown"]) >= 2
    assert len({tuple(statements) for statements in done.values()}) == 1


def test_f08_every_kind_of_miss_asks_the_database_the_same(misses):
    the_same_work(misses)


@pytest.fixture
def curious(monkeypatch):
    """A lookup that asks a second question about secrets it knows."""
    real = public.links.find

    def find(sha, *purposes, now):
        if LinkToken.objects.filter(sha256=sha).exists():
            for _ in range(9):
                LinkToken.objects.get(sha256=sha).message.invitation.refresh_from_db()
        return real(sha, *purposes, now=now)

    monkeypatch.setattr(public.links, "find", find)


def test_f08_guard_off_a_second_question_about_known_secrets_is_noticed(misses, curious):
    with pytest.raises(AssertionError):
        the_same_work(misses)


def no_kind_takes_longer(misses, rounds):
    """Middle times differ by less than a busy machine makes of them; the kinds take turns, so all suffer alike.

    The sharp comparison is the one of the statements above.
    """
    took = {kind: [] for kind in KINDS}
    visitor = Someone()
    for _ in range(rounds):
        for kind, path in misses.items():
            began = time.thread_time()
            visitor.look(path)
            took[kind].append(time.thread_time() - began)
    middle = {kind: median(times) for kind, times in took.items()}
    assert max(middle.values()) <= 1.25 * min(middle.values()), middle


def test_f08_no_kind_of_miss_takes_longer(misses):
    no_kind_takes_longer(misses, ROUNDS)


def test_f08_guard_off_the_time_of_a_second_question_is_noticed(misses, curious):
    with pytest.raises(AssertionError):
        no_kind_takes_longer(misses, 4)


@pytest.fixture
def console():
    """What the handler of our settings writes, line by line."""
    handler = next(one for one in logging.getLogger().handlers if isinstance(one.formatter, MaskedFormatter))
    written = io.StringIO()
    usual = handler.setStream(written)
    yield handler, written
    handler.setStream(usual)


def nothing_of_a_link_is_logged(asked, written, monkeypatch):
    """Unknown, refused, closed and broken: each is a line of the log, and each names only the kind of page."""
    token = asked.answer.removeprefix("/s/")
    someone = Someone()
    someone.client.raise_request_exception = False
    assert someone.post(asked.answer, {"score": 9}).status_code == 422
    assert someone.look(f"/u/{token}?lang=de").status_code == 404
    Invitation.objects.update(expires_at=asked.message.accepted_at)
    assert someone.look(asked.answer).status_code == 410
    monkeypatch.setattr(answer_view, "note_visit", lambda **_: 1 / 0)
    assert someone.look(f"{asked.answer}?r=9").status_code == 500
    lines = written.getvalue()
    assert len(re.findall(r"/[su]/\*\*\*", lines)) >= 4
    assert "ZeroDivisionError" in lines
    assert token not in lines


def test_f40_the_log_names_no_link(asked, console, monkeypatch):
    nothing_of_a_link_is_logged(asked, console[1], monkeypatch)


def test_f40_guard_off_a_plain_line_shows_the_link(asked, console, monkeypatch):
    handler, written = console
    monkeypatch.setattr(handler, "formatter", logging.Formatter("%(message)s"))
    with pytest.raises(AssertionError):
        nothing_of_a_link_is_logged(asked, written, monkeypatch)


ACCESS = '%(h)s "%(r)s" %(U)s %(s)s "%(f)s" %({raw_uri}e)s'


def access_line(logger_class, path, file):
    """What the web server of that log class writes about a look at `path` and a crash of it."""
    config = Config()
    for name in ("accesslog", "errorlog"):
        config.set(name, str(file))
    config.set("access_log_format", ACCESS)
    config.set("logger_class", logger_class)
    log = config.logger_class(config)
    environ = {
        "REQUEST_METHOD": "GET", "RAW_URI": path, "SERVER_PROTOCOL": "HTTP/1.1", "PATH_INFO": path.partition("?")[0],
        "HTTP_REFERER": f"https://tend.example{path}",
    }  # fmt: skip
    answered = SimpleNamespace(status="200 OK", headers=[], sent=9)
    log.access(answered, SimpleNamespace(headers=[]), environ, timedelta(milliseconds=3))
    log.error("Error handling request %s", path)
    for handler in (*log.access_log.handlers, *log.error_log.handlers):
        handler.close()
    for one in (log.access_log, log.error_log):
        one.handlers.clear()
    return file.read_text()


def test_f40_the_access_log_of_the_web_server_names_no_link(asked, tmp_path):
    ours = runpy.run_path(str(Path(site.BASE_DIR) / "gunicorn.conf.py"))["logger_class"]
    line = access_line(ours, f"{asked.answer}?r=9", tmp_path / "ours.log")
    assert line.count("/s/***") == 5
    token = asked.answer.removeprefix("/s/")
    assert token not in line
    assert token in access_line(Logger, f"{asked.answer}?r=9", tmp_path / "plain.log")  # the guard off


def test_f40_every_route_with_a_secret_is_masked():
    ours = [one for one in routes() if getattr(one["view"], "declaration", None)]
    behind = [one["pattern"] for one in ours if one["view"].declaration.scope == "token"]
    paths = {"/" + re.sub("<[^>]+>", "SECRET", pattern) for pattern in behind} | {
        "/password/reset/key/SECRET/"
    }
    assert {"/s/SECRET", "/s/SECRET/thanks", "/u/SECRET", "/invite/SECRET/"} <= paths
    assert [path for path in paths if "SECRET" in masked(f"Not Found: {path}?lang=de")] == []
    usual = "Not Found: /surveys/12/ /settings/users/4/invite/ /static/css/answer.css"
    assert masked(usual) == usual
