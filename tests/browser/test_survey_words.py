"""Mails and answer pages as people see and hear them: dark, narrow, from right to left, by keyboard, without script."""

import re
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy

import pytest

from surveys import tokens
from surveys.choices import TokenPurpose
from surveys.emails import MailLinks, link, survey_mail
from surveys.formulas.mail_html import contrast
from surveys.models import LinkToken, Message, Response
from tests.browser.chromium import CHROMIUM
from tests.browser.looks import findings
from tests.browser.pixels import colours
from tests.factories.customers import make_contact, make_customer
from tests.factories.languages import speak
from tests.factories.surveys import launch, make_campaign
from tests.factories.users import make_team, make_user

pytestmark = pytest.mark.browser

WIDTHS = (320, 360, 390, 600)
LOOKED_AT = [("nps", "en"), ("csat5", "de"), ("ces7", "ar"), ("nps", "ar")]
EXTRA = [
    {"key": "why", "type": "text", "question": "What went wrong?", "options": [], "when": "negative"},
    {"key": "use", "type": "choice", "question": "How often?", "options": ["Daily", "Rarely"], "when": ""},
    {"key": "ease", "type": "scale5", "question": "How easy?", "options": [], "when": "positive"},
]
# Landmarks are left out: a mail is shown inside the page of a mail program, which has its own.
OF_A_MAIL = {"resultTypes": ["violations"], "runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]}
GREY = "<style>h1.grey{color:#777!important;background:#888!important}</style></head>"
BOXES = """els => els.map(el => { const b = el.getBoundingClientRect(); return [b.width, b.height, b.left, b.top]; })"""


@pytest.fixture
def now():
    return datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def ask(admin, now):
    """Asks one contact in the first of these languages; returns message and answer path."""

    def make(*languages, kind="nps", **plan):
        owner = make_user(f"Anna {kind} {languages[0]}", team=make_team(f"North {kind} {languages[0]}"))
        customer = make_customer(owner=owner, name="Halden Freight")
        make_contact(customer, f"{kind}@{languages[0]}.example", name="Robin Ash", language=languages[0])
        draft = speak(make_campaign(by=admin, kind=kind, now=now), *languages, **plan)
        launch(draft, by=admin, now=now)
        message = Message.objects.get(invitation__wave__campaign=draft, invitation__customer=customer)
        token, sha256 = tokens.mint()
        LinkToken.objects.create(
            sha256=sha256, purpose=TokenPurpose.ANSWER, message=message, minted_for="test"
        )
        accepted = now - timedelta(hours=1)
        Message.objects.filter(pk=message.pk).update(
            delivery_state="sent", accepted_at=accepted, settled_by="reply"
        )
        return Message.objects.get(pk=message.pk), f"/s/{token}"

    return make


def mail_html(message, now):
    links = MailLinks(
        answer=link("s", "a" * 22), unsubscribe=link("u", "b" * 22), honeypot=link("s", "c" * 22)
    )
    raw = survey_mail(message, links=links, now=now)
    return message_from_bytes(raw, policy=policy.default).get_body(("html",)).get_content()


def misfits(window, mail):
    """What does not fit at the widths of phones and of a desk: sideways scroll, and targets too small for a finger."""
    window.page.set_content(mail)
    found = []
    for width in WIDTHS:
        window.page.set_viewport_size({"width": width, "height": 700})
        found += [f"{width}: {window.sideways()} px sideways"] if window.sideways() > 0 else []
        keys = window.page.eval_on_selector_all("a[href*='?r=']", BOXES)
        found += [f"{width}: {box}" for box in keys if box[0] < 24 or box[1] < 44]
    return found, keys


@pytest.mark.parametrize(("kind", "language"), LOOKED_AT)
def test_f32_a_mail_fits_every_phone_in_every_mode(visit, ask, axe, now, kind, language):
    message, _ = ask(language, kind=kind)
    window = visit(320, 700)
    found, keys = misfits(window, mail_html(message, now))
    along = [box[2] for box in keys] if kind == "nps" else [box[3] for box in keys]
    assert along == sorted(along, reverse=kind == "nps" and language == "ar")
    for scheme in ("light", "dark"):
        window.page.emulate_media(color_scheme=scheme)
        rules = axe.run(window.page, options=OF_A_MAIL).response["violations"]
        found += [f"{scheme}: {rule['id']} at {rule['nodes'][0]['target']}" for rule in rules]
    assert found == []


def test_f32_guard_off_a_wide_table_and_low_cells_are_noticed(visit, ask, now):
    message, _ = ask("en")
    wide = mail_html(message, now).replace("</body>", '<table width="900"><tr><td>x</td></tr></table></body>')
    low = mail_html(message, now).replace('height="46"', 'height="20"')
    low = re.sub(r"(line-)?height:4\dpx", r"\1height:20px", low)
    window = visit(320, 700)
    assert "px sideways" in misfits(window, wide)[0][0]
    assert len(misfits(window, low)[0]) >= 11


def test_f31_forced_dark_keeps_text_and_borders_readable_and_with_the_guard_off_not(browser, ask, now):
    message, _ = ask("en")
    plain = mail_html(message, now).replace('content="light dark"', 'content="light"')
    dark = browser.browser_type.launch(
        executable_path=CHROMIUM, args=["--no-sandbox", "--enable-features=WebContentsForceDark"]
    )
    try:
        page = dark.new_page(viewport={"width": 390, "height": 900})
        page.set_content(plain.replace("color-scheme: light dark", ""))

        def seen(selector, **clip):
            box = page.locator(selector).first.bounding_box() | clip
            found = colours(page.screenshot(clip=box))
            return contrast(found[0], found[-1])

        (ground,) = colours(page.screenshot(clip={"x": 2, "y": 2, "width": 4, "height": 4}))
        assert contrast(ground, "#ffffff") > 10  # the mode is really on
        for selector in ("h1", "td.key a", "td.soft p", "p"):
            assert seen(selector, height=22) >= 4.5, selector
        key = page.locator("td.key").first.bounding_box()
        assert seen("td.key", y=key["y"] + 4, width=6, height=6) >= 3  # the edge of a cell
        # the guard off: a heading whose own ground is as grey as its letters
        page.set_content(plain.replace("<h1", '<h1 bgcolor="x" class="grey"').replace("</head>", GREY))
        assert seen("h1", height=22) < 4.5
    finally:
        dark.close()


@pytest.mark.parametrize(("kind", "language"), [("nps", "ar"), ("csat7", "de")])
def test_f33_every_state_of_the_page_is_clean_in_other_languages(visit, ask, axe, kind, language):
    extra = dict.fromkeys(("ar", "de", "en"), EXTRA)
    _, path = ask(language, "en", kind=kind, extra=extra)
    window = visit()
    found = []
    for suffix in ("?r=2", ""):
        window.page.goto(window.base + path + suffix)
        found += findings(axe, window, f"{language} {suffix}")
    window.page.click("main button")
    assert window.page.title().startswith(("Fehler:", "خطأ:"))
    assert window.page.evaluate("document.activeElement.id") == "summary"
    found += findings(axe, window, f"{language} error")
    window.page.check("#p2", force=True)
    window.page.click("main button")
    found += findings(axe, window, f"{language} thanks")
    assert found == []


def test_f33_keyboard_alone_answers_and_arrows_never_send(visit, ask):
    _, path = ask("en", "de", extra={"en": EXTRA, "de": EXTRA})
    window = visit(390, 844)
    page = window.page
    sent = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    page.goto(f"{window.base}{path}?r=7")
    assert page.evaluate("document.activeElement.tagName") == "BODY"  # nothing grabs the focus
    while page.evaluate("document.activeElement.name") != "score":
        page.keyboard.press("Tab")
    for key, point in (("ArrowRight", "8"), ("ArrowDown", "9"), ("ArrowLeft", "8"), ("ArrowUp", "7")):
        page.keyboard.press(key)
        assert page.evaluate("document.activeElement.value") == point
    page.keyboard.press("Space")
    assert sent == []
    page.keyboard.press("Tab")
    page.keyboard.type("Typed by hand")
    assert page.text_content("#n") == "13 / 4000"
    page.wait_for_timeout(1100)
    page.focus("#p7")
    page.keyboard.press("Enter")  # the first button of the form is Send, not a language
    page.wait_for_url(re.compile("/thanks$"))
    assert len(sent) == 1
    assert Response.objects.get().score == 7


def test_f33_guard_off_an_arrow_that_sends_is_noticed(visit, ask):
    _, path = ask("en")
    window = visit(390, 844)
    sends = "for (const e of document.querySelectorAll('[name=score]')) e.onchange = () => e.form.submit()"
    window.page.route(
        "**/answer*.js", lambda route: route.fulfill(content_type="text/javascript", body=sends)
    )
    window.page.goto(f"{window.base}{path}?r=7")
    window.page.focus("#p7")
    with window.page.expect_request(lambda request: request.method == "POST", timeout=5000):
        window.page.keyboard.press("ArrowRight")


def test_f33_the_accessibility_tree_names_question_ends_and_boxes(visit, ask):
    _, path = ask("en", extra={"en": EXTRA})
    window = visit()
    window.page.goto(f"{window.base}{path}?r=3")
    page = window.page
    group = page.get_by_role(
        "group", name="How likely is it that you would recommend Kestrel to a friend or colleague?"
    )
    assert group.get_by_role("radio").count() == 11
    assert group.get_by_role("radio", name="0, not at all likely", exact=True).count() == 1
    assert group.get_by_role("radio", name="10, extremely likely", exact=True).count() == 1
    assert group.get_by_role("radio", name="3", exact=True, checked=True).count() == 1
    assert page.get_by_role("status").text_content().startswith("You chose 3 in the mail")
    assert (
        page.get_by_role(
            "textbox", name="What is the main reason for your score, and what should we fix first?"
        ).count()
        == 1
    )
    assert page.get_by_role("textbox", name="What went wrong?").count() == 1
    assert page.get_by_role("group", name="How often?").get_by_role("radio").count() == 2
    assert page.get_by_role("group", name="How easy?").count() == 0
    page.check("#p10", force=True)
    assert page.get_by_role("group", name="How easy?").get_by_role("radio").count() == 5
    assert page.get_by_role("textbox", name="What went wrong?").count() == 0
    assert page.get_by_role("textbox", name="What do you value most about Kestrel?").count() == 1
    page.evaluate("document.querySelector('legend').remove()")  # the guard off: a group without its name
    assert page.get_by_role("group", name="How likely is it").count() == 0


def test_s_100_the_page_asks_for_three_things_and_no_third_party(visit, ask):
    _, path = ask("en")
    window = visit(390, 844)
    asked = []
    window.page.on("request", lambda request: asked.append(request.url))
    window.page.goto(window.base + path)
    window.page.wait_for_load_state("networkidle")
    assert len([url for url in asked if not url.endswith("favicon.svg")]) <= 3
    assert {url.split("/s/")[0].split("/static/")[0] for url in asked} == {window.base}
    for state in ("light", "dark"):
        window.page.emulate_media(color_scheme=state, forced_colors="active")
        window.page.focus("#p7")
        window.page.keyboard.press("Space")
        ring = window.page.eval_on_selector("#p7 + span", "el => getComputedStyle(el).borderTopWidth")
        assert ring == "4px"  # chosen is told without colour


def test_s_97_targets_and_columns_on_a_phone_and_at_four_hundred_per_cent(visit, ask):
    _, path = ask("en", extra={"en": EXTRA})
    window = visit(390, 844)
    window.page.goto(f"{window.base}{path}?r=10")
    boxes = window.page.eval_on_selector_all(".scale .points label", BOXES)
    tops = [round(box[3]) for box in boxes]
    assert [tops.count(top) for top in sorted(set(tops))] == [6, 5]
    small = window.page.eval_on_selector_all(".points label, .call, main button, nav *", BOXES)
    assert [box for box in small if box[0] and (box[0] < 44 or box[1] < 44)] == []
    window.page.set_viewport_size({"width": 320, "height": 256})  # 1280 by 1024 at 400 %
    assert window.sideways() <= 0


def test_f34_guard_off_a_page_that_waits_for_its_script_is_noticed(visit, ask):
    _, path = ask("en")
    window = visit(390, 844, java_script_enabled=False)

    def waiting(route):
        reply = route.fetch()
        route.fulfill(response=reply, body=reply.text().replace("<button", "<button disabled"))

    window.page.route("**/s/*", waiting)
    window.page.goto(f"{window.base}{path}")
    window.page.check("#p2", force=True)
    with pytest.raises(Exception, match="element is not enabled"):
        window.page.click("main button", timeout=500)


def test_f34_the_whole_flow_without_script_switches_language_and_counts(visit, ask):
    _, path = ask("en", "ar", extra={"en": EXTRA, "ar": EXTRA})
    window = visit(390, 844, java_script_enabled=False)
    page = window.page
    page.goto(f"{window.base}{path}?r=2")
    page.fill("#c", "My words")
    page.fill("#x_why", "Slow")
    page.click("nav button[lang=ar]")
    assert page.get_attribute("html", "dir") == "rtl"
    assert (page.input_value("#c"), page.input_value("#x_why")) == ("My words", "Slow")
    assert page.is_checked("#p2")
    page.wait_for_timeout(1100)
    page.click("main button")
    assert page.url.endswith("/thanks?lang=ar")
    response = Response.objects.get()
    assert (response.score, response.comment, response.extra, response.status) == (
        2, "My words", {"why": "Slow"}, "counted",
    )  # fmt: skip
