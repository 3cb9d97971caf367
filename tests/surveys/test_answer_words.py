"""The answer page in every language: switch, prompts, further questions, each of its states, and hostile input."""

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from surveys import tokens
from surveys.choices import TokenPurpose
from surveys.models import Invitation, LinkToken, Message, Response, SenderIdentity, Suppression
from surveys.words import catalogue
from tests.factories.customers import make_contact, make_customer
from tests.factories.languages import speak
from tests.factories.surveys import launch, make_campaign

pytestmark = pytest.mark.django_db

EXTRA = [
    {"key": "why", "type": "text", "question": "What went wrong?", "options": [], "when": "negative"},
    {"key": "use", "type": "choice", "question": "How often?", "options": ["Daily", "Rarely"], "when": ""},
    {"key": "ease", "type": "scale5", "question": "How easy?", "options": [], "when": "positive"},
]
FORM = "application/x-www-form-urlencoded"
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "\u202eevil",
    "x" * 10_000,
    "nul\x00here",
    "\ud800",
    "{{ 7|add:7 }}{% now %}",
    "%s %(a)s {company}",
]


@pytest.fixture(autouse=True)
def _frozen(now):
    with time_machine.travel(now + timedelta(hours=1), tick=False):
        yield


@pytest.fixture
def plain():
    return Client(enforce_csrf_checks=True)


@pytest.fixture
def asked(anna, vera, now):
    """Makes a campaign in these languages and returns the path of the first contact's answer link."""

    def ask(*languages, kind="nps", extra=None, **version):
        customer = make_customer(owner=anna, name="Halden Freight")
        make_contact(customer, "robin@halden.example", name="Robin Ash", language=languages[0])
        draft = make_campaign(by=vera, now=now, kind=kind)
        speak(draft, *languages, extra=extra, company="Kestrel", **version)
        launch(draft, by=vera, now=now)
        message = Message.objects.get()
        Message.objects.update(delivery_state="sent", accepted_at=now, settled_by="reply")
        found = {}
        for purpose in TokenPurpose.values:
            token, sha256 = tokens.mint()
            LinkToken.objects.create(sha256=sha256, purpose=purpose, message=message, minted_for="test")
            found[purpose] = f"/{'u' if purpose == 'unsubscribe' else 's'}/{token}"
        return found

    return ask


def text(page):
    return page.content.decode()


def nonce_in(page):
    return re.search(r'name="form" value="([^"]+)"', text(page)).group(1)


def send(browser, path, **fields):
    """Press Send in a form that was given out a while ago: nothing speaks for a machine."""
    proof = tokens.form_nonce(
        tokens.digest(path.rpartition("/")[2]), datetime.now(UTC) - timedelta(minutes=5)
    )
    return browser.post(path, {"form": proof, **fields})


@pytest.mark.parametrize("language", catalogue.languages())
def test_s_204_every_state_speaks_the_language_of_the_mail(asked, plain, language):
    links, words = asked(language), catalogue.words(language)
    answer = links["answer"]
    states = {
        "open": (plain.get(f"{answer}?r=7"), words.send),
        "invalid": (plain.post(answer, {"form": nonce_in(plain.get(answer))}), words.not_sent),
        "honeypot": (plain.get(links["honeypot"], headers={"user-agent": "gateway"}), words.link_text),
        "unsubscribe": (plain.get(links["unsubscribe"]), words.stop_all),
        "unsubscribed": (plain.post(links["unsubscribe"]), words.stopped_head),
    }
    assert send(plain, answer, score="9").status_code == 303
    states["thanks"] = (plain.get(f"{answer}/thanks"), words.thanks_head)
    states["answered"] = (plain.get(answer), words.answered_head)
    Response.objects.all().update(invitation=None, channel="import")
    Invitation.objects.update(response_state="expired", expires_at="2026-01-01T00:00Z")
    states["closed"] = (plain.get(answer), words.closed_head)
    for state, (page, sentence) in states.items():
        html = text(page)
        assert sentence.replace("'", "&#x27;") in html, state
        assert f'<html lang="{language}" dir="{words.direction}">' in html, state
        assert words.help in html, state  # the help contact stands in every state
        assert "{" not in re.sub(r"<script.*?</script>", "", html), state
    assert states["closed"][0].status_code == 410
    assert "Robin" not in text(states["closed"][0]) + text(states["honeypot"][0])
    assert len(states["unsubscribed"][0].content) <= 1024


def test_s_204_the_switch_keeps_what_was_typed_and_records_nothing(asked, plain):
    answer = asked("en", "de", "ar")["answer"]
    page = plain.get(f"{answer}?r=3")
    assert re.findall(r'name="lang" value="(\w+)" lang="(\w+)"', text(page)) == [("de", "de"), ("ar", "ar")]
    typed = {"form": nonce_in(page), "score": "3", "comment": "My words", "contact_me": "1", "lang": "ar"}
    switched = plain.post(answer, typed)
    assert (switched.status_code, Response.objects.count()) == (200, 0)
    assert '<html lang="ar" dir="rtl">' in text(switched)
    assert "My words</textarea>" in text(switched)
    assert 'value="3" checked' in text(switched)
    assert 'name="contact_me" value="1" checked' in text(switched)
    assert 'action="?lang=ar"' in text(switched)
    posted = plain.post(f"{answer}?lang=ar", {"form": nonce_in(switched), "score": "3"})
    assert posted.headers["Location"] == f"{answer}/thanks?lang=ar"
    assert catalogue.words("ar").thanks_head in text(plain.get(posted.headers["Location"]))


def test_the_switch_works_before_a_score_is_chosen_and_offers_only_what_was_translated(asked, plain):
    answer = asked("en", "de")["answer"]
    page = plain.get(answer)
    assert plain.post(answer, {"form": nonce_in(page), "lang": "de"}).status_code == 200
    assert 'lang="en"' in text(plain.get(f"{answer}?lang=fr"))
    assert 'lang="de"' in text(plain.get(f"{answer}?lang=de&r=7"))
    assert "<nav" not in text(plain.get("/s/unknown"))


def test_the_first_button_of_the_form_is_not_a_language(asked, plain):
    page = text(plain.get(asked("en", "de")["answer"]))
    assert re.search(r"<button[^>]*>", page).group(0) == '<button form="a" hidden>'


@pytest.mark.parametrize(
    ("score", "prompt"),
    [
        ("6", "What is the main reason for your score, and what should we fix first?"),
        ("8", "What would have to change for you to give us a 9 or 10?"),
        ("9", "What do you value most about Kestrel?"),
        ("", "What is the main reason for your score?"),
    ],
)
def test_s_11_the_prompt_follows_the_clicked_score(asked, plain, score, prompt):
    page = text(plain.get(asked("en")["answer"], {"r": score}))
    assert re.search(r'<label for="c"[^>]*>([^<]*)</label>', page).group(1) == prompt


def shown_questions(page):
    parts = re.findall(r'data-when="(\w*)"[^>]*?( hidden)?>(?:<legend>|<label[^>]*>)([^<]+)', text(page))
    return [words for _, hidden, words in parts if not hidden]


def test_s_211_further_questions_show_by_bucket_and_their_answers_are_kept(asked, plain):
    answer = asked("en", extra={"en": EXTRA})["answer"]
    assert shown_questions(plain.get(answer)) == ["How often?"]
    assert shown_questions(plain.get(f"{answer}?r=2")) == ["What went wrong?", "How often?"]
    assert shown_questions(plain.get(f"{answer}?r=10")) == ["How often?", "How easy?"]
    send(plain, answer, score="2", x_why="Too slow", x_use="2", x_ease="5")
    assert Response.objects.get().extra == {"why": "Too slow", "use": 2}


def test_s_211_they_are_optional_and_a_wrong_one_is_named(asked, plain):
    answer = asked("en", extra={"en": EXTRA})["answer"]
    wrong = send(plain, answer, score="2", x_use="7", x_why="Kept <b>words</b>")
    assert wrong.status_code == 422
    assert 'href="#x_use"' in text(wrong)
    assert 'id="x_use"' in text(wrong)
    assert "Kept &lt;b&gt;words" in text(wrong)
    assert send(plain, answer, score="2").status_code == 303
    assert Response.objects.get().extra == {}


def test_s_209_the_review_link_is_the_same_for_every_score(asked, plain):
    SenderIdentity.objects.create(
        name="K",
        email="k@k.example",
        reply_to="k@k.example",
        legal_name="K",
        review_url="https://reviews.example/k",
    )
    answer = asked("en")["answer"]
    seen = []
    for score in ("0", "8", "10"):
        send(plain, answer, score=score)
        seen.append(text(plain.get(f"{answer}/thanks")))
    assert len(set(seen)) == 1
    assert 'href="https://reviews.example/k"' in seen[0]
    assert "reviews.example" not in text(plain.get(f"{answer}?change=1"))


def test_s_92_a_suspect_answer_is_thanked_like_any_other_and_leaves_the_form_open(asked, plain):
    answer = asked("en")["answer"]
    send(plain, answer, score="9")
    counted = text(plain.get(f"{answer}/thanks"))
    Response.objects.update(status="suspect")
    Invitation.objects.update(response_state="suspect")
    suspect = text(plain.get(f"{answer}/thanks"))
    assert "suspect" not in suspect.lower()
    assert re.search(r"<h1>.*?</p>", suspect).group(0) == re.search(r"<h1>.*?</p>", counted).group(0)
    page = text(plain.get(f"{answer}?r=4"))
    assert "answered before" not in page
    assert 'value="4" checked' in page


@pytest.mark.parametrize("field", ["score", "comment", "form", "x_use", "lang", "contact_me"])
def test_f29_hostile_input_is_shown_escaped_and_never_an_error_of_ours(asked, plain, field):
    answer = asked("en", extra={"en": EXTRA})["answer"]
    nonce = nonce_in(plain.get(answer))
    for value in HOSTILE:
        sent = {
            "form": nonce,
            "score": "11",
            "comment": "words",
            field: value.encode("utf-8", "surrogatepass"),
        }
        page = plain.post(answer, urlencode(sent), FORM)
        assert page.status_code == 422 or (field == "lang" and page.status_code == 200)
        assert "<script>alert" not in text(page)
        assert "<img" not in text(page)
        assert "\x00" not in text(page)
    assert Response.objects.count() == 0


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"score=9&comment=%ED%A0%80%00%FF", "application/x-www-form-urlencoded"),
        (b"score=9&form=x", "application/x-www-form-urlencoded; charset=utf-7"),
        (b"no boundary", "multipart/form-data"),
        (b"--b\r\nbroken", "multipart/form-data; boundary=b"),
        (b"&".join(b"f%d=1" % n for n in range(1500)), "application/x-www-form-urlencoded"),
        (b'{"score": 9}', "application/json"),
        (b"score=" + b"9" * 9000, "application/x-www-form-urlencoded"),
    ],
)
def test_f29_a_body_that_cannot_be_read_brings_the_form_back(asked, plain, body, content_type):
    answer = asked("en")["answer"]
    page = plain.generic("POST", answer, body, content_type)
    assert page.status_code == 422
    assert Response.objects.count() == 0


def test_s_100_page_style_and_script_stay_within_their_budgets(
    asked, plain, settings, django_assert_max_num_queries
):
    many = [
        {**EXTRA[1], "key": f"k{n}", "options": [f"Option {i} of it" for i in range(8)]} for n in range(3)
    ]
    answer = asked(
        "ar", "en", "de", "fr", "es", kind="csat7", extra=dict.fromkeys(catalogue.languages(), many)
    )["answer"]
    with django_assert_max_num_queries(2):
        page = plain.get(f"{answer}?r=7")
    static = settings.BASE_DIR / "config" / "static"
    assert len(page.content) <= 12 * 1024
    assert (static / "css" / "answer.css").stat().st_size <= 6 * 1024
    assert (static / "js" / "answer.js").stat().st_size <= 4 * 1024
    assert len(re.findall(r"<(?:script|img|iframe)[^>]+src=|rel=\"stylesheet\"", text(page))) + 1 <= 3
    for path in (answer, f"{answer}/thanks", f"{answer}?lang=de"):
        with django_assert_max_num_queries(2):
            plain.get(path)


def test_f5_the_script_never_sends(settings):
    script = (settings.BASE_DIR / "config" / "static" / "js" / "answer.js").read_text()
    for word in (
        "submit(",
        "requestSubmit",
        "fetch(",
        "XMLHttpRequest",
        "sendBeacon",
        ".click(",
        "WebSocket",
    ):
        assert word not in script


def test_s_122_both_scopes_are_offered_in_the_language_and_kept(asked, plain):
    unsubscribe = asked("de")["unsubscribe"]
    page = text(plain.get(unsubscribe))
    assert "Gar keine Umfragen" in page
    assert "Nur keine NPS-Umfragen" in page
    assert 'hreflang="ar"' in page
    plain.post(f"{unsubscribe}?lang=ar", {"scope": "kind"})
    assert list(Suppression.objects.values_list("scope", flat=True)) == ["nps"]


def test_pages_without_a_link_follow_the_browser_and_the_address(plain):
    privacy = reverse("surveys:privacy")
    assert 'lang="fr"' in text(plain.get(privacy, headers={"accept-language": "fr-CH, en;q=0.5"}))
    assert 'lang="ar" dir="rtl"' in text(plain.get(f"{privacy}?lang=ar"))
    assert 'lang="en"' in text(plain.get(f"{privacy}?lang=<x>", headers={"accept-language": "tlh"}))
